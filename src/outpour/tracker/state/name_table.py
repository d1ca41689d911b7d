"""Names and lengths of torrents, which outlast their .torrent files."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from outpour.tracker.state.row_sums import name_sum


class NameTable:
    """The names of a store. What changes them is called inside of a transaction.

    Args:
        connection: To the file, in the thread that writes counters.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def read(self) -> dict[bytes, tuple[str, int]] | None:
        """Name and length by infohash; None where a row is not as it was written."""
        rows = self._connection.execute("SELECT infohash, length, name, sum FROM names").fetchall()
        if any(total != name_sum(key, name, length) for key, length, name, total in rows):
            return None
        return {infohash: (name, length) for infohash, length, name, _ in rows}

    def put(self, torrents: Iterable[tuple[bytes, str, int]]) -> None:
        """Keep infohash, name and length in bytes of torrents."""
        # What is no Unicode stays readable.
        named = ((key, name.encode("utf-8", "replace").decode(), n) for key, name, n in torrents)
        self._connection.executemany(
            "INSERT OR REPLACE INTO names VALUES (?, ?, ?, ?)",
            ((key, length, name, name_sum(key, name, length)) for key, name, length in named),
        )
