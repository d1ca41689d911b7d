"""The moments of a state file: what the tracker as a whole did, in tiers of bounded size."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator

from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.state.operation_tiers import (
    TIERS,
    Moment,
    Tier,
    joined,
    moment_of,
    stretched,
    text_of,
    tier_for,
)
from outpour.tracker.state.row_sums import moment_sum

Connection = sqlite3.Connection
Row = tuple[int, int, bytes, int]
"""Step of the tier, time, packed numbers and sum."""
TEXT_BYTES_MAX = 1 << 16


class MomentTable:
    """The moments of a store.

    Args:
        database: The connection in the thread that writes history.
    """

    def __init__(self, database: GuardedDatabase) -> None:
        self._database = database
        self._connection = database.connection

    def add(self, moments: Iterable[Moment]) -> None:
        """Add moments of a minute at most to what is kept, and drop what is too old.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._database.writing():
            for moment in moments:
                for tier in TIERS:
                    self._add(tier, moment)

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Take over rows of another file.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._database.writing():
            self._connection.executemany("INSERT OR REPLACE INTO moments VALUES (?, ?, ?, ?)", rows)

    def _add(self, tier: Tier, moment: Moment) -> None:
        step, at = tier.step_s, moment.at - moment.at % tier.step_s
        before = next(_moments(self._connection, step, at, at), Moment(at))
        # More than a quarter of a page would take a page of its own.
        numbers = zlib.compress(text_of(joined(at, before, moment)).encode(), 6)
        self._connection.execute(
            "INSERT OR REPLACE INTO moments VALUES (?, ?, ?, ?)",
            (step, at, numbers, moment_sum(step, at, numbers)),
        )
        self._connection.execute(
            "DELETE FROM moments WHERE tier = ? AND at < ?", (step, at - tier.kept_s)
        )


def moments(connection: sqlite3.Connection, now: float, since: int, step_s: int) -> list[Moment]:
    """What happened since Unix second `since`, in stretches of `step_s` seconds, oldest first.

    A stretch that nothing is known of lacks. Where the fine tiers do not reach back so far, the
    stretches are longer.
    """
    tier = tier_for(now, since, step_s)
    first = since - since % tier.step_s
    found = list(_moments(connection, tier.step_s, first, int(now)))
    return stretched(found, max(step_s - step_s % tier.step_s, tier.step_s))


def _moments(
    connection: sqlite3.Connection, step_s: int, first: int, last: int
) -> Iterator[Moment]:
    rows = connection.execute(
        "SELECT at, numbers, sum FROM moments WHERE tier = ? AND at BETWEEN ? AND ? ORDER BY at",
        (step_s, first, last),
    ).fetchall()
    for at, numbers, total in rows:
        # What is not as it was written is a gap.
        if total == moment_sum(step_s, at, numbers):
            try:
                text = zlib.decompressobj().decompress(numbers, TEXT_BYTES_MAX)
                yield moment_of(at, text.decode())
            except (ValueError, zlib.error):
                continue
