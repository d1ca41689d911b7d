"""One process at a time: a lock file that the kernel lets go of when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from outpour.base.errors import ReadError, WriteError, reason


class Lock:
    """A held lock.

    Args:
        path: The lock file; made, and removed on release.
        subject: What the lock is for, as messages name it.
        user: Who else may hold it, as messages name it.
        hint: What to do then, besides stopping the other one.

    Raises:
        ReadError: Another process holds it.
        WriteError: The file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        subject: Path,
        *,
        user: str = "another tracker",
        hint: str = "or name another file with `--state`",
    ) -> None:
        self._path = path
        while True:
            try:
                self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            except OSError as error:
                raise WriteError(
                    f"`{subject}`: {reason(error)}", hint="name a file you may write"
                ) from error
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(self._fd)
                os.close(self._fd)
                raise taken(subject, user, holder, hint) from None
            except OSError as error:
                os.close(self._fd)
                raise WriteError(
                    f"`{subject}`: cannot be locked: {reason(error)}",
                    hint="name a file on a local disk",
                ) from error
            if self._is_current():
                self._sign()
                return
            os.close(self._fd)

    def _is_current(self) -> bool:
        # The holder before may have removed the file between our opening and our locking it.
        try:
            return self._path.stat().st_ino == os.fstat(self._fd).st_ino
        except FileNotFoundError:
            return False

    def _sign(self) -> None:
        # Without it the lock holds all the same, and nobody is told whose it is.
        with suppress(OSError):
            os.truncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next process have it."""
        # Where the folder was replaced, the file of this name is another one's.
        with contextlib.suppress(OSError):
            if self._is_current():
                self._path.unlink()
        os.close(self._fd)


def taken(subject: Path, user: str, holder: int | None, hint: str) -> ReadError:
    """What to say of what another process has locked.

    Args:
        subject: What the lock is for.
        user: Who else holds it.
        holder: Its process, None if that is not known.
        hint: What to do, besides stopping it.
    """
    stop = f"`kill {holder}` stops the other one" if holder else "stop the other one"
    return ReadError(
        f"`{subject}`: {user} is using it" + (f", process {holder}" if holder else ""),
        hint=f"{stop}, {hint}",
    )


def _holder(lock: int) -> int | None:
    try:
        text = os.pread(lock, 20, 0).strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
