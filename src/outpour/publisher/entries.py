"""What the published paths hold: entries that each become one torrent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import ReadError, reason

# Names that say "not finished yet" or "not content" in tools that copy and download.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".aria2", ".!qB")


@dataclass(frozen=True, slots=True)
class PublishEntry:
    """A file or folder that becomes one torrent.

    Attributes:
        path: Where it is; its last component is the torrent's name.
    """

    path: Path

    @property
    def name(self) -> str:
        """The torrent's name."""
        return self.path.name


def entries(paths: tuple[Path, ...], *, as_one: bool, hidden: bool) -> tuple[PublishEntry, ...]:
    """List what to publish, in the order of names.

    Raises:
        ReadError: A given path is missing or cannot be listed.
    """
    found: dict[Path, PublishEntry] = {}
    for path in paths:
        for entry in _entries_of(path, as_one=as_one, hidden=hidden):
            found.setdefault(entry.path, entry)
    return tuple(sorted(found.values(), key=lambda entry: os.fsencode(entry.name)))


def _entries_of(path: Path, *, as_one: bool, hidden: bool) -> Iterator[PublishEntry]:
    try:
        if as_one or not path.is_dir():
            path.stat()
            yield PublishEntry(path)
            return
        with os.scandir(path) as listing:
            for item in listing:
                if _is_content(item, hidden=hidden):
                    yield PublishEntry(path / item.name)
    except OSError as error:
        raise ReadError(
            f"`{path}`: {reason(error)}", hint="name a folder or file that you can read"
        ) from None


def _is_content(item: os.DirEntry[str], *, hidden: bool) -> bool:
    name = item.name
    if name.startswith(".") and not hidden:
        return False
    if name.endswith(_UNFINISHED):
        return False
    if name.endswith(".torrent") and not item.is_dir():
        return False
    return item.is_file() or item.is_dir()
