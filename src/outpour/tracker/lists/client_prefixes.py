"""Turn texts into beginnings of peer ids (BEP 20), by which clients are turned away."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from outpour.tracker.lists.list_file import lines

PREFIX_BYTES_MAX = 20
"""A whole peer id."""


def prefix_of(text: str) -> bytes | None:
    """Read a beginning of peer ids; `%XX` is a byte. None if it is longer than a peer id or empty.

    Example:
        >>> prefix_of("-XL0012-")
        b'-XL0012-'
    """
    prefix = unquote_to_bytes(text)
    return prefix if 0 < len(prefix) <= PREFIX_BYTES_MAX else None


def prefixes_of(texts: Iterable[str]) -> frozenset[bytes]:
    """Read many, without those that are none."""
    return frozenset(filter(None, map(prefix_of, texts)))


def parse_clients(raw: bytes) -> tuple[frozenset[bytes], list[str]]:
    """Read a beginning of peer ids a line, and what is wrong with the other lines."""
    prefixes = set()
    faults = []
    for number, line in lines(raw):
        prefix = prefix_of(line.decode("utf-8", "surrogateescape"))
        if prefix is None or b" " in line:
            faults.append(f"line {number} is not the beginning of a peer id, which has 20 bytes")
        else:
            prefixes.add(prefix)
    return frozenset(prefixes), faults
