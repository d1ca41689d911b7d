"""The state file as a file: that it is one, whose it is, where it goes when it is damaged."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path

from outpour.base.errors import FormatError, ReadError, WriteError, reason

SQLITE_MAGIC = b"SQLite format 3\0"
BESIDE = ("", "-wal", "-shm")
"""What SQLite keeps under the name of a file."""
COPIES = ("copy", "copy-2")
"""Older copies beside the file, the latest first."""


class StateDamagedError(ReadError):
    """The file is not what was written."""


def prepare(path: Path) -> None:
    """Make the folder and the file if they are missing, for their owner alone.

    The file holds addresses of peers, so others lose what they may do with it.

    Raises:
        StateDamagedError: It is no database, or none any more.
        FormatError: It is a classic state file, or no file at all.
        WriteError: It cannot be made or read.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not blocking: opening a named pipe would wait for its writer for ever.
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        handle = os.open(path, flags, 0o600)
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise FormatError(
                    f"`{path}`: not a file", hint="name a file you may write with `--state`"
                )
            if status.st_mode & 0o077:
                with contextlib.suppress(PermissionError):
                    os.fchmod(handle, 0o600)
            start = stream.read(len(SQLITE_MAGIC))
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        place = "make room on the disk, or name a file" if is_full else "name a file you may write"
        raise WriteError(f"`{path}`: {reason(error)}", hint=f"{place} with `--state`") from error
    if start[:1] == b"d" and start[1:2].isdigit():
        raise FormatError(
            f"`{path}`: a state file of the classic bttrack",
            hint=f"keep it with `bttrack --dfile {path}`, or take over what it holds with "
            f"`outpour track --import-dfile {path}`",
        )
    if start and start != SQLITE_MAGIC:
        raise StateDamagedError(f"`{path}`: not a database")


def identity(path: Path) -> tuple[int, int] | None:
    """What tells this file from another one of its name, None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def set_aside(path: Path, clock: Callable[[], float] = time.time) -> Path:
    """Rename a damaged state file to `NAME.damaged-<UTC>`, with what SQLite keeps beside it.

    Returns:
        The new name.

    Raises:
        WriteError: It cannot be renamed.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock()))
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    try:
        for suffix in BESIDE:
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise WriteError(f"`{path}`: damaged, and cannot be set aside: {reason(error)}") from error
    return aside


def copies(path: Path) -> list[Path]:
    """The older copies that are there, the latest first."""
    names = (path.with_name(f"{path.name}.{copy}") for copy in COPIES)
    return [name for name in names if name.exists()]


def is_bereft(path: Path) -> bool:
    """Whether there is an older copy, and the file itself is empty or gone."""
    return bool(copies(path)) and not (path.exists() and path.stat().st_size)


def put_copy(path: Path, new: Path) -> None:
    """Make a file the latest copy, and drop the oldest one.

    Raises:
        OSError: It cannot be renamed.
    """
    latest, older = (path.with_name(f"{path.name}.{copy}") for copy in COPIES)
    if latest.exists():
        latest.replace(older)
    new.replace(latest)
