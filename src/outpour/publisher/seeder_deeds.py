"""What an administrator can do with a seeder and the tracker beside it."""

from __future__ import annotations

from collections.abc import Mapping

from outpour.base.errors import UsageError
from outpour.publisher.seeder import Seeder
from outpour.tracker.deeds import TrackerDeeds
from outpour.tracker.rates import SEEDER_RATES
from outpour.tracker.service import TrackerService


class SeederDeeds(TrackerDeeds):
    """Does with a tracker and a seeder what an administrator wants.

    Args:
        service: The tracker.
        seeder: Seeds what it tracks; None where nobody does.
    """

    no_seeder = "nobody seeds here, as `--no-seed` wants it"

    def __init__(self, service: TrackerService, seeder: Seeder | None) -> None:
        super().__init__(service)
        self._seeder = seeder

    def settings_rates(self) -> Mapping[str, int | None]:
        """What the settings and the options say, by name."""
        found = {**super().settings_rates()}
        if self._seeder is not None:
            found.update(zip(SEEDER_RATES, self._seeder.rates, strict=True))
        return found

    def _put_in_force(self, rates: Mapping[str, int | None]) -> None:
        super()._put_in_force(rates)
        if self._seeder is not None:
            self._seeder.limit(**{name: rates[name] or 0 for name in SEEDER_RATES})

    async def reannounce(self, infohash: bytes) -> None:
        """Have the seeder announce a torrent to the trackers beside ours, which knows it anyway.

        Raises:
            UsageError: There are none, or nobody seeds.
        """
        if self._seeder is None or not self._seeder.reannounce(infohash):
            raise UsageError("there is no other tracker to announce to; `--tracker` names some")
