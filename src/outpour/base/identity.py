"""How outpour names itself to trackers, peers and servers."""

from __future__ import annotations

import re


def version() -> str:
    """Return the version of this package."""
    from outpour._core import __version__

    return __version__


def user_agent() -> str:
    """Return what the `User-Agent` header says."""
    return f"outpour/{version()}"


def fingerprint() -> str:
    """Return the first 8 bytes of the peer id (BEP 20), such as `-OP0123-` for 0.12.3."""
    digits = [min(int(part), limit) for part, limit in zip(_numbers(), (9, 99, 9), strict=True)]
    return f"-OP{digits[0]}{digits[1]:02}{digits[2]}-"


def _numbers() -> tuple[str, str, str]:
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", version())
    return (match[1], match[2], match[3]) if match else ("0", "0", "0")
