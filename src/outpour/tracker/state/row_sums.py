"""The checksums that rows of the state file carry, so that a changed bit is seen.

SQLite finds damage in the structure of its pages and none in what the pages hold. A sum covers the
key of a row too: a value under another key is as wrong as another value.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib

_NUMBERS = struct.Struct("<4q")
_NUMBER = struct.Struct("<q")
_STEP = struct.Struct("<2q")
_PAIR = struct.Struct("<2q")


def counter_sum(infohash: object, completed: object) -> int | None:
    """The sum of a counter; None where the values have other types than it has."""
    try:
        return zlib.crc32(b"c" + infohash + _NUMBER.pack(completed))  # type: ignore[operator]
    except (TypeError, struct.error):
        return None


def name_sum(infohash: object, name: object, length: object) -> int | None:
    """The sum of what a torrent is; None where the values have other types."""
    try:
        text = name.encode("utf-8", "surrogatepass")  # type: ignore[attr-defined]
        return zlib.crc32(b"n" + infohash + _NUMBER.pack(length) + text)  # type: ignore[operator]
    except (AttributeError, TypeError, struct.error):
        return None


def sample_sum(infohash: object, *numbers: object) -> int | None:
    """The sum of a point of history, its time first; None where the values have other types."""
    try:
        return zlib.crc32(b"s" + infohash + _NUMBERS.pack(*numbers))  # type: ignore[operator]
    except (TypeError, struct.error):
        return None


def block_sum(step: object, block: object, infohash: object, packed: object) -> int | None:
    """The sum of a block of buckets; None where the values have other types."""
    try:
        return zlib.crc32(b"b" + infohash + _PAIR.pack(step, block) + packed)  # type: ignore[operator]
    except (TypeError, struct.error):
        return None


def moment_sum(*values: object) -> int | None:
    """The sum of step, time and packed numbers of a moment; None where they have other types."""
    step_s, at, packed = values
    try:
        return zlib.crc32(b"m" + _STEP.pack(step_s, at) + packed)  # type: ignore[operator]
    except (TypeError, struct.error):
        return None


def marks_sum(number: object, packed: object) -> int | None:
    """The sum of a row of marks; None where the values have other types."""
    try:
        return zlib.crc32(b"k" + _NUMBER.pack(number) + packed)  # type: ignore[operator]
    except (TypeError, struct.error):
        return None


def text_sum(*values: object) -> int | None:
    """The sum of a row of numbers and texts; None where a value is neither."""
    if not all(isinstance(value, int | str) for value in values):
        return None
    # A byte that no text holds keeps neighbours apart.
    joined = b"\xff".join(str(value).encode("utf-8", "surrogatepass") for value in values)
    return zlib.crc32(b"t" + joined)


def register(connection: sqlite3.Connection) -> None:
    """Let SQL of this connection use the sums under their names."""
    connection.create_function("counter_sum", 2, counter_sum, deterministic=True)
    connection.create_function("name_sum", 3, name_sum, deterministic=True)
    connection.create_function("sample_sum", 5, sample_sum, deterministic=True)
