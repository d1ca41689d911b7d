"""Seeding with what goes on beside it: rates by the hour, and whoever wants to know how it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from outpour.downloader.kept_rates import KeptRates
from outpour.downloader.outcome import Note, Outcome
from outpour.downloader.rate_schedule import RateSchedule
from outpour.downloader.seed_job import SeedJob
from outpour.engine import Engine, Status


class SeedRun:
    """Turns a job, and what goes on beside it.

    Args:
        job: Seeds.
        engine: Its engine.
        schedule: Of the rates.
        tell: Told at each turn how torrents do.
    """

    def __init__(
        self,
        job: SeedJob,
        engine: Engine,
        *,
        schedule: RateSchedule | None = None,
        tell: Callable[[Sequence[Status]], None] | None = None,
    ) -> None:
        self.job = job
        self._rates = KeptRates(engine, schedule)
        self._tell = tell

    @property
    def is_over(self) -> bool:
        """Whether not one torrent can be seeded."""
        return self.job.is_over

    def turn(self) -> tuple[list[Status], list[Outcome]]:
        """Look once: how each torrent does, and what has come out since."""
        self._rates.turn()
        statuses, outcomes = self.job.turn()
        if self._tell is not None:
            self._tell(statuses)
        return statuses, outcomes

    def close(self) -> list[Note]:
        """Keep what the next run needs; returns what went wrong."""
        return self.job.close()
