"""What an administrator can do with a running tracker beside making rules and keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from outpour.base.errors import OutpourError, UsageError
from outpour.base.files import write_atomically
from outpour.torrent.disk_names import safe_name
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.passkey import Key
from outpour.tracker.rate_book import RateBook, book_path
from outpour.tracker.rates import CHANGEABLE, SEEDER_RATES, Rates, told
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.tracker_events import Administered, RatesLost, RatesRecalled
from outpour.tracker.usage_figures import KeyUse
from outpour.tracker.verification import Verification

NO_SEEDER = "a tracker alone has no content and no seeder; `outpour publish` has"


class TrackerDeeds:
    """Does with a tracker what an administrator wants, and has it told.

    Args:
        service: The tracker.

    Attributes:
        no_seeder: Why there is nobody whose rates could be changed.
    """

    no_seeder = NO_SEEDER

    def __init__(self, service: TrackerService) -> None:
        self._service = service
        self._book = RateBook(book_path(service.settings.state_path))
        self._changed: dict[str, int] = {}
        self._adding = asyncio.Lock()
        self._changing = asyncio.Lock()

    def begin(self) -> None:
        """Put in force the rates that were changed in earlier runs; the tracker has started."""
        try:
            kept = self._book.read()
        except OutpourError as error:
            self._service.tell(RatesLost(error.message))
            return
        for name, value in kept.items():
            # Each by itself: the settings may have changed so that one goes no longer.
            try:
                self._check({**self.rates(), name: value})
            except UsageError as error:
                self._service.tell(RatesLost(error.message))
            else:
                self._changed[name] = value
        if self._changed:
            self._put_in_force(self.rates())
            said = told(self.settings_rates(), self.rates())
            if said:
                self._service.tell(RatesRecalled(said))

    def log(self, who: str, what: str) -> None:
        """Have it told that an administrator changed something."""
        self._service.tell(Administered(int(self._service.now()), who, what))

    def key_use(self, key: Key) -> KeyUse | None:
        """How a key was used, None if it never was."""
        return self._service.usage.keys.of(key)

    def settings_rates(self) -> Mapping[str, int | None]:
        """What the settings say, by name; None of what a tracker alone has not."""
        own = asdict(Rates.of(self._service.settings))
        return {**own, **dict.fromkeys(SEEDER_RATES)}

    def rates(self) -> Mapping[str, int | None]:
        """What is in force, by name."""
        return {
            name: None if own is None else self._changed.get(name, own)
            for name, own in self.settings_rates().items()
        }

    async def change_rates(self, wishes: Mapping[str, int | None]) -> str:
        """Change some of them from now on and over restarts, all or none.

        Args:
            wishes: Values by name; None for that of the settings.

        Returns:
            What is other than before, in words.

        Raises:
            UsageError: They do not go together, or are not there.
            WriteError: They cannot be written down, and are not in force.
        """
        async with self._changing:
            own = self.settings_rates()
            changed = dict(self._changed)
            for name, value in wishes.items():
                if own[name] is None:
                    raise UsageError(self.no_seeder)
                changed.pop(name, None)
                if value is not None and value != own[name]:
                    changed[name] = value
            before = self.rates()
            after = {**own, **{name: changed[name] for name in changed if own[name] is not None}}
            self._check(after)
            if changed != self._changed:
                await asyncio.to_thread(self._book.write, changed)
                self._changed = changed
                self._put_in_force(after)
            return told(before, after)

    def _check(self, rates: Mapping[str, int | None]) -> None:
        """Refuse rates that do not go together.

        Raises:
            UsageError: They do not.
        """
        _of_tracker(rates, self._service.settings)

    def _put_in_force(self, rates: Mapping[str, int | None]) -> None:
        self._service.set_rates(_of_tracker(rates, self._service.settings))

    async def add(self, raw: bytes) -> tuple[bytes, bool]:
        """Track a torrent by putting its file into the folder of allowed torrents.

        Returns:
            Its infohash, and whether it is new.

        Raises:
            FormatError: It is no torrent.
            UsageError: The tracker follows no folder.
            WriteError: The file cannot be written; nothing is tracked.
        """
        folder = self._service.settings.allowed_dir
        if folder is None:
            raise UsageError(
                "this tracker follows no folder: it needs `allowed_dir`; `/allowed/INFOHASH` lets "
                "an infohash in without one"
            )
        metainfo = await asyncio.to_thread(Metainfo.parse, raw)
        async with self._adding:
            await self._lift(metainfo)
            row = self._service.row(metainfo.info.infohash)
            is_new = row is None or row.torrent_path is None
            if is_new:
                target = _free_path(folder, metainfo)
                await asyncio.to_thread(write_atomically, target, raw)
                await self._service.refresh()
        return metainfo.info.infohash, is_new

    async def publish(self, path: str) -> bytes | None:
        """Publish content; a tracker alone has none."""
        raise UsageError(f"`{path[:200]}`: {NO_SEEDER}")

    async def reannounce(self, infohash: bytes) -> None:
        """Have the seeder announce a torrent; a tracker alone has none."""
        raise UsageError(f"`{infohash.hex()}`: {NO_SEEDER}")

    def web_seeds(self) -> Sequence[Mapping[str, object]]:
        """Where copies of content lie; a tracker alone has none."""
        return ()

    async def add_web_seed(self, url: str, where: str | None, who: str) -> tuple[str, bool]:
        """Name a place where copies lie; a tracker alone has no content."""
        del where, who
        raise UsageError(f"`{url[:200]}`: {NO_SEEDER}")

    async def drop_web_seed(self, key: str) -> Mapping[str, object] | None:
        """No longer name such a place; a tracker alone has none."""
        del key
        return None

    def verify(self, infohash: bytes) -> Verification:
        """Compare content with its torrent; a tracker alone has none."""
        raise UsageError(f"`{infohash.hex()}`: {NO_SEEDER}")

    def verification(self, infohash: bytes) -> Verification | None:
        """How the latest comparison went, None if there was none."""
        del infohash
        return None

    async def _lift(self, metainfo: Metainfo) -> None:
        """Take back that a torrent was denied: whoever adds it wants it."""
        info = metainfo.info
        for digest in (info.infohash_v1, info.infohash_v2):
            if digest is not None:
                await self._service.ruling.drop("denied", digest[:20].hex())


def _free_path(folder: Path, metainfo: Metainfo) -> Path:
    """Where the file of a torrent goes: under its name, unless another lies there."""
    stem = safe_name(metainfo.info.name).lstrip(".") or "torrent"
    while len(stem.encode("utf-8", "surrogateescape")) > 200:
        stem = stem[:-1]
    plain = folder / f"{stem}.torrent"
    digest = metainfo.info.infohash.hex()
    return plain if not os.path.lexists(plain) else folder / f"{stem}-{digest}.torrent"


def _of_tracker(rates: Mapping[str, int | None], settings: TrackerSettings) -> Rates:
    wishes = {name: value for name in CHANGEABLE if (value := rates[name]) is not None}
    return Rates.of(settings).changed(wishes, settings)
