"""A database of what can be had anew at some cost, in a state folder; set aside if damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from outpour.base.database_faults import NO_ROOM, words_of
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
    except sqlite3.OperationalError as error:
        words = words_of(error, file)
        raise WriteError(f"`{file}`: {words}", hint=ROOM if words == NO_ROOM else _HINT) from None
    except sqlite3.DatabaseError:
        aside = set_aside(file)
        return _guarded(file, set_up), aside


def _guarded(file: Path, set_up: Callable[[sqlite3.Connection], None]) -> GuardedDatabase:
    def explain(error: Exception) -> OutpourError:
        # What is amiss around a file is told from damage in it by the kind of error alone.
        is_damaged = type(error) is not sqlite3.OperationalError
        hint = "start again: a damaged file is set aside" if is_damaged else ROOM
        return WriteError(f"`{file}`: {words_of(error, file)}", hint=hint)

    return GuardedDatabase(_opened(file, set_up), explain)


def _opened(file: Path, set_up: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        set_up(database)
        found = database.execute("PRAGMA quick_check").fetchone()
        if found != ("ok",):
            raise sqlite3.DatabaseError(str(found[0]))
    except sqlite3.Error:
        database.close()
        raise
    return database
