"""What an administrator can do with a running tracker beside making rules and keys."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from outpour.base.errors import UsageError
from outpour.base.files import write_atomically
from outpour.torrent.disk_names import safe_name
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.rates import CHANGEABLE, Rates
from outpour.tracker.service import TrackerService
from outpour.tracker.tracker_events import Administered
from outpour.tracker.usage_figures import KeyUse
from outpour.tracker.verification import Verification

NO_SEEDER = "a tracker alone has no content and no seeder; `outpour publish` has"


class TrackerDeeds:
    """Does with a tracker what an administrator wants, and has it told.

    Args:
        service: The tracker.
    """

    def __init__(self, service: TrackerService) -> None:
        self._service = service
        self._rates = Rates.of(service.settings)
        self._adding = asyncio.Lock()

    def log(self, who: str, what: str) -> None:
        """Have it told that an administrator changed something."""
        self._service.tell(Administered(int(self._service.now()), who, what))

    def key_uses(self) -> Mapping[str, KeyUse]:
        """How keys were used since the start, by the keys themselves."""
        return self._service.usage.keys()

    def rates(self) -> Mapping[str, int | None]:
        """What is in force, by name; None of what a tracker alone has not."""
        return {**asdict(self._rates), "upload_rate": None, "download_rate": None}

    def change_rates(self, wishes: Mapping[str, int]) -> str:
        """Change some of them from now on, all or none; says what is other than before.

        Raises:
            UsageError: They do not go together, or are not there.
        """
        if wishes.keys() - {*CHANGEABLE}:
            raise UsageError(NO_SEEDER)
        rates = self._rates.changed(wishes, self._service.settings)
        told = rates.told_from(self._rates)
        self._service.set_rates(rates)
        self._rates = rates
        return told

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
