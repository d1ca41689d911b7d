"""One mirror a folder: a lock on the folder itself, which the kernel lets go of with its holder.

Nothing lies in the folder for it, as others may serve what lies there, and its disk may still be
mounted read-only.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from outpour.base.errors import WriteError, reason
from outpour.tracker.state.process_lock import taken

_LOCKS = Path("/proc/locks")


class NoLocksError(WriteError):
    """The file system has no locks for folders."""


class FolderLock:
    """A held lock.

    Args:
        folder: That is to be one mirror's.

    Raises:
        ReadError: Another mirror has it.
        NoLocksError: The file system has no locks for folders, as NFS.
        WriteError: It cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise WriteError(
                f"`{folder}`: {reason(error)}", hint="choose another folder with `-o`"
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = _holder(self._fd)
            os.close(self._fd)
            if not isinstance(error, BlockingIOError):
                raise NoLocksError(f"`{folder}`: cannot be locked: {reason(error)}") from None
            hint = "or choose another folder for this one with `-o`"
            raise taken(folder, "another mirror", holder, hint) from None

    def release(self) -> None:
        """Let the next one have it."""
        os.close(self._fd)


def _holder(folder: int) -> int | None:
    """The process that has locked a folder, None where the kernel does not tell."""
    status = os.fstat(folder)
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    with suppress(OSError, ValueError):
        for line in _LOCKS.read_text().splitlines():
            # `3: FLOCK  ADVISORY  WRITE 1234 08:01:5678 0 EOF`
            _, kind, _, _, process, place, *_ = line.split()
            # From within a container the process outside of it has no number.
            if (kind, place) == ("FLOCK", f"{device}:{status.st_ino}") and int(process) > 0:
                return int(process)
    return None
