"""Packs what the samples of some hours or days say together into a few bytes, and unpacks it.

A bucket is an hour or a day of one swarm; a block holds the buckets of a day or of 32 days. Layout
of a block, packed with zlib:

    0-3    a bit for each bucket that is there, the first in the lowest
    4-     nine columns of 4 bytes a bucket that is there, each column by itself: of seeders and of
           leechers the first count, how far it fell below that, how far it rose above it and how
           far the last lies above the least; then the downloads up to the end

All numbers are unsigned and little-endian. Differences and columns, because a swarm that stands
still is then mostly zeros.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from outpour.tracker.figures import Extremes

HOUR_S = 3600
DAY_S = 86_400
SLOTS = {HOUR_S: 24, DAY_S: 32}
"""Buckets of a block by the seconds of a bucket."""
SLOTS_MAX = 32
COLUMNS = 9
NUMBER_MAX = (1 << 32) - 1
RAW_BYTES_MAX = 4 * (1 + COLUMNS * SLOTS_MAX)


class Bucket(NamedTuple):
    """What the samples of an hour or a day say together.

    Attributes:
        complete: Seeders.
        downloading: Leechers.
        downloaded: Completed downloads up to its end.
    """

    complete: Extremes
    downloading: Extremes
    downloaded: int


def block_of(step_s: int, at: int) -> tuple[int, int]:
    """Number of the block and of the slot in it for Unix second `at`."""
    return divmod(at // step_s, SLOTS[step_s])


def began(step_s: int, block: int, slot: int) -> int:
    """Unix second at which a bucket begins."""
    return (block * SLOTS[step_s] + slot) * step_s


def pack(buckets: Mapping[int, Bucket]) -> bytes:
    """Pack buckets by slot."""
    slots = sorted(buckets)
    mask = sum(1 << slot for slot in slots)
    columns = zip(*(_flat(buckets[slot]) for slot in slots), strict=True)
    numbers = [number for column in columns for number in column]
    return zlib.compress(struct.pack(f"<{1 + len(numbers)}I", mask, *numbers))


def unpack(packed: bytes) -> dict[int, Bucket]:
    """Unpack buckets by slot.

    Raises:
        ValueError: It is no block.
    """
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, RAW_BYTES_MAX)
    except zlib.error as error:
        raise ValueError("not a block of buckets") from error
    if not unpacker.eof or not raw or len(raw) % 4:
        raise ValueError("not a block of buckets")
    mask, *numbers = struct.unpack(f"<{len(raw) // 4}I", raw)
    slots = [slot for slot in range(SLOTS_MAX) if mask >> slot & 1]
    count = len(slots)
    if len(numbers) != count * COLUMNS:
        raise ValueError("not a block of buckets")
    columns = [numbers[at * count : (at + 1) * count] for at in range(COLUMNS)]
    return {slot: _bucket(of) for slot, of in zip(slots, zip(*columns, strict=True), strict=True)}


def together(buckets: Sequence[Bucket]) -> Bucket:
    """What buckets that follow each other say together; there is at least one."""
    return Bucket(
        _joined([one.complete for one in buckets]),
        _joined([one.downloading for one in buckets]),
        max(one.downloaded for one in buckets),
    )


def _joined(of: Sequence[Extremes]) -> Extremes:
    least, most = min(one.least for one in of), max(one.most for one in of)
    return Extremes(of[0].first, least, most, of[-1].last)


def _flat(bucket: Bucket) -> tuple[int, ...]:
    return (*_apart(bucket.complete), *_apart(bucket.downloading), _fitting(bucket.downloaded))


def _apart(of: Extremes) -> tuple[int, int, int, int]:
    first, least, most, last = map(_fitting, of)
    least, most = min(least, first, last), max(most, first, last)
    return first, first - least, most - first, last - least


def _fitting(number: int) -> int:
    return min(max(number, 0), NUMBER_MAX)


def _bucket(of: Sequence[int]) -> Bucket:
    return Bucket(_extremes(of[:4]), _extremes(of[4:8]), of[8])


def _extremes(of: Sequence[int]) -> Extremes:
    first, fell, rose, above = of
    return Extremes(first, first - fell, first + rose, first - fell + above)
