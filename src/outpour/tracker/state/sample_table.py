"""The history as it is written: points of swarms for a day, hours for 92 days, days after that."""

from __future__ import annotations

import time
from collections.abc import Iterable

from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.state.bucket_block import DAY_S, HOUR_S, began
from outpour.tracker.state.bucket_table import BucketTable, sound
from outpour.tracker.state.row_sums import sample_sum
from outpour.tracker.state.run_table import RunTable
from outpour.tracker.state.state_file import StateDamagedError

CHECKED_SAMPLES_MAX = 1_000_000
PAGE_ROWS = 4096
SAMPLES_DENSE_S = DAY_S
HOURS_KEPT_D = 92
"""A chart of 90 days is drawn of hours, one of a year of days."""
FOLDED_HOURS_MAX = 6
"""Hours that are folded in one go where many wait, as in a file of an earlier outpour."""
PRUNE_S = 5.0
"""What one call of `prune` may take about, as the swarms wait to be saved meanwhile."""
TOTALS = b""
"""The infohash under which the history of all torrents together is kept."""


class SampleTable:
    """The samples of a store.

    Args:
        database: The connection in the thread that writes swarms.
    """

    def __init__(self, database: GuardedDatabase) -> None:
        self._database = database
        self._connection = database.connection
        self.buckets = BucketTable(database)
        self._runs = RunTable(database.connection)
        self._days_to: int | None = None

    def add(self, at: int, counts: Iterable[tuple[bytes, int, int, int]]) -> None:
        """Keep infohash, complete, downloading and downloaded as they were at Unix second `at`.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        points = [(key, at, a, b, c) for key, a, b, c in counts]
        with self._database.writing():
            self._insert(points)
            self._runs.note(at, is_busy=bool(points))

    def end(self, at: int) -> None:
        """Note that the tracker ends at Unix second `at`.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._database.writing():
            self._runs.note(at, is_busy=True)

    def add_points(self, points: Iterable[tuple[bytes, int, int, int, int]]) -> None:
        """Keep points of any time, given with it: infohash, time and the three numbers.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._database.writing():
            self._insert(points)

    def prune(self, now: int, retention_d: int) -> bool:
        """Thin out history: hours after a day, days after 92 days, none after `retention_d` days.

        Returns:
            Whether all is done; otherwise it is to be called again soon.

        Raises:
            StateDamagedError, WriteError: What was done by then stays so.
        """
        due = time.monotonic() + PRUNE_S
        oldest = now - retention_d * DAY_S
        with self._database.writing():
            self._connection.execute("DELETE FROM samples WHERE at < ?", (oldest,))
        end = (now - SAMPLES_DENSE_S) // HOUR_S * HOUR_S
        while (at := self._first_hour(end)) is not None:
            # Up to the end of its day, as a block is.
            most = min(end, at + FOLDED_HOURS_MAX * HOUR_S, (at // DAY_S + 1) * DAY_S)
            self.buckets.fold_samples(at, most)
            if time.monotonic() > due:
                return False
        if not self._fold_days(end // DAY_S, due):
            return False
        self.buckets.drop(HOUR_S, max(now - HOURS_KEPT_D * DAY_S, oldest))
        self.buckets.drop(DAY_S, oldest)
        return True

    def _insert(self, points: Iterable[tuple[bytes, int, int, int, int]]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?, ?)",
            ((*point, sample_sum(*point)) for point in points),
        )

    def _first_hour(self, end: int) -> int | None:
        """The Unix second at which the first hour begins that has samples before `end`."""
        with self._database.reading():
            (first,) = self._connection.execute(
                "SELECT min(at) FROM samples WHERE at < ?", (end,)
            ).fetchone()
        return None if first is None else first // HOUR_S * HOUR_S

    def _fold_days(self, end: int, due: float) -> bool:
        """Fold the days before day `end`; says whether that was all of them."""
        if self._days_to is None:
            self._days_to = self._days_kept()
        first = self.buckets.first_block(HOUR_S)
        day = max(self._days_to, end if first is None else first)
        while day < end:
            self.buckets.fold_day(day)
            day += 1
            if time.monotonic() > due:
                break
        self._days_to = min(day, end)
        return day >= end

    def _days_kept(self) -> int:
        """The day up to which days are kept; the last is folded anew, as it may have been cut."""
        with self._database.reading():
            last = self._connection.execute(
                "SELECT block, bytes, sum FROM buckets "
                "WHERE step = ? AND infohash = ? ORDER BY block DESC LIMIT 1",
                (DAY_S, TOTALS),
            ).fetchone()
        if last is None:
            return 0
        slots = sound(DAY_S, last[0], TOTALS, last[1], last[2])
        return began(DAY_S, last[0], max(slots, default=0)) // DAY_S

    def drop_damaged(self) -> int:
        """Take out points of history that are not as they were written; returns how many.

        Not looked for among more than `CHECKED_SAMPLES_MAX`.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        wrong = self._damaged()
        if wrong:
            with self._database.writing():
                self._connection.executemany(
                    "DELETE FROM samples WHERE infohash IS ? AND at IS ?", wrong
                )
            if self._damaged():
                # A changed key stands where it is not looked for.
                raise StateDamagedError("the history is out of order")
        return len(wrong) + self.buckets.drop_damaged()

    def _damaged(self) -> list[tuple[object, ...]]:
        wrong: list[tuple[object, ...]] = []
        with self._database.reading():
            # Summed up here and not in SQL: a function that SQLite calls waits for the interpreter
            # while it holds the connection.
            rows = self._connection.execute(
                "SELECT infohash, at, complete, downloading, downloaded, sum FROM samples LIMIT ?",
                (CHECKED_SAMPLES_MAX,),
            )
            while page := rows.fetchmany(PAGE_ROWS):
                wrong += [row[:2] for row in page if row[5] != sample_sum(*row[:5])]
        return wrong
