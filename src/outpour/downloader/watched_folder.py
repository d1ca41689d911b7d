"""Takes .torrent files and magnet links that are put into a folder."""

from __future__ import annotations

import os
import time
from pathlib import Path

from outpour.base.errors import OutpourError, ReadError, reason
from outpour.base.text import from_bytes, typed
from outpour.base.units import KIB
from outpour.downloader.supply import Supplied
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

LOOK_S = 1.0
FILES_MAX = 100_000
MAGNET_BYTES_MAX = 256 * KIB
ENDINGS = (".torrent", ".magnet")
"""A file of the second kind holds a magnet link."""

Mark = tuple[int, int, int]
"""Inode, size in bytes and time of change in nanoseconds."""


class WatchedFolder:
    """Looks at a folder each second; a `Supply`. The files in it stay as they are.

    Args:
        folder: What to look at; folders in it are left out of account.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looked_at = -1e9
        self._seen: dict[str, Mark] = {}
        self._taken: dict[str, Mark] = {}
        self._fault = ""

    def turn(self) -> list[Supplied | OutpourError]:
        """What was put there since the last look."""
        if time.monotonic() - self._looked_at < LOOK_S:
            return []
        self._looked_at = time.monotonic()
        try:
            marks = self._marks()
        except OSError as error:
            return self._say(f"`{self._folder}`: {reason(error)}")
        self._fault = ""
        self._taken = {name: mark for name, mark in self._taken.items() if name in marks}
        found: list[Supplied | OutpourError] = []
        for name, mark in marks.items():
            # A file that is still being written is another one at the next look.
            if self._seen.get(name) == mark and self._taken.get(name) != mark:
                self._taken[name] = mark
                try:
                    found.append(Supplied(name, _read(self._folder / name)))
                except OutpourError as error:
                    found.append(error)
        self._seen = marks
        return found

    def completed(self, key: str) -> None:
        """Nothing is to be remembered: the file is there, and is known."""

    def failed(self, key: str) -> None:
        """What was given up comes again when its file is written anew, or at the next start."""

    def close(self) -> None:
        """Nothing is open."""

    def _say(self, fault: str) -> list[Supplied | OutpourError]:
        if fault == self._fault:
            return []
        self._fault = fault
        return [ReadError(fault)]

    def _marks(self) -> dict[str, Mark]:
        marks: dict[str, Mark] = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if not entry.name.lower().endswith(ENDINGS) or entry.name.startswith("."):
                    continue
                try:
                    status = entry.stat()
                    if entry.is_file() and len(marks) < FILES_MAX:
                        marks[entry.name] = (status.st_ino, status.st_size, status.st_mtime_ns)
                except OSError:
                    continue
        return dict(sorted(marks.items()))


def _read(path: Path) -> Metainfo | Magnet:
    if path.name.lower().endswith(".torrent"):
        return Metainfo.read(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAGNET_BYTES_MAX)
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}") from error
    try:
        return Magnet.parse(from_bytes(typed(raw)).strip())
    except OutpourError as error:
        raise type(error)(
            f"`{path}`: {error.message.partition('`: ')[2] or error.message}"
        ) from None
