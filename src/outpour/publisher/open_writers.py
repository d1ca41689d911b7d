"""Whether somebody is still writing to content: a copy that stalls looks finished, and is not."""

from __future__ import annotations

import fcntl
import os
import signal

from outpour.making.walker import Tree


def is_written_to(tree: Tree) -> bool:
    """Tell whether a process of this machine has one of the files open for writing."""
    return any(_has_writer(entry.location) for entry in tree.entries)


def _has_writer(path: str) -> bool:
    """Ask the kernel for a read lease, which it refuses on a file that is open for writing.

    Leases are for one's own files on local file systems; of others nothing is known, and they
    count as finished.
    """
    lease = getattr(fcntl, "F_SETLEASE", None)
    if lease is None:
        return False
    try:
        # Without O_NONBLOCK, a pipe that has taken the file's place would keep us waiting.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        # A writer that comes in this moment waits, and we are sent a signal: one that is ignored.
        fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(file, lease, fcntl.F_RDLCK)
        fcntl.fcntl(file, lease, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(file)
    return False
