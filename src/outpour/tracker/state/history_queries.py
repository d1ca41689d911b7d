"""The history as it is read: sample by sample, or in stretches of equal length.

The samples of the dense day are summed up in SQL, which takes a fraction of what it takes in
Python, and other threads run meanwhile. What is older is read block by block, each with one seek.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace

from outpour.tracker.figures import Extremes, Sample, Stretch
from outpour.tracker.state.bucket_block import DAY_S, HOUR_S, Bucket, began, block_of, together
from outpour.tracker.state.bucket_table import sound
from outpour.tracker.state.run_table import pauses

LATE_S = 300
"""The first sample of an hour may come so late, and none lies further from the one before than an
hour and this."""
BLOCKS_MAX = 4000
"""Blocks of one kind: ten years of days that are read hour by hour."""

# A time above a count orders by time, and the count that comes with the first or last time is in
# its low bits: so one pass over the rows tells first and last beside least and most.
_STRETCHES = """
SELECT min(at), max(at),
    min(at << 31 | complete) & 0x7fffffff, min(complete), max(complete),
    max(at << 31 | complete) & 0x7fffffff,
    min(at << 31 | downloading) & 0x7fffffff, min(downloading), max(downloading),
    max(at << 31 | downloading) & 0x7fffffff, max(downloaded)
FROM samples WHERE infohash = ? AND at > ? GROUP BY at / ? ORDER BY min(at)
"""
# The key begins with the number of the block, so that what is old is together; this seeks.
_BLOCKS = """
WITH RECURSIVE number(block) AS (SELECT ?1 UNION ALL SELECT block + 1 FROM number WHERE block < ?2)
SELECT buckets.block, bytes, sum FROM number
CROSS JOIN buckets ON step = ?3 AND buckets.block = number.block AND infohash = ?4
"""

Timed = tuple[int, int, Bucket]
"""When a bucket begins, how long it is, and what it says."""


def samples(connection: sqlite3.Connection, infohash: bytes) -> tuple[Sample, ...]:
    """All that is known of one torrent, oldest first: samples, before them the ends of buckets."""
    rows = connection.execute(
        "SELECT at, complete, downloading, downloaded FROM samples WHERE infohash = ? ORDER BY at",
        (infohash,),
    )
    older = (
        Sample(at + step_s - 1, of.complete.last, of.downloading.last, of.downloaded)
        for at, step_s, of in _buckets(connection, infohash, HOUR_S, -1)
    )
    return (*older, *(Sample(*row) for row in rows))


def span(connection: sqlite3.Connection, infohash: bytes) -> tuple[int, int] | None:
    """Unix times of the first and the last that is known of one torrent, None if nothing is."""
    times = connection.execute(
        "SELECT (SELECT min(at) FROM samples WHERE infohash = ?1), "
        "(SELECT max(at) FROM samples WHERE infohash = ?1)",
        (infohash,),
    ).fetchone()
    buckets = list(_buckets(connection, infohash, DAY_S, -1))
    known = [at for at in times if at is not None]
    known += [at for first in buckets[:1] for at in (first[0],)]
    known += [at + step_s - 1 for at, step_s, _ in buckets[-1:]]
    return (min(known), max(known)) if known else None


def stretches(
    connection: sqlite3.Connection, infohash: bytes, step_s: int, after: int
) -> list[Stretch]:
    """What is known of one torrent after Unix second `after`, in stretches of `step_s` seconds.

    Stretches begin at multiples of `step_s`; one of which nothing is known is left out. Those of a
    swarm that stood still end where that is known for certain.
    """
    found = [*_of_buckets(_buckets(connection, infohash, step_s, after), step_s)]
    rows = connection.execute(_STRETCHES, (infohash, after, step_s))
    dense = [
        Stretch(first, last, Extremes(*numbers[:4]), Extremes(*numbers[4:8]), numbers[8])
        for first, last, *numbers in rows
    ]
    if found and dense and dense[0].began // step_s == found[-1].ended // step_s:
        # The stretch in which the dense day begins has a part of each kind.
        dense[0] = _with(found.pop(), dense[0])
    elif found and dense:
        is_late = dense[0].began - found[-1].ended > LATE_S
        dense[0] = replace(dense[0], is_after_gap=is_late)
    return found + _apart(dense, pauses(connection, after) if dense else (), after)


def _apart(
    dense: Sequence[Stretch], paused: Sequence[tuple[int, int]], after: int
) -> list[Stretch]:
    """Find the gaps between stretches: hours without a sample, and times in which nothing ran."""
    found = list(dense[:1])
    if found and any(
        after <= end <= found[0].began and end - begin > LATE_S for begin, end in paused
    ):
        # What came before it was read already.
        found[0] = replace(found[0], is_after_gap=True)
    at = 0
    for stretch in dense[1:]:
        last = found[-1]
        while at < len(paused) and paused[at][1] <= last.ended:
            at += 1
        pause = paused[at] if at < len(paused) and paused[at][1] <= stretch.began else None
        if pause is not None and pause[1] - pause[0] > LATE_S:
            # It stood still up to the end of that run.
            found[-1] = replace(last, ended=max(last.ended, pause[0]))
            stretch = replace(stretch, is_after_gap=True)
        elif stretch.began - last.ended > HOUR_S + LATE_S:
            stretch = replace(stretch, is_after_gap=True)
        found.append(stretch)
    return found


def _buckets(
    connection: sqlite3.Connection, infohash: bytes, step_s: int, after: int
) -> Iterator[Timed]:
    """The buckets of one torrent that begin after a time, oldest first.

    Days where stretches of days are wanted; hours where they are not, and where there are no days.
    """
    hours = _blocks(connection, infohash, HOUR_S, after)
    days = _blocks(connection, infohash, DAY_S, after)
    first = next(hours, None) if step_s < DAY_S else None
    until = None
    for at, bucket in days:
        if first is not None and at >= first[0] // DAY_S * DAY_S:
            break
        until = at + DAY_S
        yield at, DAY_S, bucket
    for at, bucket in () if first is None else (first,):
        yield at, HOUR_S, bucket
    if first is None and until is not None:
        hours = _blocks(connection, infohash, HOUR_S, until - 1)
    for at, bucket in hours:
        yield at, HOUR_S, bucket


def _blocks(
    connection: sqlite3.Connection, infohash: bytes, step_s: int, after: int
) -> Iterator[tuple[int, Bucket]]:
    first, last = connection.execute(
        "SELECT (SELECT min(block) FROM buckets WHERE step = ?1), "
        "(SELECT max(block) FROM buckets WHERE step = ?1)",
        (step_s,),
    ).fetchone()
    if not isinstance(first, int) or not isinstance(last, int):
        return
    first = max(first, block_of(step_s, max(after, 0))[0], last - BLOCKS_MAX)
    for block, packed, total in connection.execute(_BLOCKS, (first, last, step_s, infohash)):
        for slot, bucket in sorted(sound(step_s, block, infohash, packed, total).items()):
            at = began(step_s, block, slot)
            if at > after:
                yield at, bucket


def _of_buckets(buckets: Iterator[Timed], step_s: int) -> Iterator[Stretch]:
    """Join the buckets of each stretch."""
    part: list[Timed] = []
    ended = None
    for timed in buckets:
        if part and part[0][0] // step_s != timed[0] // step_s:
            yield _stretch(part, ended)
            ended = part[-1][0] + part[-1][1]
            part = []
        part.append(timed)
    if part:
        yield _stretch(part, ended)


def _stretch(part: Sequence[Timed], before: int | None) -> Stretch:
    """Make a stretch of buckets; the one before it ended before Unix second `before`."""
    of = together([bucket for _, _, bucket in part])
    at = part[0][0]
    last_at, last_s, _ = part[-1]
    is_after_gap = before is not None and at > before
    ended = last_at + last_s - 1
    return Stretch(at, ended, of.complete, of.downloading, of.downloaded, is_after_gap)


def _with(earlier: Stretch, later: Stretch) -> Stretch:
    parts = [Bucket(one.complete, one.downloading, one.downloaded) for one in (earlier, later)]
    of = together(parts)
    return Stretch(
        earlier.began, later.ended, of.complete, of.downloading, of.downloaded, earlier.is_after_gap
    )
