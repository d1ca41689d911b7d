"""What a publisher tells of its torrents beside files: descriptions of a catalogue, checksums.

Texts and long lists of checksums stay in the database; in memory is what tells whether there are
any, and the one checksum of a torrent that is a single file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from outpour.base.guarded_database import GuardedDatabase

SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    infohash BLOB PRIMARY KEY,
    tag TEXT NOT NULL,
    description TEXT,
    checksums BLOB NOT NULL
) STRICT, WITHOUT ROWID
"""
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class ToldWords:
    """What is told of a torrent.

    Attributes:
        tag: What the publisher calls this state of it.
        description: In Markdown, None if there is none.
        checksums: The SHA-256 of its files in the order of the torrent, pad files left out and
            zeros where one is not known; empty if none are.
    """

    tag: str
    description: str | None = None
    checksums: bytes = b""


@dataclass(frozen=True, slots=True)
class _Known:
    tag: str
    has_text: bool
    sha256: bytes | None


class ToldTable:
    """Keeps it over restarts.

    Args:
        database: Of the mirror, with the table.

    Raises:
        WriteError: It cannot be read.

    Attributes:
        revision: Changes with what is told.
    """

    def __init__(self, database: GuardedDatabase) -> None:
        self._database = database
        self.revision = 0
        self._known: dict[bytes, _Known] = {}
        for page in database.pages(
            "SELECT infohash, tag, description IS NOT NULL, length(checksums), "
            "substr(checksums, 1, 32) FROM told"
        ):
            for infohash, tag, has_text, length, first in page:
                sha256 = first if length == DIGEST_BYTES else None
                self._known[infohash] = _Known(tag, bool(has_text), sha256)

    def tag(self, infohash: bytes) -> str | None:
        """What the publisher called the state that is kept; None where nothing is."""
        known = self._known.get(infohash)
        return None if known is None else known.tag

    def text_tag(self, infohash: bytes) -> str | None:
        """Changes with the description; None where there is none."""
        known = self._known.get(infohash)
        return known.tag if known is not None and known.has_text else None

    def sha256(self, infohash: bytes) -> bytes | None:
        """Of a torrent with one file; None where it is not told."""
        known = self._known.get(infohash)
        return None if known is None else known.sha256

    def text(self, infohash: bytes) -> str | None:
        """The description; this blocks."""
        row = self._row("SELECT description FROM told WHERE infohash = ?", infohash)
        return None if row is None else row[0]

    def checksums(self, infohash: bytes) -> Sequence[bytes]:
        """The SHA-256 of all files, zeros where one is not known; this blocks."""
        row = self._row("SELECT checksums FROM told WHERE infohash = ?", infohash)
        raw = b"" if row is None else row[0]
        return [raw[at : at + DIGEST_BYTES] for at in range(0, len(raw), DIGEST_BYTES)]

    def put(self, infohash: bytes, told: ToldWords) -> None:
        """Keep what is told now; this blocks.

        Raises:
            WriteError: It cannot be written down.
        """
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?)",
                (infohash, told.tag, told.description, told.checksums),
            )
        sha256 = told.checksums if len(told.checksums) == DIGEST_BYTES else None
        self._known[infohash] = _Known(told.tag, told.description is not None, sha256)
        self.revision += 1

    def drop(self, infohash: bytes) -> None:
        """Keep it no longer; this blocks.

        Raises:
            WriteError: It cannot be written down.
        """
        if self._known.pop(infohash, None) is None:
            return
        with self._database.writing() as connection:
            connection.execute("DELETE FROM told WHERE infohash = ?", (infohash,))
        self.revision += 1

    def _row(self, query: str, infohash: bytes) -> sqlite3.Row | None:
        with self._database.reading() as connection:
            found: sqlite3.Row | None = connection.execute(query, (infohash,)).fetchone()
        return found
