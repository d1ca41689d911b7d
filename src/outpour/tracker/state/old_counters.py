"""Takes over counters, names and marks from the tables of schema 4, which had a row for each."""

from __future__ import annotations

import sqlite3
import struct

from outpour import _core
from outpour.tracker.state.count_table import CountTable
from outpour.tracker.state.mark_table import MarkTable
from outpour.tracker.state.row_sums import counter_sum, name_sum

ROWS_AT_ONCE = 4096


def take_over(connection: sqlite3.Connection) -> bool:
    """Put them into the tables of now; says if all are as they were written.

    Raises:
        sqlite3.Error: They cannot be read or written.
    """
    ledger = _core.Ledger()
    rows = connection.execute(
        "SELECT infohash, completed, completed_sum FROM torrents "
        "WHERE completed IS NOT 0 OR completed_sum IS NOT NULL"
    )
    while some := rows.fetchmany(ROWS_AT_ONCE):
        if any(total is None or total != counter_sum(key, n) for key, n, total in some):
            return False
        ledger.add([(key, count) for key, count, _ in some if count > 0])
    counts = CountTable(connection)
    while batch := ledger.take(ROWS_AT_ONCE):
        counts.append(batch)
    marks = connection.execute(
        "SELECT mark FROM marks WHERE typeof(mark) = 'integer' ORDER BY "
        "slot < (SELECT value FROM facts WHERE name = 'next_mark'), slot"
    )
    MarkTable(connection).append(b"".join(struct.pack("<q", mark) for (mark,) in marks))
    return _take_names(connection)


def _take_names(connection: sqlite3.Connection) -> bool:
    rows = connection.execute(
        "SELECT infohash, length, name, name_sum FROM torrents "
        "WHERE name IS NOT NULL OR length IS NOT NULL OR name_sum IS NOT NULL"
    )
    while some := rows.fetchmany(ROWS_AT_ONCE):
        for infohash, length, name, total in some:
            if total is None or total != name_sum(infohash, name, length):
                return False
        connection.executemany("INSERT INTO names VALUES (?, ?, ?, ?)", some)
    return True
