"""The history in SQL: sample by sample, or in stretches of equal length that are summed up there.

Summing up in SQL takes a fraction of what it takes in Python, and other threads run meanwhile.
"""

from __future__ import annotations

import sqlite3

from outpour.tracker.figures import Extremes, Sample, Stretch

# A time above a count orders by time, and the count that comes with the first or last time is in
# its low bits: so one pass over the rows tells first and last beside least and most.
_STRETCHES = """
SELECT min(at), max(at),
    min(at << 31 | complete) & 0x7fffffff, min(complete), max(complete),
    max(at << 31 | complete) & 0x7fffffff,
    min(at << 31 | downloading) & 0x7fffffff, min(downloading), max(downloading),
    max(at << 31 | downloading) & 0x7fffffff
FROM samples WHERE infohash = ? AND at > ? GROUP BY at / ? ORDER BY min(at)
"""


def samples(connection: sqlite3.Connection, infohash: bytes) -> tuple[Sample, ...]:
    """All samples of one torrent, oldest first."""
    rows = connection.execute(
        "SELECT at, complete, downloading, downloaded FROM samples WHERE infohash = ? ORDER BY at",
        (infohash,),
    )
    return tuple(Sample(*row) for row in rows)


def span(connection: sqlite3.Connection, infohash: bytes) -> tuple[int, int] | None:
    """Unix times of the first and the last sample of one torrent, None if it has none."""
    began, ended = connection.execute(
        "SELECT (SELECT min(at) FROM samples WHERE infohash = ?1), "
        "(SELECT max(at) FROM samples WHERE infohash = ?1)",
        (infohash,),
    ).fetchone()
    return None if began is None else (began, ended)


def stretches(
    connection: sqlite3.Connection, infohash: bytes, step_s: int, after: int
) -> list[Stretch]:
    """The samples of one torrent after Unix second `after`, in stretches of `step_s` seconds.

    Stretches begin at multiples of `step_s`; one without a sample is left out.
    """
    rows = connection.execute(_STRETCHES, (infohash, after, step_s))
    return [
        Stretch(began, ended, Extremes(*numbers[:4]), Extremes(*numbers[4:]))
        for began, ended, *numbers in rows
    ]
