"""What a mirror holds and is to hold, in SQLite: it goes on from here after whatever happened.

A row is committed before what it speaks of is relied on: that a torrent is placed, after its files
are; that it is gone, before they are deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from outpour.base.errors import OutpourError, WriteError
from outpour.base.files import write_atomically
from outpour.base.text import from_bytes
from outpour.mirror import told_table
from outpour.mirror.offer import Offer
from outpour.mirror.told_table import ToldTable
from outpour.publisher.state_database import ROOM, open_database
from outpour.torrent.disk_names import safe_name
from outpour.torrent.metainfo import Metainfo

_SCHEMA = """
CREATE TABLE IF NOT EXISTS held (
    infohash BLOB PRIMARY KEY,
    key TEXT NOT NULL,
    name BLOB NOT NULL,
    folder BLOB NOT NULL,
    length INTEGER NOT NULL,
    published_at INTEGER,
    fingerprint BLOB,
    missing_s REAL,
    tag TEXT,
    listed_in TEXT,
    licence TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS file (
    folder BLOB NOT NULL,
    name BLOB NOT NULL,
    tag TEXT NOT NULL,
    length INTEGER NOT NULL,
    state TEXT,
    missing_s REAL,
    PRIMARY KEY (folder, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A torrent that is mirrored, or on the way to it.

    Attributes:
        infohash: The 20 bytes that peers announce.
        key: What the publisher's list knows it by.
        name: The torrent's name.
        folder: Below the mirror's folder, where its root goes; empty for that itself.
        length: Bytes of its content.
        published_at: Unix time in seconds as its publisher tells it, None if not told.
        fingerprint: Its files as they were when they were placed; None while they are not.
        missing_s: For how long the publisher lists it no longer; None while it does.
        tag: Of its .torrent as it was last fetched; None if its publisher told none.
        group: What it is shown under. Its folder stays the one of the group that it was in first.
        licence: Under which terms it may be used, None if its publisher does not say.
    """

    infohash: bytes
    key: str
    name: str
    folder: str
    length: int
    published_at: int | None = None
    fingerprint: bytes | None = None
    missing_s: float | None = None
    tag: str | None = None
    group: str | None = None
    licence: str | None = None

    @classmethod
    def of(cls, offer: Offer, metainfo: Metainfo) -> Held:
        """Begin to hold what is offered."""
        info = metainfo.info
        return cls(
            info.infohash, offer.key, info.name,
            folder_of(offer.group), info.length,
            offer.published_at if offer.published_at is not None else metainfo.creation_date,
            tag=offer.tag, group=offer.group, licence=offer.licence,
        )  # fmt: skip

    def told(self, offer: Offer) -> Held:
        """The same as its publisher lists it now."""
        at = self.published_at if offer.published_at is None else offer.published_at
        if (offer.group, offer.licence, at) == (self.group, self.licence, self.published_at):
            return self
        return replace(self, group=offer.group, licence=offer.licence, published_at=at)


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file beside content, as it was put in its place.

    Attributes:
        folder: Below the mirror's folder; empty for that itself.
        name: Of the file.
        tag: What the publisher called this state of it.
        length: Bytes.
        state: Changes when somebody writes to it here.
        missing_s: For how long the publisher lists it no longer; None while it does.
    """

    folder: str
    name: str
    tag: str
    length: int
    state: str | None = None
    missing_s: float | None = None


class Holdings:
    """All that a mirror holds; each call blocks, and may be made on any thread.

    Args:
        state: State folder; made if missing.

    Raises:
        WriteError: The folder cannot be made or written.

    Attributes:
        set_aside: Where a damaged database was moved to, None if it was sound.
        told: What the publisher tells of the torrents beside files.
    """

    def __init__(self, state: Path) -> None:
        self._originals = state / "originals"
        self._served = state / "torrents"
        self._database, self.set_aside = open_database(
            state / "mirror.sqlite", [self._originals, self._served], _set_up
        )
        self.told = ToldTable(self._database)

    def close(self) -> None:
        """Close the database, after what a thread that nobody waits for any more does with it."""
        self._database.close()

    def all(self) -> list[Held]:
        """Everything that is held, in no order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT infohash, key, name, folder, length, published_at, fingerprint, missing_s, "
                "tag, listed_in, licence FROM held"
            ).fetchall()
        return [
            Held(row[0], row[1], from_bytes(row[2]), from_bytes(row[3]), *row[4:]) for row in rows
        ]

    def note(self, name: str) -> str | None:
        """What was noted under this name."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM note WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep_note(self, name: str, value: str) -> None:
        """Note something for the next start."""
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (name, value))

    def begin(self, held: Held, metainfo: Metainfo) -> None:
        """Hold a torrent from now on, or its .torrent as it is now.

        Raises:
            WriteError: It cannot be written down.
        """
        self._write(self._originals / f"{held.infohash.hex()}.torrent", metainfo.raw)
        self.put([held])

    def put(self, rows: Iterable[Held]) -> None:
        """Write rows anew.

        Raises:
            WriteError: The database cannot be written.
        """
        with self._database.writing() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        one.infohash, one.key, _raw(one.name), _raw(one.folder), one.length,
                        one.published_at, one.fingerprint, one.missing_s, one.tag,
                        one.group, one.licence,
                    )
                    for one in rows
                ],
            )  # fmt: skip

    def end(self, infohash: bytes) -> None:
        """Hold a torrent no longer.

        Raises:
            WriteError: The database cannot be written.
        """
        with self._database.writing() as connection:
            connection.execute("DELETE FROM held WHERE infohash = ?", (infohash,))
        self.told.drop(infohash)
        for folder in (self._originals, self._served):
            with suppress(OSError):
                (folder / f"{infohash.hex()}.torrent").unlink()

    def files(self) -> list[HeldFile]:
        """All files beside content, in no order."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT folder, name, tag, length, state, missing_s FROM file"
            ).fetchall()
        return [HeldFile(from_bytes(row[0]), from_bytes(row[1]), *row[2:]) for row in rows]

    def put_files(self, files: Iterable[HeldFile]) -> None:
        """Write rows of files anew.

        Raises:
            WriteError: The database cannot be written.
        """
        rows = [
            (_raw(one.folder), _raw(one.name), one.tag, one.length, one.state, one.missing_s)
            for one in files
        ]
        with self._database.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?)", rows)

    def end_file(self, folder: str, name: str) -> None:
        """Hold a file no longer.

        Raises:
            WriteError: The database cannot be written.
        """
        key = (_raw(folder), _raw(name))
        with self._database.writing() as connection:
            connection.execute("DELETE FROM file WHERE folder = ? AND name = ?", key)

    def original(self, infohash: bytes) -> Metainfo | None:
        """The .torrent as its publisher gave it, None if it is lost or damaged."""
        try:
            metainfo = Metainfo.read(self._originals / f"{infohash.hex()}.torrent")
        except OutpourError:
            return None
        return metainfo if metainfo.info.infohash == infohash else None

    def serve(self, metainfo: Metainfo) -> Path:
        """Write down the .torrent that is handed out here.

        Raises:
            WriteError: It cannot be written.
        """
        path = self._served / f"{metainfo.info.infohash.hex()}.torrent"
        try:
            if path.read_bytes() == metainfo.raw:
                return path
        except OSError:
            pass
        self._write(path, metainfo.raw)
        return path

    def _write(self, path: Path, raw: bytes) -> None:
        # Somebody may have removed the folder meanwhile.
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_atomically(path, raw, is_durable=False)
        except WriteError as error:
            raise WriteError(error.message, hint=ROOM) from None


def _set_up(database: sqlite3.Connection) -> None:
    database.executescript(_SCHEMA + told_table.SCHEMA)
    columns = {row[1] for row in database.execute("PRAGMA table_info(held)")}
    if "tag" not in columns:
        database.execute("ALTER TABLE held ADD COLUMN tag TEXT")
    if "licence" not in columns:
        database.execute("ALTER TABLE held ADD COLUMN listed_in TEXT")
        database.execute("ALTER TABLE held ADD COLUMN licence TEXT")
        # By the name of its folder, until the publisher says how it is called.
        database.execute("UPDATE held SET listed_in = nullif(CAST(folder AS TEXT), '')")


def folder_of(group: str | None) -> str:
    """The folder below the mirror's own where what a publisher lists in a group goes."""
    return safe_name(group) if group else ""


def _raw(name: str) -> bytes:
    # What a torrent is called need not be UTF-8.
    return name.encode("utf-8", "surrogateescape")
