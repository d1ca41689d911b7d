"""Reads files of addresses to have nothing to do with, as other clients of BitTorrent take them.

    001.009.096.105 - 001.009.096.105 , 000 , Some organization     eMule (.dat)
    Some organization:1.9.96.105-1.9.96.105                         P2P (.p2p)
    192.0.2.0/24                                                    CIDR, and single addresses

What eMule gives a level of 128 or more is let through. Files may be packed with gzip.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from outpour.base.errors import FormatError, ReadError, reason
from outpour.base.text import typed
from outpour.base.units import MIB, format_size
from outpour.tracker.lists.address_ranges import AddressRange, parse_ranges

BYTES_MAX = 256 * MIB
"""Unpacked; the largest lists that are handed around have 20 MiB."""
LEVEL_LET_THROUGH = 128


def read_ip_filter(path: Path) -> tuple[list[AddressRange], list[str]]:
    """Read a file.

    Args:
        path: Of the file.

    Returns:
        The ranges that are blocked, and what is wrong with lines that are none.

    Raises:
        ReadError: It cannot be read.
        FormatError: It is too long, damaged, or has no range at all.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}") from error
    if raw[:2] == b"\x1f\x8b":
        raw = _unpacked(path, raw)
    if len(raw) > BYTES_MAX:
        raise FormatError(f"`{path}`: longer than {format_size(BYTES_MAX)}")
    lines = typed(raw).splitlines()
    ranges, faults = parse_ranges(b"\n".join(map(_plain, lines)))
    is_empty = not any(line.strip() and line.strip()[:1] != b"#" for line in lines)
    if not ranges and not is_empty and faults:
        raise FormatError(
            f"`{path}`: has no range of addresses",
            hint="as eMule (.dat) and P2P (.p2p) lists have them, or a network a line",
        )
    return sorted(ranges), faults


def _unpacked(path: Path, raw: bytes) -> bytes:
    try:
        packed = zlib.decompressobj(wbits=31)
        return packed.decompress(raw, BYTES_MAX + 1)
    except zlib.error as error:
        raise FormatError(f"`{path}`: its compression is damaged") from error


def _plain(line: bytes) -> bytes:
    """A line of eMule as its range alone, any other as it is."""
    addresses, comma, rest = line.partition(b",")
    level = rest.partition(b",")[0].strip()
    if not comma or not level.isdigit() or b"-" not in addresses:
        return line
    return b"" if int(level[:9]) >= LEVEL_LET_THROUGH else addresses
