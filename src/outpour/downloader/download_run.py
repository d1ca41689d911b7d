"""A download with all that goes on beside it: what brings torrents, rates, commands at the end."""

from __future__ import annotations

from collections.abc import Sequence

from outpour.base.errors import OutpourError, WriteError
from outpour.downloader.completion_commands import CompletionCommands
from outpour.downloader.download_job import Job
from outpour.downloader.kept_rates import KeptRates
from outpour.downloader.outcome import Completed, Failed, Note, Outcome
from outpour.downloader.rate_schedule import RateSchedule
from outpour.downloader.supply import Supplied, Supply
from outpour.engine import Engine, Status
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo


class DownloadRun:
    """Turns a job, and what goes on beside it.

    Args:
        job: Downloads.
        engine: Its engine.
        supplies: Bring torrents as long as it runs.
        commands: Run for what is complete.
        schedule: Of the rates.
    """

    def __init__(
        self,
        job: Job,
        engine: Engine,
        *,
        supplies: Sequence[Supply] = (),
        commands: CompletionCommands | None = None,
        schedule: RateSchedule | None = None,
    ) -> None:
        self.job = job
        self._supplies = supplies
        self._commands = commands
        self._rates = KeptRates(engine, schedule)
        self._supplied: dict[bytes, tuple[Supply, str]] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do, and nothing more can come."""
        is_idle = self._commands is None or self._commands.is_idle
        return not self._supplies and self.job.is_over and is_idle

    def start(self, torrent: Metainfo | Magnet) -> None:
        """Start a torrent; errors as for `Job.add`."""
        self.job.add(torrent)

    def turn(self) -> tuple[list[Status], list[Outcome]]:
        """Look once: how each torrent does, and what has come out since."""
        self._rates.turn()
        outcomes: list[Outcome] = []
        for supply in self._supplies:
            for found in supply.turn():
                outcomes += self._take(supply, found)
        statuses, of_job = self.job.turn()
        for outcome in of_job:
            outcomes.append(outcome)
            if isinstance(outcome, Completed):
                outcomes += self._complete(outcome)
        if self._commands is not None:
            outcomes += self._commands.turn()
        if self._supplies:
            self._let_go()
        return statuses, outcomes

    def close(self) -> list[Note]:
        """Keep what the next run needs; returns what could not be said before."""
        for supply in self._supplies:
            supply.close()
        if self._commands is not None:
            self._commands.close()
        return self.job.close()

    def _take(self, supply: Supply, found: Supplied | OutpourError) -> list[Outcome]:
        if isinstance(found, OutpourError):
            return [Failed(b"", "", found)]
        torrent = found.torrent
        try:
            key = self.job.add(torrent)
        except OutpourError as error:
            supply.failed(found.key)
            if isinstance(torrent, Magnet):
                return [Failed(torrent.infohash, torrent.name or "", error)]
            return [Failed(torrent.info.infohash, torrent.info.name, error)]
        self._supplied.setdefault(key, (supply, found.key))
        return []

    def _complete(self, outcome: Completed) -> list[Outcome]:
        if self._commands is not None:
            self._commands.start(outcome)
        supply, key = self._supplied.get(outcome.infohash, (None, ""))
        try:
            if supply is not None:
                supply.completed(key)
        except WriteError as error:
            text = f"{error.message}; the next run may download it again"
            return [Note(outcome.infohash, outcome.name, text)]
        return []

    def _let_go(self) -> None:
        """Let go of what has ended: a run that goes on for months would hold all of it."""
        for key, is_complete in self.job.ended().items():
            supply, name = self._supplied.pop(key, (None, ""))
            if supply is not None and not is_complete:
                supply.failed(name)
            self.job.drop(key)
