"""When the tracker ran: tells a swarm that stood still from a time of which nothing is known."""

from __future__ import annotations

import sqlite3
from itertools import pairwise

BEAT_S = 600
"""How often it is written that the tracker runs, while nothing else is written."""
RUNS_MAX = 10_000
"""Runs that are kept, the latest; a tracker that is started anew each minute fills them in a week.
"""


class RunTable:
    """Keeps the current run; called inside of a transaction.

    Args:
        connection: To the file, in the thread that writes swarms.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._began: int | None = None
        self._ended = 0

    def note(self, at: int, *, is_busy: bool) -> None:
        """Note that the tracker runs at Unix second `at`; `is_busy` if something is written anyway.

        A clock that was set back begins a run anew.
        """
        if self._began is not None and 0 <= at - self._ended < BEAT_S and not is_busy:
            return
        if self._began is None or at < self._ended:
            self._began = at
            self._connection.execute("INSERT OR REPLACE INTO runs VALUES (?, ?)", (at, at))
            self._connection.execute(
                "DELETE FROM runs WHERE began <= "
                "(SELECT began FROM runs ORDER BY began DESC LIMIT 1 OFFSET ?)",
                (RUNS_MAX,),
            )
        else:
            self._connection.execute("UPDATE runs SET ended = ? WHERE began = ?", (at, self._began))
        self._ended = at


def pauses(connection: sqlite3.Connection, after: int) -> list[tuple[int, int]]:
    """The times in which the tracker did not run, from and to in Unix seconds, oldest first.

    Args:
        connection: For reading.
        after: Unix second; what was over by then is left out.
    """
    rows = connection.execute(
        "SELECT began, ended FROM runs "
        "WHERE typeof(began) = 'integer' AND typeof(ended) = 'integer' AND "
        "ended >= coalesce((SELECT max(ended) FROM runs WHERE ended < ?), 0) ORDER BY began",
        (after,),
    ).fetchall()
    found = []
    for (_, ended), (began, _) in pairwise(rows):
        if began > ended:
            found.append((ended, began))
    return found
