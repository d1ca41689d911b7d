"""Which files a torrent was made of: what tells later that a file is still the same one."""

from __future__ import annotations

import hashlib
import os
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from outpour.base.file_times import kept_ns
from outpour.making.walker import Entry


class FileIdentities:
    """Inode, size and time of change of each file, in 32 bytes a file.

    A tree may hold a million files for as long as it is published, so nothing else is kept of it.
    """

    __slots__ = ("_inodes", "_keys", "_lengths", "_times")

    def __init__(self, entries: Sequence[Entry], *, is_folder: bool) -> None:
        # The file of a torrent that is no folder is asked for by the empty path.
        rows = sorted((_key(entry.path if is_folder else ()), entry) for entry in entries)
        self._keys = array("Q", (key for key, _ in rows))
        self._inodes = array("Q", (entry.inode for _, entry in rows))
        self._lengths = array("Q", (entry.length for _, entry in rows))
        self._times = array("q", (kept_ns(entry.mtime_ns) for _, entry in rows))

    def holds(self, path: tuple[str, ...], status: os.stat_result) -> bool:
        """Tell whether the file at a path of the torrent is the one that was hashed."""
        key = _key(path)
        at = bisect_left(self._keys, key)
        return (
            at < len(self._keys)
            and self._keys[at] == key
            and self._inodes[at] == status.st_ino
            and self._lengths[at] == status.st_size
            and self._times[at] == kept_ns(status.st_mtime_ns)
        )


def _key(path: tuple[str, ...]) -> int:
    raw = "/".join(path).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "big")
