"""The SHA-256 in the files that `sha256sum` writes, and in those of BSD's `sha256`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from outpour.base.text import from_bytes

_GNU = re.compile(rb"\\?([0-9a-fA-F]{64})(?:[ \t]+\*?(.+))?\Z")
_BSD = re.compile(rb"SHA256 ?\((.+)\) ?= ?([0-9a-fA-F]{64})\Z")


def sums_of(raw: bytes) -> Iterator[tuple[str | None, str]]:
    """Each path with its digits in lower case; no path where the line has none.

    Lines that are none, as those of a signature around them, are passed over.
    """
    for line in raw.splitlines():
        line = line.rstrip()
        if (gnu := _GNU.match(line)) is not None:
            yield _path(gnu[2]) if gnu[2] else None, gnu[1].decode().lower()
        elif (bsd := _BSD.match(line)) is not None:
            yield _path(bsd[1]), bsd[2].decode().lower()


def _path(raw: bytes) -> str:
    return from_bytes(raw).removeprefix("./")
