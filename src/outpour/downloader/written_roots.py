"""Knows which torrent of a job writes where, so that no two write the same file."""

from __future__ import annotations

from pathlib import Path

from outpour.base.errors import WriteError
from outpour.base.text import from_bytes
from outpour.downloader.download_item import DownloadItem


class WrittenRoots:
    """The root files and folders of a job."""

    def __init__(self) -> None:
        self._items: dict[Path, dict[bytes, DownloadItem]] = {}

    def refuse_shared(self, item: DownloadItem) -> None:
        """Refuse files that another torrent writes.

        Raises:
            WriteError: There is one.
        """
        for key, other in self._items.get(item.root, {}).items():
            if other is item or other.info is None or (other.is_over and not other.is_complete):
                continue
            shared = {item.paths[index] for index in item.writes} & {
                other.paths[index] for index in other.writes
            }
            if shared:
                path = item.folder / from_bytes(min(shared))
                raise WriteError(
                    f"`{path}`: two torrents of this download write it, the other is {key.hex()}",
                    hint="download one of them to another folder with `-o DIR`",
                )

    def take(self, key: bytes, item: DownloadItem) -> None:
        """Know that a torrent writes to its root."""
        self._items.setdefault(item.root, {})[key] = item

    def forget(self, key: bytes, item: DownloadItem) -> None:
        """Know that it does so no more."""
        if item.info is not None:
            self._items.get(item.root, {}).pop(key, None)
