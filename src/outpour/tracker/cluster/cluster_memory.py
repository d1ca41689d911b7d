"""What a node remembers of its cluster: one SQLite file beside the state, `NAME.cluster`.

counts   counters of completed downloads, of each node and kind; of this node those taken back
map      the shared map: member and score
said     what this node's own folder, lists and rules held when they were last looked at
mine     marks and torrents of the latest downloads that this node counted, should another one have
         counted the same, many in a row; only those count whose marks the state file has as well
back     marks of those that were taken back
facts    numbers and bytes: `node`, `is_clean`, `is_told`, `token`, and `read PART`, up to where the
         stream of a server was taken in

Whoever removes it loses what is shown of other nodes until the
server is asked again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from outpour.base.database_fault import is_around, words_of
from outpour.base.errors import WriteError
from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.cluster.shared_counts import Counter
from outpour.tracker.state.state_file import StateDamagedError, prepare, set_aside

APPLICATION_ID = 0x6F757463
"""`outc` in the SQLite header."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS counts (
    node BLOB, kind TEXT, infohash BLOB, count INTEGER NOT NULL, PRIMARY KEY (node, kind, infohash)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS map (member BLOB PRIMARY KEY, score INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS said (member BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mine (number INTEGER PRIMARY KEY, packed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS back (number INTEGER PRIMARY KEY, mark BLOB UNIQUE NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
"""
MINE_MAX = 65_536
"""As many as the core remembers."""
MINE_BYTES = 28
MINE_AT_ONCE = 1024
BUSY_TIMEOUT_S = 1.0

Row = tuple[bytes, int]


class ClusterMemory:
    """The file, open; a damaged one is set aside and begun anew. It may be written from any thread.

    Args:
        state: The tracker's state file, beside which it lies; None keeps all in memory.
        clock: Unix time in seconds, for the name of what is set aside.

    Attributes:
        set_aside: Where a damaged file is now; None if it was sound.

    Raises:
        WriteError, ReadError: It cannot be used.
    """

    def __init__(self, state: Path | None, clock: Callable[[], float]) -> None:
        self.path = None if state is None else state.with_name(f"{state.name}.cluster")
        self.set_aside: Path | None = None
        try:
            self._open()
        except (StateDamagedError, sqlite3.DatabaseError, UnicodeDecodeError) as error:
            is_sound = isinstance(error, sqlite3.Error) and is_around(error, self.path or Path())
            if self.path is None or is_sound or not self.path.exists():
                raise self._explain(error) from error
            self.set_aside = set_aside(self.path, clock)
            self._open()

    def _open(self) -> None:
        if self.path is not None:
            prepare(self.path)
        connection = sqlite3.connect(
            self.path or ":memory:",
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if self.path is not None:
                if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                    raise StateDamagedError(f"`{self.path}`: damaged")
                connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(SCHEMA)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._database = GuardedDatabase(connection, self._explain)

    def fact(self, name: str) -> bytes | None:
        """What is kept under this name, None if nothing is."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT value FROM facts WHERE name = ? AND typeof(value) = 'blob'", (name,)
            ).fetchone()
        return bytes(row[0]) if row else None

    def set_facts(self, facts: Mapping[str, bytes]) -> None:
        """Keep these.

        Raises:
            WriteError: Nothing was changed.
        """
        with self._database.writing():
            self._put_facts(facts)

    def _put_facts(self, facts: Mapping[str, bytes]) -> None:
        self._connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", [*facts.items()])

    def mine(self) -> Iterator[tuple[bytes, bytes]]:
        """Marks and infohashes of the latest downloads that this node counted, earliest first."""
        with self._database.reading() as connection:
            marks = connection.execute("SELECT mark FROM back WHERE typeof(mark) = 'blob'")
            back = {mark for (mark,) in marks}
            rows = connection.execute(
                "SELECT packed FROM mine WHERE typeof(packed) = 'blob' ORDER BY number"
            ).fetchall()
        for (packed,) in rows:
            for at in range(0, len(packed) // MINE_BYTES * MINE_BYTES, MINE_BYTES):
                mark = packed[at : at + 8]
                if mark not in back:
                    yield mark, packed[at + 8 : at + MINE_BYTES]

    def keep_mine(self, packed: bytes) -> None:
        """Keep marks and infohashes of downloads, each 28 bytes; the earliest of too many go.

        Raises:
            WriteError: Nothing was changed.
        """
        with self._database.writing():
            self._append_mine(packed)

    def _append_mine(self, packed: bytes) -> None:
        number, last = self._connection.execute(
            "SELECT number, packed FROM mine ORDER BY number DESC LIMIT 1"
        ).fetchone() or (1, b"")
        is_open = isinstance(last, bytes) and len(last) < MINE_AT_ONCE * MINE_BYTES
        packed, number = (last + packed, number) if is_open else (packed, number + 1)
        for at in range(0, len(packed), MINE_AT_ONCE * MINE_BYTES):
            row = (number, packed[at : at + MINE_AT_ONCE * MINE_BYTES])
            self._connection.execute("INSERT OR REPLACE INTO mine VALUES (?, ?)", row)
            number += 1
        oldest = number - 1 - MINE_MAX // MINE_AT_ONCE
        self._connection.execute("DELETE FROM mine WHERE number < ?", (oldest,))

    def _take_back(self, marks: Iterable[bytes]) -> None:
        rows = [(mark,) for mark in marks]
        self._connection.executemany("INSERT OR IGNORE INTO back (mark) VALUES (?)", rows)
        if rows:
            self._connection.execute(
                "DELETE FROM back WHERE number <= (SELECT max(number) FROM back) - ?", (MINE_MAX,)
            )

    def counts(self) -> Iterator[tuple[bytes, Counter, Sequence[Row]]]:
        """Counters of nodes, a page at a time: node, kind, and infohashes with their counters."""
        for page in self._database.pages(
            "SELECT node, kind, infohash, count FROM counts WHERE length(infohash) = 20 "
            "AND length(node) = 8 AND kind IN ('counted', 'withdrawn') "
            "AND typeof(count) = 'integer' AND count > 0 ORDER BY node, kind"
        ):
            by_counter: dict[tuple[bytes, Counter], list[Row]] = {}
            for node, kind, infohash, count in page:
                by_counter.setdefault((node, kind), []).append((infohash, count))
            for (node, kind), some in by_counter.items():
                yield node, kind, some

    def statements(self) -> Iterator[Sequence[Row]]:
        """The shared map as it was kept: members with their scores, a page at a time."""
        return self._database.pages(
            "SELECT member, score FROM map WHERE typeof(score) = 'integer' AND score >= 0 "
            "AND typeof(member) = 'blob'"
        )

    def said(self) -> Iterator[bytes]:
        """What this node's own sources held."""
        for page in self._database.pages("SELECT member FROM said WHERE typeof(member) = 'blob'"):
            for (member,) in page:
                yield member

    def save(
        self,
        counts: Iterable[tuple[bytes, Counter, bytes, int]],
        statements: Iterable[Row],
        said: Iterable[tuple[bytes, bool]],
        taken_back: Iterable[bytes] = (),
        facts: Mapping[str, bytes] = MappingProxyType({}),
    ) -> None:
        """Keep counters, statements and what own sources say, all or none.

        Args:
            counts: Node, kind, infohash and counter; none goes down.
            statements: Members and scores; none goes down.
            said: Members, and whether the sources hold them.
            taken_back: Marks of downloads that are counted as withdrawn.
            facts: As in `set_facts`.

        Raises:
            WriteError: Nothing was changed.
        """
        said = list(said)
        with self._database.writing():
            self._connection.executemany(
                "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT (node, kind, infohash) "
                "DO UPDATE SET count = excluded.count WHERE excluded.count > count",
                counts,
            )
            self._connection.executemany(
                "INSERT INTO map VALUES (?, ?) ON CONFLICT (member) "
                "DO UPDATE SET score = excluded.score WHERE excluded.score > score",
                statements,
            )
            self._connection.executemany(
                "INSERT OR IGNORE INTO said VALUES (?)", [(one,) for one, is_in in said if is_in]
            )
            self._connection.executemany(
                "DELETE FROM said WHERE member = ?", [(one,) for one, is_in in said if not is_in]
            )
            self._take_back(taken_back)
            self._put_facts(facts)

    def close(self) -> None:
        """Close the file, after what a thread that nobody waits for any more does with it."""
        self._database.close()

    def _explain(self, error: Exception) -> WriteError:
        words = str(error) if self.path is None else words_of(error, self.path)
        return WriteError(f"`{self.path}`: {words}", hint="make room on the disk")
