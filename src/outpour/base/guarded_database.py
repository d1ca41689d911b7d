"""A connection to an SQLite database that is closed only while no thread uses it.

To close one in which another thread is at work crashes the process, and a task that is cancelled
leaves its thread at work.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from outpour.base.errors import OutpourError

PAGE_ROWS = 4096


class GuardedDatabase:
    """A connection that one thread at a time uses.

    Args:
        connection: In autocommit mode (`isolation_level=None`), and for any thread.
        explain: Makes an error of what SQLite says, or of text in the file that is no UTF-8.
        writers: Of several connections to one file, as SQLite lets one write at a time, and who
            comes too late sleeps before it tries again.

    Attributes:
        connection: For those who are called within `reading` or `writing`.
        is_changed: Something was written since somebody made this False.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        explain: Callable[[sqlite3.Error | UnicodeDecodeError], OutpourError],
        writers: threading.Lock | None = None,
    ) -> None:
        self.connection = connection
        self.is_changed = False
        self._explain = explain
        self._writers = writers or threading.Lock()
        self._turn = threading.RLock()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Have the connection, for what changes nothing.

        Raises:
            OutpourError: What SQLite says, explained; also that it is closed by now.
        """
        try:
            with self._turn:
                yield self.connection
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._explain(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Have the connection in a transaction: all or nothing. Never within `reading`.

        Raises:
            OutpourError: Nothing was changed.
        """
        with self._writers, self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                # SQLite has already rolled back on its own after some errors.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self.is_changed = True

    def pages(self, query: str, values: Sequence[Any] = ()) -> Iterator[list[Any]]:
        """The rows that a query finds, some at a time; others have their turn in between.

        Raises:
            OutpourError: As for `reading`.
        """
        with self.reading() as connection:
            rows = connection.execute(query, values)
            page = rows.fetchmany(PAGE_ROWS)
        while page:
            yield page
            with self.reading():
                page = rows.fetchmany(PAGE_ROWS)

    def close(self) -> None:
        """Close it, after what a thread that nobody waits for any more does with it."""
        with self._turn, suppress(sqlite3.Error, UnicodeDecodeError):
            self.connection.close()
