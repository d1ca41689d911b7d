"""Files to make torrents of and to download."""

from __future__ import annotations

import os
from pathlib import Path

MIB = 1 << 20
_CHUNK_BYTES = 8 * MIB


def write_random(path: Path, length: int) -> int:
    """Write a file of random bytes and return its length, a multiple of 8 MiB."""
    with path.open("wb") as file:
        for _ in range(length // _CHUNK_BYTES):
            file.write(os.urandom(_CHUNK_BYTES))
    return length
