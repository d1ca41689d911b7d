"""The tables of the state file, how older ones become them, and whether they are these.

counts    completed downloads, pages one after another: see `count_table`
names     of torrents, with a sum as most rows have it: see `row_sums`
samples   points of history by torrent and Unix second; the key of all together is empty
buckets   the history before them, in hours and days: see `bucket_block`
runs      when the tracker ran
moments   what the tracker as a whole did, by tier and time; see `operation_tiers`
events    what happened, as operators read it
swarms    the swarms in parts; of the generation in `facts` alone, others are being written
mark_rows the latest downloads, so that none is counted twice: see `mark_table`
facts     numbers: `generation`, `is_open`, `checkpointed_at`, `forgotten`
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from outpour.base.errors import FormatError
from outpour.tracker.state.old_counters import take_over
from outpour.tracker.state.state_file import StateDamagedError

APPLICATION_ID = 0x6F757470
"""`outp` in the SQLite header, so that another program's database is not taken for ours."""

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

_SCHEMA_2 = """
ALTER TABLE torrents ADD COLUMN completed_sum INTEGER;
ALTER TABLE torrents ADD COLUMN name_sum INTEGER;
UPDATE torrents SET completed_sum = counter_sum(infohash, completed),
    name_sum = CASE WHEN name IS NULL THEN NULL ELSE name_sum(infohash, name, length) END;
ALTER TABLE samples ADD COLUMN sum INTEGER;
UPDATE samples SET sum = sample_sum(infohash, at, complete, downloading, downloaded);
CREATE TABLE swarms (
    generation INTEGER, part INTEGER, taken_at INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (generation, part)
);
INSERT INTO swarms SELECT 1, part, taken_at, swarms FROM snapshot;
DROP TABLE snapshot;
CREATE TABLE marks (slot INTEGER PRIMARY KEY, mark INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO facts VALUES ('generation', 1), ('next_mark', 0), ('is_open', 0),
    ('checkpointed_at', 0), ('forgotten', 0);
"""

_SCHEMA_3 = """
CREATE TABLE moments (
    tier INTEGER, at INTEGER, numbers BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY (tier, at)
) WITHOUT ROWID;
CREATE TABLE events (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    is_trouble INTEGER NOT NULL, text TEXT NOT NULL, sum INTEGER NOT NULL
);
"""

_SCHEMA_4 = """
CREATE TABLE buckets (
    step INTEGER, block INTEGER, infohash BLOB, bytes BLOB NOT NULL, sum INTEGER,
    PRIMARY KEY (step, block, infohash)
) WITHOUT ROWID;
CREATE TABLE runs (began INTEGER PRIMARY KEY, ended INTEGER NOT NULL);
"""

_SCHEMA_5 = """
CREATE TABLE counts (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE names (
    infohash BLOB PRIMARY KEY, length INTEGER NOT NULL, name TEXT NOT NULL, sum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE mark_rows (number INTEGER PRIMARY KEY, bytes BLOB NOT NULL, sum INTEGER NOT NULL);
"""
_SCHEMA_5_END = (
    "DROP TABLE torrents",
    "DROP TABLE marks",
    "DELETE FROM facts WHERE name = 'next_mark'",
)

MIGRATIONS: tuple[str, ...] = (_SCHEMA_1, _SCHEMA_2, _SCHEMA_3, _SCHEMA_4, _SCHEMA_5)
"""Script `n` takes the file from schema version `n` to `n + 1`; a released one never changes."""

COLUMNS = {
    1: {
        "torrents": ["infohash", "name", "length", "completed"],
        "samples": ["infohash", "at", "complete", "downloading", "downloaded"],
        "snapshot": ["part", "taken_at", "swarms"],
    },
    2: {
        "torrents": [
            "infohash", "name", "length", "completed", "completed_sum", "name_sum",
        ],
        "samples": ["infohash", "at", "complete", "downloading", "downloaded", "sum"],
        "swarms": ["generation", "part", "taken_at", "bytes"],
        "marks": ["slot", "mark"],
        "facts": ["name", "value"],
    },
}  # fmt: skip
COLUMNS[3] = COLUMNS[2] | {
    "moments": ["tier", "at", "numbers", "sum"],
    "events": ["number", "at", "kind", "name", "is_trouble", "text", "sum"],
}
COLUMNS[4] = COLUMNS[3] | {
    "buckets": ["step", "block", "infohash", "bytes", "sum"],
    "runs": ["began", "ended"],
}
COLUMNS[5] = {table: COLUMNS[4][table] for table in COLUMNS[4].keys() - {"torrents", "marks"}} | {
    "counts": ["number", "bytes"],
    "names": ["infohash", "length", "name", "sum"],
    "mark_rows": ["number", "bytes", "sum"],
}
"""What a file of each version has to hold."""


def set_up(connection: sqlite3.Connection, path: Path | None) -> None:
    """Bring the tables up to date.

    Raises:
        StateDamagedError: They are not what this or an earlier outpour made.
        FormatError: They are of another program, or of a later outpour.
        sqlite3.Error: They cannot be read or written.
    """
    version = _number(connection, "user_version")
    owner = _number(connection, "application_id")
    found = _columns(connection)
    known = next((number for number, columns in COLUMNS.items() if columns == found), None)
    if found and owner != APPLICATION_ID and known is None:
        raise FormatError(
            f"`{path}`: a database of another program", hint="name another file with `--state`"
        )
    if version > len(MIGRATIONS) and owner == APPLICATION_ID and known is None:
        raise FormatError(
            f"`{path}`: written by a later outpour (schema {version}, this one knows "
            f"{len(MIGRATIONS)})",
            hint="update outpour, or name another file with `--state`",
        )
    if found and (version != known or owner != APPLICATION_ID):
        raise StateDamagedError(f"`{path}`: its tables are not those of its version {version}")
    if not found and (version or owner):
        raise StateDamagedError(f"`{path}`: has no tables")
    for number, script in enumerate(MIGRATIONS[known or 0 :], (known or 0) + 1):
        connection.executescript(f"BEGIN; {script}")
        if number == 5:
            if found and not take_over(connection):
                raise StateDamagedError(f"`{path}`: a counter or a name is damaged")
            for statement in _SCHEMA_5_END:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("COMMIT")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _columns(connection: sqlite3.Connection) -> dict[str, list[str]]:
    names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return {
        name: [
            column
            for (column,) in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
        ]
        for (name,) in names
    }
