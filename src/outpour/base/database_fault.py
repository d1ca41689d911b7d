"""Whether it is an SQLite file that is at fault, or what is around it, such as a full disk."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Literal

Kind = Literal[
    "denied", "locked", "memory", "read-only", "interrupted", "disk", "damaged", "full",
    "unopenable", "other",
]  # fmt: skip
_KINDS: dict[int, Kind] = {
    3: "denied", 5: "locked", 6: "locked", 7: "memory", 8: "read-only", 9: "interrupted",
    10: "disk", 11: "damaged", 13: "full", 14: "unopenable", 26: "damaged",
}  # fmt: skip
"""By primary result code."""
# Python 3.10 has no codes; the texts are part of SQLite's stable interface.
_KINDS_BY_TEXT: dict[str, Kind] = {
    "malformed": "damaged", "not a database": "damaged", "denied": "denied", "locked": "locked",
    "out of memory": "memory", "readonly": "read-only", "interrupted": "interrupted",
    "I/O": "disk", "is full": "full", "unable to open": "unopenable",
}  # fmt: skip
_AROUND = frozenset({"denied", "locked", "memory", "interrupted", "disk", "full", "unopenable"})
# What a disk without room is called, at one step or another.
_OF_ROOM = frozenset({"full", "disk", "unopenable"})
ROOM_BYTES = 128 << 10
"""What SQLite takes for its journals before it has written anything."""
NO_ROOM = "no space left on device"


def kind_of(error: Exception) -> Kind:
    """What SQLite says was amiss."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return _KINDS.get(code & 0xFF, "other")
    text = str(error)
    return next((kind for word, kind in _KINDS_BY_TEXT.items() if word in text), "other")


def is_around(error: sqlite3.Error, file: Path) -> bool:
    """Whether the file may be sound all the same: it is locked, not ours to write, or no room is.

    Everything else that SQLite says of a file which it is to open comes from the bytes in it: a
    changed bit may make it "read-only", of an "unsupported file format", or have "no such column".

    Args:
        error: What SQLite said.
        file: Of this file.
    """
    kind = kind_of(error)
    if kind == "read-only":
        # SQLite writes beside the file, too.
        return not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK))
    return isinstance(error, sqlite3.OperationalError) and kind in _AROUND


def words_of(error: Exception, file: Path) -> str:
    """Say what was amiss, in lower case.

    Args:
        error: What SQLite said.
        file: Of this file.
    """
    return NO_ROOM if is_of_a_full_disk(error, file) else str(error)


def is_of_a_full_disk(error: Exception, file: Path) -> bool:
    """Tell whether SQLite failed for want of room, whatever it calls that."""
    return kind_of(error) in _OF_ROOM and not _has_room(file)


def _has_room(file: Path) -> bool:
    try:
        disk = os.statvfs(file.parent)
    except (OSError, AttributeError):
        return True  # nobody knows, or a system without such a call
    # A file system that has no limit of files has none at all.
    has_files = disk.f_files == 0 or disk.f_favail > 0
    return has_files and disk.f_bavail * disk.f_frsize >= ROOM_BYTES
