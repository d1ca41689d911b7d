"""The history as it is written: points of swarms, dense for a day and thinned out after it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

from outpour.tracker.state.row_sums import sample_sum
from outpour.tracker.state.state_file import StateDamagedError

CHECKED_SAMPLES_MAX = 1_000_000
PAGE_ROWS = 4096
SAMPLES_DENSE_S = 86_400
SAMPLES_SPARSE_STEP_S = 3600
DAY_S = 86_400
TOTALS = b""
"""The infohash under which the history of all torrents together is kept."""


class SampleTable:
    """The samples of a store.

    Args:
        connection: To the file, in the thread that writes swarms.
        transaction: Around each change.
        told: Around what only reads.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        transaction: Callable[[sqlite3.Connection], AbstractContextManager[None]],
        told: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._connection = connection
        self._transaction = transaction
        self._told = told
        self._thinned_to = 0

    def add(self, at: int, counts: Iterable[tuple[bytes, int, int, int]]) -> None:
        """Keep infohash, complete, downloading and downloaded as they were at Unix second `at`.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        self.add_points((key, at, a, b, c) for key, a, b, c in counts)

    def add_points(self, points: Iterable[tuple[bytes, int, int, int, int]]) -> None:
        """Keep points of any time, given with it: infohash, time and the three numbers.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._transaction(self._connection):
            self._connection.executemany(
                "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?)",
                ((*point, sample_sum(*point)) for point in points),
            )

    def prune(self, now: int, retention_d: int) -> None:
        """Thin out history: a sample an hour after a day, none after `retention_d` days.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._transaction(self._connection):
            oldest = now - retention_d * DAY_S
            self._connection.execute("DELETE FROM samples WHERE at < ?", (oldest,))
        # The first sample of each hour stays; what an earlier call went through holds no others.
        end = now - SAMPLES_DENSE_S
        end -= end % SAMPLES_SPARSE_STEP_S
        with self._told():
            (first,) = self._connection.execute(
                "SELECT min(at) FROM samples WHERE at >= ?", (self._thinned_to,)
            ).fetchone()
        at = end if first is None else first - first % SAMPLES_SPARSE_STEP_S
        while at < end:
            with self._transaction(self._connection):
                self._connection.execute(
                    "DELETE FROM samples WHERE at >= ? AND at < ? AND EXISTS (SELECT 1 FROM "
                    "samples AS first WHERE first.infohash = samples.infohash AND "
                    "first.at < samples.at AND first.at >= ?1)",
                    (at, at + SAMPLES_SPARSE_STEP_S),
                )
            at += SAMPLES_SPARSE_STEP_S
        self._thinned_to = end

    def drop_damaged(self) -> int:
        """Take out points of history that are not as they were written; returns how many.

        Not looked for among more than `CHECKED_SAMPLES_MAX`.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        wrong = self._damaged()
        if wrong:
            with self._transaction(self._connection):
                self._connection.executemany(
                    "DELETE FROM samples WHERE infohash IS ? AND at IS ?", wrong
                )
            if self._damaged():
                # A changed key stands where it is not looked for.
                raise StateDamagedError("the history is out of order")
        return len(wrong)

    def _damaged(self) -> list[tuple[object, ...]]:
        wrong: list[tuple[object, ...]] = []
        with self._told():
            # Summed up here and not in SQL: a function that SQLite calls waits for the interpreter
            # while it holds the connection.
            rows = self._connection.execute(
                "SELECT infohash, at, complete, downloading, downloaded, sum FROM samples LIMIT ?",
                (CHECKED_SAMPLES_MAX,),
            )
            while page := rows.fetchmany(PAGE_ROWS):
                wrong += [row[:2] for row in page if row[5] != sample_sum(*row[:5])]
        return wrong
