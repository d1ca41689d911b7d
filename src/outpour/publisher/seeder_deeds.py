"""What an administrator can do with a seeder and the tracker beside it."""

from __future__ import annotations

from collections.abc import Mapping

from outpour.base.errors import UsageError
from outpour.publisher.seeder import Seeder
from outpour.tracker.deeds import TrackerDeeds
from outpour.tracker.service import TrackerService

SEEDER_RATES = ("upload_rate", "download_rate")


class SeederDeeds(TrackerDeeds):
    """Does with a tracker and a seeder what an administrator wants.

    Args:
        service: The tracker.
        seeder: Seeds what it tracks; None where nobody does.
    """

    def __init__(self, service: TrackerService, seeder: Seeder | None) -> None:
        super().__init__(service)
        self._seeder = seeder

    def rates(self) -> Mapping[str, int | None]:
        """What is in force, by name."""
        found = {**super().rates()}
        if self._seeder is not None:
            found.update(zip(SEEDER_RATES, self._seeder.rates(), strict=True))
        return found

    def change_rates(self, wishes: Mapping[str, int]) -> str:
        """Change some of them from now on, all or none; says what is other than before.

        Raises:
            UsageError: They do not go together, or nobody seeds.
        """
        of_seeder = {name: wishes[name] for name in SEEDER_RATES if name in wishes}
        if of_seeder and self._seeder is None:
            raise UsageError("nobody seeds here, as `--no-seed` wants it")
        told = [super().change_rates({k: v for k, v in wishes.items() if k not in of_seeder})]
        if self._seeder is not None:
            before = dict(zip(SEEDER_RATES, self._seeder.rates(), strict=True))
            self._seeder.limit(**{**before, **of_seeder})
            told += [
                f"`{name}` {before[name]} to {value}"
                for name, value in of_seeder.items()
                if value != before[name]
            ]
        return ", ".join(filter(None, told))

    async def reannounce(self, infohash: bytes) -> None:
        """Have the seeder announce a torrent to the trackers beside ours, which knows it anyway.

        Raises:
            UsageError: There are none, or nobody seeds.
        """
        if self._seeder is None or not self._seeder.reannounce(infohash):
            raise UsageError("there is no other tracker to announce to; `--tracker` names some")
