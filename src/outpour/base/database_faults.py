"""What SQLite says, told as what it is: it calls a full disk by many names, and damage by some."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

ROOM_BYTES = 128 << 10
"""What SQLite takes for its journals before it has written anything."""
_OF_ROOM = ("disk is full", "disk I/O error", "unable to open database file")
NO_ROOM = "no space left on device"


def has_room(file: Path) -> bool:
    """Tell whether the disk of a file has room for a little more, and for another file."""
    try:
        disk = os.statvfs(file.parent)
    except (OSError, AttributeError):
        return True  # nobody knows, or a system without such a call
    # A file system that has no limit of files has none at all.
    has_files = disk.f_files == 0 or disk.f_favail > 0
    return has_files and disk.f_bavail * disk.f_frsize >= ROOM_BYTES


def words_of(error: Exception, file: Path) -> str:
    """Say what was amiss with a database, in lower case.

    Args:
        error: As SQLite raised it.
        file: The database.
    """
    return NO_ROOM if is_of_a_full_disk(error, file) else str(error)


def is_of_a_full_disk(error: Exception, file: Path) -> bool:
    """Tell whether SQLite failed for want of room, whatever it calls that."""
    text = str(error)
    return any(word in text for word in _OF_ROOM) and not has_room(file)


def is_damage(error: Exception) -> bool:
    """Tell damage in a file from what is amiss around it, such as a full disk or a lock."""
    return type(error) is not sqlite3.OperationalError or "no such" in str(error)
