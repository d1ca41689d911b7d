"""The tracker's memory on disk: counters, history and the swarm snapshot, in one SQLite file.

WAL with `synchronous=FULL`: a commit survives a killed process in either mode, and there is at
most one commit a second, so the fsync that makes it survive a power cut as well costs nothing that
anybody waits for. The service decides when to write and what to do when it fails.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from outpour.base.errors import FormatError, ReadError, WriteError, reason
from outpour.tracker.state.process_lock import Lock

T = TypeVar("T")

APPLICATION_ID = 0x6F757470
"""`outp` in the SQLite header, so that another program's database is not taken for ours."""

BUSY_TIMEOUT_MS = 1000
JOURNAL_BYTES_MAX = 16 << 20
CHECK_BYTES_MAX = 64 << 20
"""Files up to this size are checked page by page at start, which takes well under a second."""

PAGE_ROWS = 4096
SAMPLES_DENSE_S = 86_400
SAMPLES_SPARSE_STEP_S = 3600
DAY_S = 86_400
TOTALS = b""
"""The infohash under which the history of all torrents together is kept."""

_SQLITE_MAGIC = b"SQLite format 3\0"

_SCHEMA_1 = """
CREATE TABLE torrents (
    infohash BLOB PRIMARY KEY, name TEXT, length INTEGER, completed INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE samples (
    infohash BLOB, at INTEGER, complete INTEGER, downloading INTEGER, downloaded INTEGER,
    PRIMARY KEY (infohash, at)
) WITHOUT ROWID;
CREATE INDEX samples_by_time ON samples (at);
CREATE TABLE snapshot (part INTEGER PRIMARY KEY, taken_at INTEGER NOT NULL, swarms BLOB NOT NULL);
"""

MIGRATIONS: tuple[str, ...] = (_SCHEMA_1,)
"""Script `n` takes the file from schema version `n` to `n + 1`; a released one never changes."""


class StateDamagedError(ReadError):
    """The file is not a database any more."""


class Store:
    """The state file, open.

    Written from one thread at a time; `read` has a connection of its own and may be called from
    another thread meanwhile.

    Args:
        path: The file, made if it is missing together with its folder; None keeps all in memory.

    Raises:
        StateDamagedError: The file is damaged; `set_aside` moves it out of the way.
        FormatError: The file is a healthy one of somebody else, or of a later outpour.
        ReadError: It cannot be opened, or another tracker has it.
        WriteError: It cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock: Lock | None = None
        self._reader: sqlite3.Connection | None = None
        self._thinned_to = 0
        if path is not None:
            _prepare(path)
            self._lock = Lock(path.with_name(path.name + ".lock"), path)
        try:
            self._writer = self._connect()
            with self._told(), self._closed_on_error():
                self._set_up(self._writer)
        except BaseException:
            self._release()
            raise

    def completed(self) -> Iterator[list[tuple[bytes, int]]]:
        """Infohash and completed downloads of every torrent ever counted, a page at a time."""
        with self._told():
            rows = self._writer.execute(
                "SELECT infohash, completed FROM torrents WHERE completed > 0"
            )
            while page := rows.fetchmany(PAGE_ROWS):
                yield page

    def named(self) -> dict[bytes, tuple[str, int]]:
        """Name and length by infohash, of torrents that were known once."""
        with self._told():
            rows = self._writer.execute(
                "SELECT infohash, name, length FROM torrents WHERE name IS NOT NULL"
            )
            return {infohash: (name, length) for infohash, name, length in rows}

    def set_completed(self, counts: Iterable[tuple[bytes, int]]) -> None:
        """Bring completed counters to these values, all or none.

        Values and not differences, so that trying again can never count anything twice.

        Raises:
            StateDamagedError: The file was damaged meanwhile.
            WriteError: Nothing was changed: locked, full or unwritable.
        """
        with self._transaction():
            self._writer.executemany(
                "INSERT INTO torrents (infohash, completed) VALUES (?, ?) ON CONFLICT (infohash) "
                "DO UPDATE SET completed = excluded.completed",
                counts,
            )

    def name(self, torrents: Iterable[tuple[bytes, str, int]]) -> None:
        """Keep infohash, name and length in bytes of torrents.

        Raises:
            StateDamagedError, WriteError: As for `set_completed`.
        """
        with self._transaction():
            self._writer.executemany(
                "INSERT INTO torrents (infohash, name, length) VALUES (?, ?, ?) ON CONFLICT "
                "(infohash) DO UPDATE SET name = excluded.name, length = excluded.length",
                (
                    (key, name.encode("utf-8", "replace").decode(), size)
                    for key, name, size in torrents
                ),
            )

    def add_samples(self, at: int, counts: Iterable[tuple[bytes, int, int, int]]) -> None:
        """Keep infohash, complete, downloading and downloaded as they were at Unix second `at`.

        Raises:
            StateDamagedError, WriteError: As for `set_completed`.
        """
        with self._transaction():
            self._writer.executemany(
                "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?, ?)",
                ((key, at, *numbers) for key, *numbers in counts),
            )

    def prune(self, now: int, retention_d: int) -> None:
        """Thin out history: a sample an hour after a day, none after `retention_d` days.

        Raises:
            StateDamagedError, WriteError: As for `set_completed`.
        """
        with self._transaction():
            self._writer.execute("DELETE FROM samples WHERE at < ?", (now - retention_d * DAY_S,))
            # The first sample of each hour stays; what an earlier call went through holds no
            # others.
            end = now - SAMPLES_DENSE_S
            end -= end % SAMPLES_SPARSE_STEP_S
            self._writer.execute(
                "DELETE FROM samples WHERE at >= ? AND at < ? AND EXISTS (SELECT 1 FROM samples AS "
                "first WHERE first.infohash = samples.infohash AND first.at < samples.at AND "
                "first.at >= samples.at - samples.at % ?)",
                (self._thinned_to, end, SAMPLES_SPARSE_STEP_S),
            )
        self._thinned_to = end

    def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Ask on the connection of those who look, from one thread at a time.

        Raises:
            StateDamagedError, ReadError: The file cannot be read.
        """
        with self._told():
            if self._reader is None:
                self._reader = self._writer if self.path is None else self._connect()
            return ask(self._reader)

    def save_snapshot(self, swarms: Iterable[bytes], taken_at: int) -> None:
        """Replace the swarm snapshot, given in parts; `taken_at` is Unix time in seconds.

        Raises:
            StateDamagedError, WriteError: The one before is untouched.
        """
        with self._transaction():
            self._writer.execute("DELETE FROM snapshot")
            self._writer.executemany(
                "INSERT INTO snapshot VALUES (?, ?, ?)",
                ((number, taken_at, part) for number, part in enumerate(swarms)),
            )

    def snapshot(self) -> tuple[bytes, int] | None:
        """The last swarm snapshot and when it was taken, None if there is none."""
        with self._told():
            rows = self._writer.execute("SELECT taken_at, swarms FROM snapshot ORDER BY part")
            parts = rows.fetchall()
        return (b"".join(part for _, part in parts), int(parts[0][0])) if parts else None

    def close(self) -> None:
        """Close the file and let others have it."""
        with contextlib.suppress(sqlite3.Error):
            if self._reader is not None and self._reader is not self._writer:
                self._reader.close()
            self._writer.close()
        self._release()

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _connect(self) -> sqlite3.Connection:
        with self._told():
            connection = sqlite3.connect(
                self.path or ":memory:",
                timeout=BUSY_TIMEOUT_MS / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
            connection.execute("PRAGMA synchronous = FULL")
            return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        if self.path is not None:
            if self.path.stat().st_size <= CHECK_BYTES_MAX:
                found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
                if found != "ok":
                    raise StateDamagedError(f"`{self.path}`: {found}")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES_MAX}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        owner = connection.execute("PRAGMA application_id").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if owner != APPLICATION_ID and tables:
            raise FormatError(
                f"`{self.path}`: a database of another program",
                hint="name another file with `--state`",
            )
        if version > len(MIGRATIONS):
            raise FormatError(
                f"`{self.path}`: written by a later outpour (schema {version}, this one knows "
                f"{len(MIGRATIONS)})",
                hint="update outpour, or name another file with `--state`",
            )
        for number, script in enumerate(MIGRATIONS[version:], version + 1):
            connection.executescript(
                f"BEGIN; {script} PRAGMA user_version = {number}; "
                f"PRAGMA application_id = {APPLICATION_ID}; COMMIT;"
            )

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._writer.close()
            raise

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._told():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._writer.execute("COMMIT")
            except BaseException:
                # SQLite has already rolled back on its own after some errors.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error


def _explain(path: Path | None, error: sqlite3.Error) -> ReadError | WriteError:
    name = f"`{path}`" if path else "state in memory"
    code = getattr(error, "sqlite_errorcode", None)
    # Python 3.10 has no codes; the texts are part of SQLite's stable interface.
    text = str(error)
    primary = code & 0xFF if code is not None else None
    if primary in (11, 26) or "malformed" in text or "not a database" in text:
        return StateDamagedError(f"{name}: {text}")
    if primary == 5 or "locked" in text:
        return WriteError(f"{name}: locked by another program", hint="close what has it open")
    if primary == 13 or "full" in text:
        return WriteError(f"{name}: the disk is full", hint="make room on the disk")
    if primary == 8 or "readonly" in text:
        return WriteError(f"{name}: not writable", hint="check who owns the file and its folder")
    if primary == 14 or "unable to open" in text:
        return WriteError(f"{name}: cannot be opened", hint="check who owns the file's folder")
    return WriteError(f"{name}: {text}")


def _prepare(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return
        with path.open("rb") as stream:
            start = stream.read(len(_SQLITE_MAGIC))
    except OSError as error:
        raise WriteError(
            f"`{path}`: {reason(error)}", hint="name a file you may write with `--state`"
        ) from error
    if start[:1] == b"d" and start[1:2].isdigit():
        raise FormatError(
            f"`{path}`: a state file of the classic bttrack",
            hint=f"keep it with `bttrack --dfile {path}`, or take over what it holds with "
            f"`outpour track --import-dfile {path}`",
        )
    if start and start != _SQLITE_MAGIC:
        raise StateDamagedError(f"`{path}`: not a database")


def set_aside(path: Path, clock: Callable[[], float] = time.time) -> Path:
    """Rename a damaged state file to `NAME.damaged-<UTC>`, with what SQLite keeps beside it.

    Returns:
        The new name.

    Raises:
        WriteError: It cannot be renamed.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(clock()))
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    try:
        for suffix in ("", "-wal", "-shm"):
            beside = path.with_name(path.name + suffix)
            if beside.exists():
                beside.rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise WriteError(f"`{path}`: damaged, and cannot be set aside: {reason(error)}") from error
    return aside
