"""Torrents that are published and could not be written down: hashed once, written when it goes."""

from __future__ import annotations

from pathlib import Path

from outpour.base.errors import WriteError
from outpour.publisher.entries import PublishEntry
from outpour.publisher.torrent_of_entry import Torrents
from outpour.torrent.metainfo import Metainfo


class Unwritten:
    """What waits for room on the disk.

    Args:
        torrents: Writes them down.
    """

    def __init__(self, torrents: Torrents) -> None:
        self._torrents = torrents
        self._by_path: dict[Path, tuple[PublishEntry, bytes, Metainfo]] = {}

    def put(self, entry: PublishEntry, fingerprint: bytes, metainfo: Metainfo) -> None:
        """Remember to write a torrent later."""
        self._by_path[entry.path] = (entry, fingerprint, metainfo)

    def drop(self, path: Path) -> None:
        """Forget about the torrent of this content."""
        self._by_path.pop(path, None)

    def write(self) -> list[tuple[Path, Metainfo, Path]]:
        """Write down what can be, in a thread; returns content, torrent and file of each."""
        written = []
        for path, (entry, fingerprint, metainfo) in tuple(self._by_path.items()):
            try:
                torrent = self._torrents.keep(entry, fingerprint, metainfo)
            except WriteError:
                continue
            self._by_path.pop(path, None)
            written.append((path, metainfo, torrent))
        return written
