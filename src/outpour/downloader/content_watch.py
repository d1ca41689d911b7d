"""Notices when files that are seeded are no longer those that were checked."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

LOOKS_A_TURN_MAX = 1000
"""Files looked at in one turn, however many are seeded: a few milliseconds."""
ROUND_S = 1.0
"""A file is looked at so often at the most: a thousand of them else take more than all the rest."""

Mark = tuple[int, int, int] | None
"""Size in bytes, time of change in nanoseconds and inode; None for what is not there."""


@dataclass(slots=True)
class ContentWatch:
    """Looks at the files of all torrents in turn, a bounded number each time."""

    _queue: deque[tuple[bytes, bytes, Mark]] = field(default_factory=deque)
    _round: dict[bytes, int] = field(default_factory=dict)
    _left: int = 0
    _began_at: float = -1e9

    def follow(self, infohash: bytes, marks: Sequence[tuple[bytes, Mark]]) -> None:
        """Take files for right as they were when they were marked."""
        self.forget(infohash)
        self._round[infohash] = len(marks)
        self._queue.extend((infohash, path, mark) for path, mark in marks)

    def forget(self, infohash: bytes) -> None:
        """Look at the files of a torrent no more."""
        if self._round.pop(infohash, 0):
            self._queue = deque(entry for entry in self._queue if entry[0] != infohash)

    def changed(self) -> dict[bytes, bytes]:
        """Return of each torrent with a file that has changed the path of one; it is forgotten."""
        found: dict[bytes, bytes] = {}
        if self._left <= 0 and time.monotonic() - self._began_at >= ROUND_S:
            self._left, self._began_at = len(self._queue), time.monotonic()
        count = min(LOOKS_A_TURN_MAX, self._left, len(self._queue))
        self._left -= max(count, 1)
        for _ in range(count):
            infohash, path, mark = self._queue.popleft()
            if mark != _mark_of(path):
                found.setdefault(infohash, path)
            self._queue.append((infohash, path, mark))
        for infohash in found:
            self.forget(infohash)
        return found

    def all_changed(self) -> set[bytes]:
        """Return the torrents of which a file has changed, after a look at every file."""
        return {infohash for infohash, path, mark in self._queue if mark != _mark_of(path)}


def marks_of(paths: Sequence[bytes]) -> list[tuple[bytes, Mark]]:
    """Mark files as they are now."""
    return [(path, _mark_of(path)) for path in paths]


def _mark_of(path: bytes) -> Mark:
    try:
        status = os.stat(path)  # noqa: PTH116 - paths are bytes
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
