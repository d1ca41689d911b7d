"""Turns bytes into a file as a whole: readers see the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from outpour.base.errors import WriteError, reason

_OPEN_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""One of Unix, one of Windows: not for children, and no line ends changed."""


def write_atomically(
    path: str | os.PathLike[str],
    data: bytes,
    *,
    is_private: bool = False,
    is_durable: bool = True,
) -> None:
    """Write a file by way of a temporary one in the same folder.

    The new file takes over mode and, as far as permitted, owner and group of the one it replaces.
    A symbolic link stays, and its target is replaced. What is not a regular file, such as
    `/dev/stdout`, is written to directly. When anything fails nothing is left behind.

    Args:
        path: The file.
        data: All of its content.
        is_private: It holds secrets: nobody but its owner and the group of the file that it
            replaces may read it, and of a new one the owner alone.
        is_durable: Wait until the disk has it. Without, a loss of power may leave an empty file or
            the old one, and the caller has to notice; of many small files that is ten times faster.

    Raises:
        WriteError: The file cannot be written.
    """
    # Not `Path.resolve`, which raises RuntimeError for a link that leads to itself.
    target = Path(os.path.realpath(path))
    try:
        old = _status(target)
        if old is not None and not stat.S_ISREG(old.st_mode):
            _write_directly(target, data)
        else:
            _replace(target, data, old, is_private=is_private, is_durable=is_durable)
    except OSError as error:
        raise WriteError(
            f"`{os.fspath(path)}`: {reason(error)}", hint=_hint(error, target)
        ) from error


def _status(target: Path) -> os.stat_result | None:
    try:
        return target.stat()
    except FileNotFoundError:
        return None


def _write_directly(target: Path, data: bytes) -> None:
    with target.open("wb", buffering=0) as file:
        _write_all(file.fileno(), data)


def _replace(
    target: Path,
    data: bytes,
    old: os.stat_result | None,
    *,
    is_private: bool,
    is_durable: bool,
) -> None:
    # Hidden and without the name's ending, so that no watcher of the folder takes it for content.
    temporary = target.with_name(f".outpour-{os.urandom(8).hex()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _OPEN_FLAGS
    descriptor = os.open(temporary, flags, 0o600 if is_private else 0o666)
    try:
        try:
            if old is not None:
                _take_over(descriptor, old, is_private=is_private)
            _write_all(descriptor, data)
            if is_durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if is_durable:
        _sync_folder(target.parent)


def _take_over(descriptor: int, old: os.stat_result, *, is_private: bool) -> None:
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        # Only root may give files away; a member of the group may still keep the group.
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, -1, old.st_gid)
        with contextlib.suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, -1)
    if os.name == "nt":
        return  # which knows no more of a mode than whether a file may be written
    mode = stat.S_IMODE(old.st_mode)
    os.fchmod(descriptor, mode & ~stat.S_IRWXO if is_private else mode)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":
        return  # where a folder cannot be opened
    # Some file systems cannot; the content is safe by then and only the name may be lost.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _hint(error: OSError, target: Path) -> str | None:
    if error.errno == errno.ENOENT:
        return f"make the folder first: mkdir -p '{target.parent}'"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"free some space in `{target.parent}`, or write elsewhere with `-o`"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "write to a folder of your own with `-o`"
    return None
