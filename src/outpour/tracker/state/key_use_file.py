"""How the keys of a private tracker were used, on disk: a small database beside the state.

By the ids of keys, so that whoever reads it learns none. It is written to in proportion to the keys
that were used, and opened for that alone.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from outpour.base.database_fault import is_around, words_of
from outpour.base.errors import WriteError, reason
from outpour.tracker.state.row_sums import text_sum
from outpour.tracker.state.state_file import set_aside
from outpour.tracker.usage_figures import KeyUse

KEPT_MAX = 200_000
"""Keys whose use is kept: beyond it those that were not used for longest are forgotten."""
SPARE = KEPT_MAX // 16
_TABLE = """CREATE TABLE IF NOT EXISTS key_uses (
    id TEXT PRIMARY KEY, announces INTEGER NOT NULL, seen_at INTEGER NOT NULL, sum INTEGER NOT NULL
) WITHOUT ROWID"""

Uses = Mapping[str, KeyUse]


class KeyUseFile:
    """The database.

    Args:
        path: Made when something is kept; readable by its owner alone.
        clock: Unix time in seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self._clock = clock

    def load(self) -> dict[str, KeyUse]:
        """What is kept, by the ids of keys; one that cannot be read is set aside.

        Raises:
            WriteError: It cannot be read, and not be set aside either.
        """
        if not self.path.exists():
            return {}
        try:
            with self._opened() as connection:
                rows = connection.execute("SELECT id, announces, seen_at, sum FROM key_uses")
                return {
                    row[0]: KeyUse(row[1], float(row[2]))
                    for row in rows
                    if row[3] == text_sum(*row[:3])
                }
        except sqlite3.DatabaseError as error:
            aside = set_aside(self.path, self._clock)
            raise WriteError(
                f"`{self.path}`: {error}; set aside as `{aside.name}`, and the use of keys is "
                "counted anew"
            ) from None

    def keep(self, changed: Uses, everything: Callable[[], Uses]) -> None:
        """Keep what has changed; this waits for the disk, and may run in a thread.

        Args:
            changed: Uses by the ids of keys.
            everything: Gives all of them, for a file that has to be made anew.

        Raises:
            WriteError: It cannot be written.
        """
        try:
            if not self.path.exists():
                changed = everything()
            try:
                self._write(changed)
            except sqlite3.DatabaseError as error:
                if is_around(error, self.path):
                    raise
                set_aside(self.path, self._clock)
                self._write(everything())
        except sqlite3.Error as error:
            raise WriteError(f"`{self.path}`: {words_of(error, self.path)}") from None
        except OSError as error:
            raise WriteError(f"`{self.path}`: {reason(error)}") from None

    def _write(self, uses: Uses) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        with self._opened() as connection:
            connection.execute(_TABLE)
            connection.executemany(
                "INSERT OR REPLACE INTO key_uses VALUES (?, ?, ?, ?)",
                ((*row, text_sum(*row)) for row in map(_row, uses.items())),
            )
            (count,) = connection.execute("SELECT count(*) FROM key_uses").fetchone()
            if count > KEPT_MAX + SPARE:
                connection.execute(
                    "DELETE FROM key_uses WHERE id IN "
                    "(SELECT id FROM key_uses ORDER BY seen_at LIMIT ?)",
                    (count - KEPT_MAX,),
                )

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=5)) as connection, connection:
            yield connection


def _row(use: tuple[str, KeyUse]) -> tuple[str, int, int]:
    return use[0], use[1].announces, int(use[1].seen_at)


def use_path(state: Path | None) -> Path | None:
    """Where the use of keys lies, by the tracker's state file."""
    return None if state is None else state.with_name(f"{state.name}.keys")
