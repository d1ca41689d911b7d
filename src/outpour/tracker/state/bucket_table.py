"""The older history as it is written: hours and days of swarms, in blocks of a day and 32 days.

Samples are folded into hours when they leave the dense day, and hours into days when the day is
over. Each step takes a bounded number of swarms in a transaction of its own, so that no counter
waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.figures import Extremes
from outpour.tracker.state.bucket_block import (
    DAY_S,
    HOUR_S,
    SLOTS,
    Bucket,
    block_of,
    pack,
    together,
    unpack,
)
from outpour.tracker.state.row_sums import block_sum

_T = TypeVar("_T")

SWARMS_AT_ONCE = 500
"""Swarms of one transaction: some ten milliseconds."""
CHECKED_BLOCKS_MAX = 200_000

Block = tuple[int, int, bytes, bytes]
"""Seconds of a bucket, number of the block, infohash, packed buckets."""

# As in `history_queries`: the first and the last count are in the low bits of a time.
_HOURS = """
SELECT infohash, at / 3600,
    min(at << 31 | complete) & 0x7fffffff, min(complete), max(complete),
    max(at << 31 | complete) & 0x7fffffff,
    min(at << 31 | downloading) & 0x7fffffff, min(downloading), max(downloading),
    max(at << 31 | downloading) & 0x7fffffff, max(downloaded)
FROM samples WHERE at >= ? AND at < ? GROUP BY infohash, at / 3600
"""


class BucketTable:
    """The buckets of a store.

    Args:
        database: The connection in the thread that writes swarms.
    """

    def __init__(self, database: GuardedDatabase) -> None:
        self._database = database
        self._connection = database.connection

    def fold_samples(self, began: int, ended: int) -> None:
        """Fold the samples from Unix second `began` to before `ended`, hours of one UTC day.

        Raises:
            StateDamagedError, WriteError: What was folded by then stays so.
        """
        with self._database.reading():
            rows = self._connection.execute(_HOURS, (began, ended)).fetchall()
        found: dict[bytes, dict[int, Bucket]] = {}
        for infohash, hour, *numbers in rows:
            if all(isinstance(number, int) for number in numbers):
                slot = block_of(HOUR_S, hour * HOUR_S)[1]
                found.setdefault(infohash, {})[slot] = _bucket(numbers)
        block, _ = block_of(HOUR_S, began)
        for some in _in_parts(sorted(found)):
            with self._database.writing():
                self._merge(HOUR_S, block, {key: found[key] for key in some})
                self._connection.executemany(
                    "DELETE FROM samples WHERE infohash = ? AND at >= ? AND at < ?",
                    ((key, began, ended) for key in some),
                )
        with self._database.writing():
            # What made no sense, and what came with a strange key.
            self._connection.execute("DELETE FROM samples WHERE at >= ? AND at < ?", (began, ended))

    def fold_day(self, block: int) -> None:
        """Fold the hours of a block into the day that they are.

        Raises:
            StateDamagedError, WriteError: What was folded by then stays so.
        """
        following, slot = block_of(DAY_S, block * DAY_S)
        with self._database.reading():
            rows = self._connection.execute(
                "SELECT infohash, bytes, sum FROM buckets WHERE step = ? AND block = ? "
                "ORDER BY infohash",
                (HOUR_S, block),
            ).fetchall()
        for some in _in_parts(rows):
            days = {}
            for infohash, packed, total in some:
                hours = sound(HOUR_S, block, infohash, packed, total)
                if hours:
                    days[infohash] = {slot: together([hours[at] for at in sorted(hours)])}
            with self._database.writing():
                self._merge(DAY_S, following, days)

    def first_block(self, step_s: int) -> int | None:
        """Number of the earliest block."""
        with self._database.reading():
            found = self._connection.execute(
                "SELECT min(block) FROM buckets WHERE step = ?", (step_s,)
            ).fetchone()[0]
        return found if isinstance(found, int) else None

    def drop(self, step_s: int, before: int) -> None:
        """Drop the blocks that end before Unix second `before`.

        Raises:
            StateDamagedError, WriteError: As for `fold_day`.
        """
        end, _ = block_of(step_s, before)
        # One block after the other: each is as large as there are swarms.
        while (block := self.first_block(step_s)) is not None and block < end:
            with self._database.writing():
                self._connection.execute(
                    "DELETE FROM buckets WHERE step = ? AND block = ?", (step_s, block)
                )

    def add_blocks(self, blocks: Iterable[Block]) -> None:
        """Keep blocks as another file had them.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._database.writing():
            self._write(blocks)

    def drop_damaged(self) -> int:
        """Take out blocks that are not as they were written; returns how many.

        Not looked for among more than `CHECKED_BLOCKS_MAX`; readers pass over them anyway.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        wrong: list[tuple[object, ...]] = []
        with self._database.reading():
            rows = self._connection.execute(
                "SELECT step, block, infohash, bytes, sum FROM buckets LIMIT ?",
                (CHECKED_BLOCKS_MAX,),
            )
            while page := rows.fetchmany(SWARMS_AT_ONCE):
                wrong += [row[:3] for row in page if row[4] != block_sum(*row[:4])]
        if wrong:
            with self._database.writing():
                self._connection.executemany(
                    "DELETE FROM buckets WHERE step IS ? AND block IS ? AND infohash IS ?", wrong
                )
        return len(wrong)

    def _merge(self, step_s: int, block: int, fresh: Mapping[bytes, Mapping[int, Bucket]]) -> None:
        """Put buckets into the blocks of some swarms, which may be there already."""
        if not fresh:
            return
        rows = self._connection.execute(
            "SELECT infohash, bytes, sum FROM buckets "
            "WHERE step = ? AND block = ? AND infohash >= ? AND infohash <= ?",
            (step_s, block, min(fresh), max(fresh)),
        )
        kept = {key: (packed, total) for key, packed, total in rows if key in fresh}
        self._write(
            (step_s, block, key, pack(_with(step_s, block, key, kept.get(key), buckets)))
            for key, buckets in fresh.items()
        )

    def _write(self, blocks: Iterable[Block]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?)",
            ((*block, block_sum(*block)) for block in blocks),
        )


def sound(
    step_s: int, block: int, infohash: bytes, packed: object, total: object
) -> dict[int, Bucket]:
    """Unpack a block by slot, empty where it is not as it was written."""
    if total is None or total != block_sum(step_s, block, infohash, packed):
        return {}
    assert isinstance(packed, bytes)
    try:
        found = unpack(packed)
    except ValueError:
        return {}
    return {slot: bucket for slot, bucket in found.items() if slot < SLOTS[step_s]}


def _with(
    step_s: int,
    block: int,
    infohash: bytes,
    kept: tuple[object, object] | None,
    fresh: Mapping[int, Bucket],
) -> dict[int, Bucket]:
    found = {} if kept is None else sound(step_s, block, infohash, *kept)
    # A clock that was set back gives a second part of an hour: both count.
    return found | {
        slot: together([found[slot], bucket]) if slot in found and step_s == HOUR_S else bucket
        for slot, bucket in fresh.items()
    }


def _bucket(numbers: Sequence[int]) -> Bucket:
    return Bucket(Extremes(*numbers[:4]), Extremes(*numbers[4:8]), numbers[8])


def _in_parts(some: Sequence[_T]) -> Iterable[Sequence[_T]]:
    for at in range(0, len(some), SWARMS_AT_ONCE):
        yield some[at : at + SWARMS_AT_ONCE]
