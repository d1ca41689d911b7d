"""Marks of the latest downloads, which keep these from being counted again.

They lie in rows of 500, of which the last one grows until it is full.
"""

from __future__ import annotations

import sqlite3

from outpour.tracker.state.row_sums import marks_sum

MARKS_MAX = 65_536
"""Marks that are kept, the latest; see `Tracker.recall_counted`."""
MARK_BYTES = 8
ROW_BYTES_MAX = 500 * MARK_BYTES
"""What SQLite keeps on one page of its own."""
ROWS_MAX = MARKS_MAX * MARK_BYTES // ROW_BYTES_MAX + 2
"""Of the first and the last only a part may be in use."""


class MarkTable:
    """The marks of a store. What changes them is called inside of a transaction.

    Args:
        connection: To the file, in the thread that writes counters.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self) -> bytes:
        """The marks, the earliest first; rows that are not as they were written are left out."""
        rows = self._connection.execute("SELECT number, bytes, sum FROM mark_rows ORDER BY number")
        return b"".join(_marks(*row) for row in rows)[-MARKS_MAX * MARK_BYTES :]

    def append(self, marks: bytes) -> None:
        """Keep later marks; the earliest ones of too many go."""
        if not marks:
            return
        number, before = self._last()
        marks = before + marks
        for at in range(0, len(marks), ROW_BYTES_MAX):
            row = marks[at : at + ROW_BYTES_MAX]
            self._connection.execute(
                "INSERT OR REPLACE INTO mark_rows VALUES (?, ?, ?)",
                (number, row, marks_sum(number, row)),
            )
            number += 1
        self._connection.execute("DELETE FROM mark_rows WHERE number < ?", (number - ROWS_MAX,))

    def _last(self) -> tuple[int, bytes]:
        """The last row, without those behind it that are not as they were written."""
        while row := self._connection.execute(
            "SELECT number, bytes, sum FROM mark_rows ORDER BY number DESC LIMIT 1"
        ).fetchone():
            marks = _marks(*row)
            if marks:
                return int(row[0]), marks
            # Its number may be any.
            self._connection.execute("DELETE FROM mark_rows WHERE number = ?", row[:1])
        return 1, b""


def _marks(number: int, packed: object, total: object) -> bytes:
    is_sound = isinstance(packed, bytes) and total == marks_sum(number, packed)
    return packed if is_sound and isinstance(packed, bytes) else b""
