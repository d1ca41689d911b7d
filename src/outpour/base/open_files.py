"""How many files and connections this process may have open: as many as it is allowed to."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

UNLIMITED = 1 << 20
"""What Linux allows a process at the most where it says that there is no limit."""
_NR_OPEN = Path("/proc/sys/fs/nr_open")


def raise_limit() -> int:
    """Raise the limit to what may be had without further rights; returns what is in force.

    Shells and service managers give 1024 for the sake of programs that use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _most() if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return _most() if soft == resource.RLIM_INFINITY else soft


def _most() -> int:
    try:
        return int(_NR_OPEN.read_text())
    except (OSError, ValueError):
        return UNLIMITED
