"""The tracker's memory on disk: counters, history and the swarm snapshot, in one SQLite file.

WAL with `synchronous=FULL`: a commit survives a killed process in either mode, and there is at
most one commit a second, so the fsync that makes it survive a power cut as well costs nothing that
anybody waits for. What is large (swarms, history) goes through a second connection, in
transactions so short that a counter never waits for them. The service decides when to write and
what to do when it fails.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from outpour._core import CountBatch
from outpour.base.database_fault import is_of_a_full_disk, kind_of
from outpour.base.errors import OutpourError, ReadError, WriteError, reason
from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.state import write_ahead_log
from outpour.tracker.state.count_table import CountTable
from outpour.tracker.state.event_table import EventTable
from outpour.tracker.state.mark_table import MarkTable
from outpour.tracker.state.moment_table import MomentTable
from outpour.tracker.state.name_table import NameTable
from outpour.tracker.state.process_lock import Lock
from outpour.tracker.state.row_sums import register
from outpour.tracker.state.sample_table import SampleTable
from outpour.tracker.state.schema import set_up
from outpour.tracker.state.state_file import StateDamagedError, identity, prepare, put_copy

if TYPE_CHECKING:
    from outpour._core import Ledger

T = TypeVar("T")

BUSY_TIMEOUT_MS = 1000
JOURNAL_BYTES_MAX = 16 << 20
CHECK_BYTES_MAX = 64 << 20
"""Files up to this size are checked page by page at start, which takes well under a second."""

PAGE_ROWS = 4096
_COPIED = (
    ("SELECT number, bytes FROM counts", "INSERT INTO counts VALUES (?, ?)"),
    ("SELECT infohash, length, name, sum FROM names", "INSERT INTO names VALUES (?, ?, ?, ?)"),
)


class Store:
    """The state file, open.

    Counters and names are written from one thread, swarms and history from a second one; `read`
    has a connection of its own for a third.

    Args:
        path: The file, made if it is missing together with its folder; None keeps all in memory.

    Attributes:
        counts: Completed downloads.
        samples: The history of swarms, written from the thread of the swarms.
        moments: The history of the tracker as a whole, written from the same.
        events: What happened, written from the same.
        notices: What was found amiss and could be lived with, in sentences.
        forgotten: Downloads that were counted by counters that are there no more.

    Raises:
        StateDamagedError: The file is damaged; `set_aside` moves it out of the way.
        FormatError: The file is a healthy one of somebody else, or of a later outpour.
        ReadError: It cannot be opened, or another tracker has it.
        WriteError: It cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.notices: list[str] = []
        self._lock: Lock | None = None
        self._databases: list[GuardedDatabase] = []
        self._reader: GuardedDatabase | None = None
        self._connecting = threading.Lock()
        self._is_closed = False
        self._writers = threading.Lock()
        if path is not None:
            prepare(path)
            self._lock = Lock(path.with_name(path.name + ".lock"), path)
        try:
            self._open()
        except BaseException:
            self._close()
            raise

    def _open(self) -> None:
        lost = self._look_at_log()
        try:
            self._writer = self._connect()
            writer = self._writer.connection
            size = self.path.stat().st_size if self.path else 0
            if self.path is not None:
                if size <= CHECK_BYTES_MAX:
                    found = writer.execute("PRAGMA quick_check(1)").fetchone()[0]
                    if found != "ok":
                        raise StateDamagedError(f"`{self.path}`: {found}")
                writer.execute("PRAGMA journal_mode = WAL")
                writer.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES_MAX}")
            is_empty = writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
            set_up(writer, self.path)
            facts = dict(writer.execute("SELECT name, value FROM facts").fetchall())
            if size and (is_empty or (facts["is_open"] and lost)):
                what = lost or "holds nothing: its journal is missing"
                self.notices.append(f"{what}; {_since(facts['checkpointed_at'])}")
            self._generation = facts["generation"]
            self.forgotten = facts["forgotten"]
            writer.execute("UPDATE facts SET value = 1 WHERE name = 'is_open'")
            writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # Moving the log into the file is for times when nobody waits.
            writer.execute("PRAGMA wal_autocheckpoint = 0")
            self.counts = CountTable(writer)
            self._marks = MarkTable(writer)
            self._names = NameTable(writer)
            self._slow = self._writer
            if self.path is not None:
                self._slow = self._connect()
                self._slow.connection.execute("PRAGMA synchronous = NORMAL")
            self.samples = SampleTable(self._slow)
            self.moments = MomentTable(self._slow)
            self.events = EventTable(self._slow)
        except (sqlite3.Error, UnicodeDecodeError, KeyError, TypeError) as error:
            raise self._explain(error, at_start=True) from error
        self._identity = identity(self.path) if self.path else None

    def _look_at_log(self) -> str | None:
        """What is missing of the log of a file that was not closed."""
        if self.path is None:
            return None
        log = self.path.with_name(self.path.name + "-wal")
        try:
            if not log.exists():
                return "its journal is missing"
            damage = write_ahead_log.damage(log)
        except OSError as error:
            raise ReadError(f"`{log}`: {reason(error)}") from error
        return f"its journal is damaged: {damage}" if damage else None

    @property
    def is_gone(self) -> bool:
        """Whether the file was removed or replaced while it was open."""
        return self.path is not None and identity(self.path) != self._identity

    def read_counts(self, ledger: Ledger) -> None:
        """Have an empty ledger take in the counters of every torrent ever counted.

        Raises:
            StateDamagedError: One is not as it was written.
        """
        with self._writer.reading():
            for pages in self.counts.pages():
                for number, page in pages:
                    if not isinstance(page, bytes) or ledger.read_page(number, page):
                        raise StateDamagedError(f"`{self.path}`: a counter is damaged")

    def named(self) -> dict[bytes, tuple[str, int]]:
        """Name and length by infohash, of torrents that were known once.

        Raises:
            StateDamagedError: A row is not as it was written.
        """
        with self._writer.reading():
            found = self._names.read()
        if found is None:
            raise StateDamagedError(f"`{self.path}`: a name is damaged")
        return found

    def marks(self) -> bytes:
        """Marks of the latest downloads, as `CountBatch.marks` has them."""
        with self._writer.reading():
            return self._marks.read()

    def save(self, batch: CountBatch | None, *, swarms: int | None = None) -> None:
        """Write counters with their marks, all or none.

        Values and not differences, so that trying again can never count anything twice.

        Args:
            batch: The counters.
            swarms: Generation of swarms that is the one to restore from now on.

        Raises:
            StateDamagedError: The file was damaged meanwhile.
            WriteError: Nothing was changed: locked, full or unwritable.
        """
        with self._writer.writing():
            if batch is not None:
                self.counts.append(batch)
                self._marks.append(batch.marks)
            if swarms is not None:
                self._set_fact("generation", swarms)
        self._generation = self._generation if swarms is None else swarms

    def keep_marks(self, marks: bytes) -> None:
        """Keep marks of downloads that are counted in it, as `CountBatch.marks` has them.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        with self._writer.writing():
            self._marks.append(marks)

    def forget(self, counts: Sequence[tuple[bytes, int]]) -> None:
        """Drop counters; the sum of these values is kept.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        forgotten = self.forgotten + sum(count for _, count in counts)
        with self._writer.writing():
            self.counts.append(CountBatch.forgetting([infohash for infohash, _ in counts]))
            self._set_fact("forgotten", forgotten)
        self.forgotten = forgotten

    def clear_counts(self, ledger: Ledger) -> None:
        """Clear away some of the counters that later ones have replaced.

        Args:
            ledger: Has all that count.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        try:
            with self._writer.writing():
                self.counts.clear(ledger.last_of)
        except (ValueError, TypeError) as error:
            raise StateDamagedError(f"`{self.path}`: a counter is damaged") from error

    def drop_counts(self, number: int) -> None:
        """Drop the pages of counters up to a number, all of which stand in later ones as well.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        with self._writer.writing():
            self.counts.drop(number)

    def set_forgotten(self, count: int) -> None:
        """Take over the sum of what another file has forgotten.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        if count > self.forgotten:
            with self._writer.writing():
                self._set_fact("forgotten", count)
            self.forgotten = count

    def set_number(self, name: str, value: int) -> None:
        """Keep a number under a name that is none of the store's own.

        Raises:
            StateDamagedError, WriteError: As for `set_completed`.
        """
        with self._writer.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def name(self, torrents: Iterable[tuple[bytes, str, int]]) -> None:
        """Keep infohash, name and length in bytes of torrents.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        with self._writer.writing():
            self._names.put(torrents)

    def checkpoint(self, now: int) -> None:
        """Move what was written into the file itself, so that losing the log loses little.

        Args:
            now: Unix time in seconds.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        if self._writer.is_changed or self._slow.is_changed:
            with self._writer.writing():
                self._set_fact("checkpointed_at", now)
            self._writer.is_changed = self._slow.is_changed = False
            with self._writer.reading() as connection:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def read(self, ask: Callable[[sqlite3.Connection], T]) -> T:
        """Ask on the connection of those who look.

        Raises:
            StateDamagedError, ReadError: The file cannot be read.
        """
        with self._connecting:
            if self._reader is None and not self._is_closed:
                try:
                    self._reader = self._writer if self.path is None else self._connect()
                except sqlite3.Error as error:
                    raise self._explain(error) from error
            reader = self._reader or self._writer
        with reader.reading() as connection:
            return ask(connection)

    def write_swarms(self, parts: Iterable[bytes], taken_at: int) -> int:
        """Write a snapshot in parts, beside the one that is in force; returns its generation.

        It is in force once `save` is given the generation, so together with counters
        that are at least what it says.

        Args:
            parts: Made when they are asked for, so that none waits in memory.
            taken_at: Unix time in seconds.

        Raises:
            StateDamagedError, WriteError: The one before is untouched.
        """
        generation = int(self._generation) + 1
        self.drop_old_swarms()
        for number, part in enumerate(parts):
            with self._slow.writing() as connection:
                connection.execute(
                    "INSERT INTO swarms VALUES (?, ?, ?, ?)", (generation, number, taken_at, part)
                )
        return generation

    def drop_old_swarms(self) -> None:
        """Make room of the snapshots that are not in force.

        Raises:
            StateDamagedError, WriteError: As for `save`.
        """
        with self._slow.reading() as connection:
            old = connection.execute(
                "SELECT rowid FROM swarms WHERE generation IS NOT ?", (self._generation,)
            ).fetchall()
        for row in old:
            with self._slow.writing() as connection:
                connection.execute("DELETE FROM swarms WHERE rowid = ?", row)

    def snapshot(self) -> tuple[bytes, int] | None:
        """The last swarm snapshot and when it was taken, None if there is none."""
        with self._writer.reading() as connection:
            rows = connection.execute(
                "SELECT taken_at, bytes FROM swarms WHERE generation = ? ORDER BY part",
                (self._generation,),
            )
            parts = rows.fetchall()
        if not all(isinstance(at, int) and isinstance(part, bytes) for at, part in parts):
            raise StateDamagedError(f"`{self.path}`: the kept swarms are damaged")
        return (b"".join(part for _, part in parts), int(parts[0][0])) if parts else None

    def copy(self) -> None:
        """Make a copy of counters and names beside the file, and keep the one before it.

        Raises:
            StateDamagedError, WriteError: There is no new copy.
        """
        if self.path is None:
            return
        target = self.path.with_name(f"{self.path.name}.copy-new")
        try:
            target.unlink(missing_ok=True)
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with (
                self._slow.reading() as connection,
                contextlib.closing(sqlite3.connect(target)) as new,
            ):
                register(new)
                set_up(new, target)
                for select, insert in _COPIED:
                    rows = connection.execute(select)
                    while some := rows.fetchmany(PAGE_ROWS):
                        new.executemany(insert, some)
                new.commit()
            put_copy(self.path, target)
        except OSError as error:
            raise WriteError(f"`{target}`: {reason(error)}") from error

    def close(self) -> None:
        """Close the file and let others have it, after what threads still do with it."""
        with contextlib.suppress(OutpourError):
            if not self.is_gone:
                with self._writer.reading() as connection:
                    connection.execute("UPDATE facts SET value = 0 WHERE name = 'is_open'")
        self._close()

    def _close(self) -> None:
        with self._connecting:
            self._is_closed = True
        for database in self._databases:
            database.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _connect(self) -> GuardedDatabase:
        connection = sqlite3.connect(
            self.path or ":memory:",
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        database = GuardedDatabase(connection, self._explain, self._writers)
        self._databases.append(database)
        connection.execute("PRAGMA synchronous = FULL")
        register(connection)
        return database

    def _set_fact(self, name: str, value: int) -> None:
        connection = self._writer.connection
        connection.execute("UPDATE facts SET value = ? WHERE name = ?", (value, name))

    def _explain(self, error: Exception, *, at_start: bool = False) -> ReadError | WriteError:
        name = f"`{self.path}`" if self.path else "state in memory"
        kind, text = kind_of(error), str(error)
        # SQLite says nothing of names that are no UTF-8, which are damage as well.
        is_mute = type(error) is sqlite3.DatabaseError and not text
        if is_mute or kind == "damaged":
            return StateDamagedError(f"{name}: {text}")
        if kind == "locked":
            return WriteError(f"{name}: locked by another program", hint="close what has it open")
        is_full = self.path is not None and is_of_a_full_disk(error, self.path)
        if kind == "full" or is_full:
            return WriteError(f"{name}: the disk is full", hint="make room on the disk")
        if kind == "read-only":
            # A changed bit in its header makes a file read-only for SQLite alone.
            if self.path is not None and os.access(self.path, os.W_OK) and at_start:
                return StateDamagedError(f"{name}: {text}")
            return WriteError(f"{name}: not writable", hint="check who owns the file, its folder")
        if kind == "unopenable":
            return WriteError(f"{name}: cannot be opened", hint="check who owns the file's folder")
        if kind == "disk":
            return WriteError(f"{name}: {text}", hint="check the disk")
        if "user-defined function" in text:
            text = "a value is not what belongs there"
        if at_start or "decode" in text or "no such" in text:
            return StateDamagedError(f"{name}: {text}")
        return WriteError(f"{name}: {text}")


def _since(checkpointed_at: int) -> str:
    if not checkpointed_at:
        return "what it held is lost"
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(checkpointed_at))
    return f"what was counted after {when} is lost"
