"""The memory of a publisher: which torrent was made of which content, so that none is hashed twice.

A row says: this path, in this state (fingerprint), under these choices, became this .torrent file,
whose own digest stands beside: one that a crash left old or empty is not taken for it.
The .torrent files lie beside the database, where people can take them.
Rows outlive their content: a disk that was unmounted for an hour costs no hashing when it returns.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from outpour.base.errors import OutpourError, WriteError
from outpour.base.files import write_atomically
from outpour.publisher.state_database import ROOM, open_database
from outpour.torrent.metainfo import Metainfo

_SCHEMA = """
CREATE TABLE IF NOT EXISTS publication (
    path BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    choices BLOB NOT NULL,
    torrent TEXT NOT NULL,
    digest BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS publication_torrent ON publication (torrent);
CREATE TABLE IF NOT EXISTS checksums (
    path BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    digests BLOB NOT NULL
) STRICT, WITHOUT ROWID
"""


_DIGEST_BYTES = 32
_NO_DIGEST = bytes(_DIGEST_BYTES)


class MadeTorrents:
    """Torrents made so far, by the path of their content.

    Args:
        folder: State folder; made if missing.

    Raises:
        WriteError: The folder cannot be made or written.

    Attributes:
        set_aside: Where a damaged database was moved to, None if it was sound.
    """

    def __init__(self, folder: Path) -> None:
        self.torrents = folder / "torrents"
        self._database, self.set_aside = open_database(
            folder / "catalogue.db", [self.torrents], _set_up
        )

    def close(self) -> None:
        """Close the database, after what a thread that nobody waits for any more does with it."""
        self._database.close()

    def find(self, path: Path, fingerprint: bytes, choices: bytes) -> Metainfo | None:
        """Look up the torrent of content that has not changed since it was made."""
        row = self._select(
            "SELECT torrent, digest FROM publication "
            "WHERE path = ? AND fingerprint = ? AND choices = ?",
            os.fsencode(path), fingerprint, choices,
        )  # fmt: skip
        if row is None:
            return None
        try:
            metainfo = Metainfo.read(self.torrents / row[0])
        except OutpourError:
            # Someone removed or damaged the file: making it anew is the remedy.
            return None
        return metainfo if row[1] in (None, _digest(metainfo.raw)) else None

    def fingerprint(self, path: Path, choices: bytes) -> bytes | None:
        """The state of content that its torrent was made of under these choices."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT fingerprint FROM publication WHERE path = ? AND choices = ?",
                (os.fsencode(path), choices),
            ).fetchone()
        return None if row is None else bytes(row[0])

    def keep(self, path: Path, fingerprint: bytes, choices: bytes, metainfo: Metainfo) -> Path:
        """Write the .torrent file and remember what it was made of.

        Raises:
            WriteError: The file or the database cannot be written; nothing is remembered then.
        """
        # One at a time: of two paths with one name, the second is to see what the first is given.
        with self._database.writing() as connection:
            target = self.torrent_path(path)
            # Somebody may have removed the folder meanwhile.
            with suppress(OSError):
                self.torrents.mkdir(parents=True, exist_ok=True)
            try:
                write_atomically(target, metainfo.raw, is_durable=False)
            except WriteError as error:
                raise WriteError(error.message, hint=ROOM) from None
            connection.execute(
                "INSERT OR REPLACE INTO publication VALUES (?, ?, ?, ?, ?)",
                (os.fsencode(path), fingerprint, choices, target.name, _digest(metainfo.raw)),
            )
        return target

    def keep_checksums(self, path: Path, fingerprint: bytes, checksums: Sequence[bytes]) -> None:
        """Remember the SHA-256 of the files of this content, in the order of its tree.

        Raises:
            WriteError: The database cannot be written.
        """
        # A link that is kept as one has none.
        digests = b"".join(digest or _NO_DIGEST for digest in checksums)
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO checksums VALUES (?, ?, ?)",
                (os.fsencode(path), fingerprint, digests),
            )

    def checksums(self, path: Path, fingerprint: bytes) -> tuple[bytes, ...]:
        """The SHA-256 of the files of this content, empty where none were made; from any thread."""
        with suppress(OutpourError), self._database.reading() as connection:
            row = connection.execute(
                "SELECT digests FROM checksums WHERE path = ? AND fingerprint = ?",
                (os.fsencode(path), fingerprint),
            ).fetchone()
            if row is not None and len(row[0]) % _DIGEST_BYTES == 0:
                raw = row[0]
                return tuple(
                    raw[at : at + _DIGEST_BYTES] for at in range(0, len(raw), _DIGEST_BYTES)
                )
        return ()

    def known(self) -> list[Path]:
        """All content that torrents were made of."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT path FROM publication").fetchall()
        return [Path(os.fsdecode(row[0])) for row in rows]

    def forget(self, paths: Iterable[Path]) -> None:
        """Remove the torrents of content that was deleted.

        Raises:
            WriteError: The database cannot be written.
        """
        for path in paths:
            with self._database.writing() as connection:
                row = self._select(
                    "SELECT torrent, NULL FROM publication WHERE path = ?", os.fsencode(path)
                )
                if row is None:
                    continue
                for table in ("publication", "checksums"):
                    connection.execute(
                        f"DELETE FROM {table} WHERE path = ?",  # noqa: S608 - one of two
                        (os.fsencode(path),),
                    )
                # Before another path may be given its name.
                with suppress(OSError):
                    (self.torrents / row[0]).unlink()

    def torrent_path(self, path: Path) -> Path:
        """Tell where the .torrent file of this content lies.

        Two paths with one name get two files: the second carries a digest of its path.
        """
        query = "SELECT torrent, NULL FROM publication WHERE path = ?"
        known = self._select(query, os.fsencode(path))
        if known is not None:
            return self.torrents / known[0]
        stem = path.name.encode("utf-8", "replace").decode()
        # A name may take up to 255 bytes by itself; the file's name has a suffix to carry.
        while len(stem.encode()) > 200:
            stem = stem[:-1]
        name = f"{stem}.torrent"
        taken = self._select("SELECT torrent, NULL FROM publication WHERE torrent = ?", name)
        if taken or stem != path.name:
            digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
            name = f"{stem}.{digest}.torrent"
        return self.torrents / name

    def _select(self, query: str, *values: bytes | str) -> tuple[str, bytes | None] | None:
        """Return the .torrent file that a query finds and its digest, None if it finds none."""
        with self._database.reading() as connection:
            row = connection.execute(query, values).fetchone()
        return None if row is None else (str(row[0]), row[1])


def _set_up(database: sqlite3.Connection) -> None:
    database.executescript(_SCHEMA)
    columns = database.execute("PRAGMA table_info(publication)").fetchall()
    if "digest" not in [column[1] for column in columns]:
        database.execute("ALTER TABLE publication ADD COLUMN digest BLOB")


def _digest(raw: bytes) -> bytes:
    return hashlib.blake2b(raw, digest_size=16).digest()
