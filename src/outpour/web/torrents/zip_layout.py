"""Lays out a zip archive of stored files whose length is known before a byte of them is read.

What is written (PKWARE APPNOTE 6.3.10), numbers little-endian, for each file:

    local header   0x04034b50  needed u16, flags u16, method u16, time u16, date u16, crc u32,
                   packed u32, size u32, name length u16, extra length u16, name, extra
    content        as it is (method 0, stored)
    descriptor     0x08074b50  crc u32, packed u64, size u64 (u32 each below 4 GiB)

and behind all of them, for each file, then once:

    central header 0x02014b50  made by u16, then as the local one, comment length u16, disk u16,
                   internal u16, external u32, offset u32, name, extra
    zip64 end      0x06064b50, its locator 0x07064b50, where something does not fit the end
    end            0x06054b50  disk u16, disk u16, entries u16, entries u16, size u32, offset u32, 0

The checksum of a file is known behind it only, so flag 3 announces a descriptor; sizes stand in the
local header all the same, by which readers of streams find the end of a stored file. Flag 11: names
are UTF-8. What does not fit 32 bits stands in the extra field 1 (zip64), and there in the local
header of each file from 4 GiB on.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

LIMIT = 0xFFFF_FFFF
FLAGS = 1 << 3 | 1 << 11
STORED = 0
MADE_BY = 3 << 8 | 45
"""Unix, which gives the external attributes their meaning, and the version of zip64."""
ATTRIBUTES = 0o100644 << 16
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_EXTRA = struct.Struct("<HHQQ")
_END_64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
NAME_BYTES_MAX = 0xFFFF
YEAR_MIN, YEAR_MAX = 1980, 2107


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of an archive.

    Attributes:
        name: In UTF-8, with slashes between folders.
        length: Bytes.
    """

    name: bytes
    length: int

    @property
    def is_large(self) -> bool:
        """Whether its length does not fit 32 bits."""
        return self.length >= LIMIT

    def local_header(self, modified: int) -> bytes:
        """What stands before its content; `modified` in Unix seconds."""
        size = LIMIT if self.is_large else self.length
        extra = _EXTRA.pack(1, 16, self.length, self.length) if self.is_large else b""
        head = _LOCAL.pack(
            0x04034B50, 45, FLAGS, STORED, *_moment(modified), 0, size, size, len(self.name),
            len(extra),
        )  # fmt: skip
        return head + self.name + extra

    def descriptor(self, crc: int) -> bytes:
        """What stands behind its content."""
        form = "<IIQQ" if self.is_large else "<IIII"
        return struct.pack(form, 0x08074B50, crc, self.length, self.length)

    def central_header(self, crc: int, modified: int, offset: int) -> bytes:
        """What the directory says of it; `offset` is where its local header begins."""
        wide = [self.length, self.length] if self.is_large else []
        wide += [offset] if offset >= LIMIT else []
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size = LIMIT if self.is_large else self.length
        head = _CENTRAL.pack(
            0x02014B50, MADE_BY, 45, FLAGS, STORED, *_moment(modified), crc, size, size,
            len(self.name), len(extra), 0, 0, 0, ATTRIBUTES, min(offset, LIMIT),
        )  # fmt: skip
        return head + self.name + extra


def end(entries: int, size: int, offset: int) -> bytes:
    """The end of an archive of so many files: how long its directory is, and where it begins."""
    tail = b""
    if entries >= 0xFFFF or size >= LIMIT or offset >= LIMIT:
        tail = _END_64.pack(
            0x06064B50, _END_64.size - 12, MADE_BY, 45, 0, 0, entries, entries, size, offset
        )
        tail += _LOCATOR.pack(0x07064B50, 0, offset + size, 1)
    count = min(entries, 0xFFFF)
    return tail + _END.pack(0x06054B50, 0, 0, count, count, min(size, LIMIT), min(offset, LIMIT), 0)


def length_of(files: Sequence[Stored]) -> int:
    """Bytes of the archive of some files."""
    offset = directory = 0
    for file in files:
        directory += len(file.central_header(0, 0, offset))
        offset += len(file.local_header(0)) + file.length + len(file.descriptor(0))
    return offset + directory + len(end(len(files), directory, offset))


def _moment(at: int) -> tuple[int, int]:
    """Time and date as DOS has them, in UTC, two seconds fine."""
    moment = time.gmtime(max(at, 0))
    if not YEAR_MIN <= moment.tm_year <= YEAR_MAX:
        moment = time.struct_time((YEAR_MIN, 1, 1, 0, 0, 0, 0, 1, 0))
    return (
        moment.tm_hour << 11 | moment.tm_min << 5 | moment.tm_sec // 2,
        moment.tm_year - YEAR_MIN << 9 | moment.tm_mon << 5 | moment.tm_mday,
    )
