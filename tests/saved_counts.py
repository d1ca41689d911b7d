"""Counters as the state file has them, read without the code under test."""

from __future__ import annotations

import contextlib
import sqlite3
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

from outpour._core import CountBatch, Ledger

ENTRY = struct.Struct("<20sII")


def batch(counts: Mapping[bytes, int]) -> CountBatch:
    """Counters to save."""
    ledger = Ledger()
    ledger.add(list(counts.items()))
    return ledger.take(1 << 20)


def marks_of(*numbers: int) -> bytes:
    """Marks as a store has them."""
    return struct.pack(f"<{len(numbers)}q", *numbers)


def counts_of(store) -> dict[bytes, int]:
    """What an open store holds."""
    ledger = Ledger()
    store.read_counts(ledger)
    return dict(ledger.page(0, 1 << 20)[0])


def counts_in(file: Path | sqlite3.Connection) -> dict[bytes, int]:
    """What a file holds for whoever opens it now."""
    if isinstance(file, Path):
        with contextlib.closing(sqlite3.connect(file)) as connection:
            return counts_in(connection)
    found: dict[bytes, int] = {}
    for number, page in file.execute("SELECT number, bytes FROM counts ORDER BY number"):
        for infohash, count, total in ENTRY.iter_unpack(page):
            summed = struct.pack("<q", number) + infohash + struct.pack("<I", count)
            assert total == zlib.crc32(summed)
            found[infohash] = count
    return {infohash: count for infohash, count in found.items() if count}
