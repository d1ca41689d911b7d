"""A database of what can be had anew at some cost, in a state folder; set aside if damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from outpour.base.database_fault import NO_ROOM, is_around, words_of
from outpour.base.errors import OutpourError, WriteError, reason
from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.state.state_file import set_aside

_HINT = "choose another folder with `--state`"
ROOM = "free some space, or choose another folder with `--state`"


def open_database(
    file: Path, folders: Sequence[Path], set_up: Callable[[sqlite3.Connection], None]
) -> tuple[GuardedDatabase, Path | None]:
    """Open it, made if it is missing, with the folders that belong to it.

    Args:
        file: The database, in the state folder.
        folders: What else is to be there.
        set_up: Makes its tables where they are missing.

    Returns:
        The database, for any thread, and where a damaged one was moved to, None if it was sound.

    Raises:
        WriteError: The folder cannot be made or written.
    """
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"`{file.parent}`: {reason(error)}", hint=_HINT) from None
    try:
        return _guarded(file, set_up), None
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if isinstance(error, sqlite3.Error) and is_around(error, file):
            words = words_of(error, file)
            hint = ROOM if words == NO_ROOM else _HINT
            raise WriteError(f"`{file}`: {words}", hint=hint) from None
        aside = set_aside(file)
        return _guarded(file, set_up), aside


def _guarded(file: Path, set_up: Callable[[sqlite3.Connection], None]) -> GuardedDatabase:
    def explain(error: Exception) -> OutpourError:
        is_damaged = not (isinstance(error, sqlite3.Error) and is_around(error, file))
        hint = "start again: a damaged file is set aside" if is_damaged else ROOM
        return WriteError(f"`{file}`: {words_of(error, file)}", hint=hint)

    return GuardedDatabase(_opened(file, set_up), explain)


def _opened(file: Path, set_up: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        set_up(database)
        _check(database, set_up)
    except (sqlite3.Error, UnicodeDecodeError):
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, set_up: Callable[[sqlite3.Connection], None]) -> None:
    """Find damage now, while the file can be set aside, and not when somebody needs a row.

    Raises:
        sqlite3.DatabaseError: Its pages, tables or indices are not in order, or it takes no more.
        UnicodeDecodeError: A name or a text in it is none.
    """
    (found,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(str(found))
    # Of a file that its header makes read-only nothing tells so but a write; a lock is no write.
    database.execute("BEGIN")
    database.execute("PRAGMA user_version = 0")
    database.execute("ROLLBACK")
    with closing(sqlite3.connect(":memory:")) as new:
        set_up(new)
        wanted = _columns(new)
    if lacking := wanted - _columns(database):
        raise sqlite3.DatabaseError(f"no such column: {min(lacking)}")
    for table in {table for table, _, kind in wanted if kind == "TEXT"}:
        texts = [name for its, name, kind in wanted if (its, kind) == (table, "TEXT")]
        for _ in database.execute(" ".join(("SELECT", ", ".join(texts), "FROM", table))):
            pass


def _columns(database: sqlite3.Connection) -> set[tuple[str, str, str]]:
    return {
        (table, column[1], column[2])
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for column in database.execute("SELECT * FROM pragma_table_info(?)", (table,))
    }
