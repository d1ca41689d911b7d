"""The events of a state file, so that a restart forgets nothing that an operator looks for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.event_log import Happening
from outpour.tracker.state.row_sums import text_sum


class EventTable:
    """The events of a store.

    Args:
        database: The connection in the thread that writes history.
    """

    def __init__(self, database: GuardedDatabase) -> None:
        self._database = database
        self._connection = database.connection

    def add(self, happenings: Iterable[Happening], oldest: Mapping[str, int]) -> None:
        """Keep events, and drop those of a kind that are older than its oldest.

        Args:
            happenings: The events.
            oldest: Lowest number to keep, by kind.

        Raises:
            StateDamagedError, WriteError: Nothing was changed.
        """
        with self._database.writing():
            self._connection.executemany(
                "INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((*row, text_sum(*row)) for row in map(_row, happenings)),
            )
            self._connection.executemany(
                "DELETE FROM events WHERE kind = ? AND number < ?", oldest.items()
            )


def happenings(connection: sqlite3.Connection) -> list[Happening]:
    """The events that are kept, oldest first; without those that are not as they were written."""
    rows = connection.execute(
        "SELECT number, at, kind, name, is_trouble, text, sum FROM events ORDER BY number"
    ).fetchall()
    return [
        Happening(number, float(at), kind, name, bool(is_trouble), text)
        for number, at, kind, name, is_trouble, text, total in rows
        if total == text_sum(number, at, kind, name, is_trouble, text)
    ]


def _row(one: Happening) -> tuple[int, int, str, str, int, str]:
    text = one.text.encode("utf-8", "replace").decode()
    return one.number, int(one.at), one.kind, one.name, int(one.is_trouble), text
