"""The counters as they are written: page after page, the last that names a torrent counting.

Strangers complete downloads of torrents in no order, so a row for each counter would have SQLite
write a page of its file for each. Written behind one another, 144 of them share a page. What later
pages have replaced is cleared away, the oldest pages first, once it is more than what counts: so
each value is written twice at most, and a turn never does more than a part of it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence

from outpour._core import CountBatch

Page = tuple[int, bytes]
"""Its number, and what `CountBatch.pages` has made."""

PAGES_AT_ONCE = 512
"""Pages that are looked through in one transaction: two megabytes, some ten milliseconds."""
SPARE_BYTES = 128 << 10
"""What may always lie about."""


class CountTable:
    """The counters of a store. What changes them is called inside of a transaction.

    Args:
        connection: To the file, in the thread that writes counters.

    Raises:
        sqlite3.Error: It cannot be read.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._bytes = self._counting_bytes = self._bytes_held()
        self._clearing_to: int | None = None

    def last_number(self) -> int:
        """The number of the last page, 0 before the first."""
        found = self._connection.execute("SELECT ifnull(max(number), 0) FROM counts").fetchone()
        return int(found[0])

    def pages(self) -> Iterator[list[Page]]:
        """All pages in their order, some at a time."""
        rows = self._connection.execute("SELECT number, bytes FROM counts ORDER BY number")
        while pages := rows.fetchmany(PAGES_AT_ONCE):
            yield pages

    def append(self, batch: CountBatch) -> None:
        """Write counters behind all others."""
        pages = batch.pages(self.last_number() + 1)
        self._connection.executemany("INSERT INTO counts VALUES (?, ?)", pages)
        self._bytes += sum(len(page) for _, page in pages)

    def drop(self, number: int) -> None:
        """Drop all pages up to a number."""
        self._connection.execute("DELETE FROM counts WHERE number <= ?", (number,))

    @property
    def is_clearing_due(self) -> bool:
        """Whether there is enough to clear away that it is worth the work."""
        is_under_way = self._clearing_to is not None
        return is_under_way or self._bytes > 2 * self._counting_bytes + SPARE_BYTES

    def clear(self, last_of: Callable[[Sequence[Page]], CountBatch]) -> None:
        """Write what counts of the oldest pages behind all others, and drop these pages.

        Args:
            last_of: What counts of some pages.
        """
        if self._clearing_to is None:
            self._clearing_to = self.last_number()
        pages = self._connection.execute(
            "SELECT number, bytes FROM counts WHERE number <= ? ORDER BY number LIMIT ?",
            (self._clearing_to, PAGES_AT_ONCE),
        ).fetchall()
        if pages:
            self.append(last_of(pages))
            self.drop(pages[-1][0])
        if len(pages) < PAGES_AT_ONCE:
            self._clearing_to = None
            self._bytes = self._counting_bytes = self._bytes_held()

    def _bytes_held(self) -> int:
        found = self._connection.execute("SELECT ifnull(sum(length(bytes)), 0) FROM counts")
        return int(found.fetchone()[0])
