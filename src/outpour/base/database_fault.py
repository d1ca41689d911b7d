"""Whether it is an SQLite file that is at fault, or what is around it, such as a full disk."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

_READ_ONLY = 8
_AROUND = frozenset({3, 5, 6, 7, 9, 10, 13, 14})
"""Primary result codes: rights, locks, memory, interrupts, the disk, room, no way to open it."""
# Python 3.10 has no codes; the texts are part of SQLite's stable interface.
_READ_ONLY_TEXT = "readonly"
_TEXTS = ("denied", "locked", "out of memory", "interrupted", "I/O", "is full", "unable to open")
# What a disk without room is called, at one step or another.
_TEXTS_OF_ROOM = ("is full", "disk I/O error", "unable to open")
ROOM_BYTES = 128 << 10
"""What SQLite takes for its journals before it has written anything."""
NO_ROOM = "no space left on device"


def is_around(error: sqlite3.Error, file: Path) -> bool:
    """Whether the file may be sound all the same: it is locked, not ours to write, or no room is.

    Everything else that SQLite says of a file which it is to open comes from the bytes in it: a
    changed bit may make it "read-only", of an "unsupported file format", or have "no such column".

    Args:
        error: What SQLite said.
        file: Of this file.
    """
    code = getattr(error, "sqlite_errorcode", None)
    text = str(error)
    if code & 0xFF == _READ_ONLY if code is not None else _READ_ONLY_TEXT in text:
        # SQLite writes beside the file, too.
        return not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))
    if code is not None:
        return code & 0xFF in _AROUND
    return isinstance(error, sqlite3.OperationalError) and any(word in text for word in _TEXTS)


def words_of(error: Exception, file: Path) -> str:
    """Say what was amiss, in lower case.

    Args:
        error: What SQLite said.
        file: Of this file.
    """
    return NO_ROOM if is_of_a_full_disk(error, file) else str(error)


def is_of_a_full_disk(error: Exception, file: Path) -> bool:
    """Tell whether SQLite failed for want of room, whatever it calls that."""
    text = str(error)
    return any(word in text for word in _TEXTS_OF_ROOM) and not _has_room(file)


def _has_room(file: Path) -> bool:
    try:
        disk = os.statvfs(file.parent)
    except (OSError, AttributeError):
        return True  # nobody knows, or a system without such a call
    # A file system that has no limit of files has none at all.
    has_files = disk.f_files == 0 or disk.f_favail > 0
    return has_files and disk.f_bavail * disk.f_frsize >= ROOM_BYTES
