"""Tells whether the write-ahead log of an SQLite file is as it was written.

SQLite itself takes what comes before the first damaged frame and says nothing of the rest.

    0-3   magic; its last bit says that sums are taken over big-endian numbers
    8-11  page size            16-23  salt                24-31  sums of bytes 0 to 23
    then frames: 0-3 page, 4-7 pages after a commit or 0, 8-15 salt, 16-23 sums of bytes 0 to 7 and
    of the page, continuing those of the frame before; then the page

Frames with another salt are left over from an earlier round.
"""

from __future__ import annotations

import struct
import sys
from array import array
from pathlib import Path

_MAGIC = 0x377F0682
HEADER_BYTES = 32
FRAME_HEADER_BYTES = 24
CHECKED_BYTES_MAX = 64 << 20
"""What lies beyond in a longer log is not looked at; SQLite looks at it itself."""


def damage(path: Path) -> str | None:
    """What is wrong with a log, None if nothing is or there is none.

    Raises:
        OSError: It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            raw = stream.read(CHECKED_BYTES_MAX)
    except FileNotFoundError:
        return None
    return damage_of(raw)


def damage_of(raw: bytes) -> str | None:
    """What is wrong with these bytes of a log, None if nothing is."""
    if len(raw) <= HEADER_BYTES:
        return None
    magic, _, size = struct.unpack(">III", raw[:12])
    if magic & ~1 != _MAGIC or not 512 <= size <= 65_536:
        return "its header is damaged"
    is_big = bool(magic & 1)
    sums = _sum(raw[:24], (0, 0), is_big)
    if sums != struct.unpack(">II", raw[24:32]):
        return "its header is damaged"
    salt = raw[16:24]
    step = FRAME_HEADER_BYTES + size
    whole = (len(raw) - HEADER_BYTES) // step
    for number in range(whole):
        at = HEADER_BYTES + number * step
        if raw[at + 8 : at + 16] != salt:
            # The end, unless frames of this round follow.
            return _later(raw, at + step, step, salt, number, whole)
        sums = _sum(raw[at : at + 8], sums, is_big)
        sums = _sum(raw[at + FRAME_HEADER_BYTES : at + step], sums, is_big)
        if sums != struct.unpack(">II", raw[at + 16 : at + 24]):
            return f"{whole - number} of its {whole} frames are not readable"
    return None


def _later(raw: bytes, at: int, step: int, salt: bytes, number: int, whole: int) -> str | None:
    while at + step <= len(raw):
        if raw[at + 8 : at + 16] == salt:
            return f"{whole - number} of its {whole} frames are not readable"
        at += step
    return None


def _sum(raw: bytes, sums: tuple[int, int], is_big: bool) -> tuple[int, int]:
    words = array("I", raw)
    if is_big == (sys.byteorder == "little"):
        words.byteswap()
    first, second = sums
    for at in range(0, len(words), 2):
        first = first + words[at] + second & 0xFFFFFFFF
        second = second + words[at + 1] + first & 0xFFFFFFFF
    return first, second
