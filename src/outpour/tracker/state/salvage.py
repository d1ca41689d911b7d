"""Saves what can be read of a damaged state file, row by row, and of its older copies."""

from __future__ import annotations

import contextlib
import mmap
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from outpour._core import CountBatch
from outpour.tracker.state.raw_rows import Value, rows_of_file, rows_of_log
from outpour.tracker.state.row_sums import (
    block_sum,
    counter_sum,
    moment_sum,
    name_sum,
    sample_sum,
)

INFOHASH_BYTES = 20
COUNT_MAX = (1 << 31) - 1
PAGES_MAX = (1 << 63) - 1
TIME_MAX = 1 << 33
BYTES_MAX = 1 << 30
"""Of a larger file the beginning is looked at."""

Point = tuple[bytes, int, int, int, int]
Block = tuple[int, int, bytes, bytes]
MomentRow = tuple[int, int, bytes, int]


@dataclass
class Salvaged:
    """What was saved.

    Attributes:
        completed: Downloads by infohash; of several values the highest, as counters never fall.
        named: Name and length by infohash.
        samples: Infohash, time and numbers of points of history.
        blocks: Older history; see `bucket_table`.
        moments: Rows of what the tracker as a whole did.
        damaged: Rows that were recognised and are wrong.
    """

    completed: dict[bytes, int] = field(default_factory=dict)
    named: dict[bytes, tuple[str, int]] = field(default_factory=dict)
    samples: set[Point] = field(default_factory=set)
    blocks: set[Block] = field(default_factory=set)
    moments: dict[tuple[int, int], MomentRow] = field(default_factory=dict)
    damaged: int = 0

    def add(self, rows: Iterable[Sequence[Value]]) -> None:
        """Take in rows that are ours and as they were written.

        Schemas 2 to 4 had counters and names in one row. Schema 1 had no sums: of a file without
        any, what looks right is taken.
        """
        bare: list[Sequence[Value]] = []
        pages: set[tuple[int, bytes]] = set()
        is_bare = True
        for row in rows:
            match row:
                case [int() as number, bytes() as page] if 0 < number <= PAGES_MAX:
                    # An index of samples has times with infohashes.
                    if len(page) > INFOHASH_BYTES:
                        pages.add((number, page))
                case [bytes() as key, int() as length, str() as name, total]:
                    is_bare &= not self._name(key, name, length, total)
                case [bytes() as key, (str() | None), (int() | None), int(), _, _] if _is_key(key):
                    is_bare &= not self._torrent(key, row)
                case [bytes() as key, int() as at, int(), int(), int(), total]:
                    if total == sample_sum(*row[:5]):
                        self._sample(key, at, row)
                        is_bare = False
                    else:
                        self.damaged += 1
                case [int() as step, int() as block, bytes() as key, bytes() as packed, total]:
                    if total is not None and total == block_sum(step, block, key, packed):
                        self.blocks.add((step, block, key, packed))
                        is_bare = False
                case [int() as step, int() as at, bytes() as numbers, int() as total]:
                    if total == moment_sum(step, at, numbers):
                        self._moment((step, at, numbers, total))
                    else:
                        self.damaged += 1
                case [bytes(), _, _, _] | [bytes(), _, _, _, _]:
                    bare.append(row)
        for row in bare if is_bare and not pages else ():
            self._bare(row)
        self._count_pages(pages)

    def _bare(self, row: Sequence[Value]) -> None:
        match row:
            case [bytes() as key, (str() | None) as name, length, int() as completed] if _is_key(
                key
            ):
                self._count(key, completed)
                if name is not None and isinstance(length, int) and length >= 0:
                    self.named.setdefault(key, (name, length))
            case [bytes() as key, int() as at, int(), int(), int()]:
                self._sample(key, at, row)

    def join(self, copy: Salvaged) -> tuple[int, int]:
        """Take over what an older copy has more; returns new counters, and higher ones."""
        new = sum(key not in self.completed for key in copy.completed)
        higher = sum(self.completed.get(key, n) < n for key, n in copy.completed.items())
        for key, count in copy.completed.items():
            self._count(key, count)
        self.named = {**copy.named, **self.named}
        return new, higher

    def _count_pages(self, pages: Iterable[tuple[int, bytes]]) -> None:
        """Take in counters in the order in which they were written."""
        for number, page in sorted(pages):
            counts, damaged = CountBatch.read(number, page)
            self.damaged += damaged
            for key, count in counts:
                if count:
                    self._count(key, count)
                else:
                    self.completed.pop(key, None)

    def _name(self, key: bytes, name: str, length: int, total: Value) -> bool:
        is_sound = total is not None and total == name_sum(key, name, length)
        if is_sound:
            self.named[key] = (name, length)
        elif _is_key(key):
            self.damaged += 1
        return is_sound

    def _torrent(self, key: bytes, row: Sequence[Value]) -> bool:
        """Take in what is right of a torrent, and say whether anything is."""
        _, name, length, completed, completed_sum, named_sum = row
        is_counted = completed_sum is not None and completed_sum == counter_sum(key, completed)
        is_named = named_sum is not None and named_sum == name_sum(key, name, length)
        if is_counted:
            self._count(key, completed)
        elif completed or completed_sum is not None:
            self.damaged += 1
        if is_named and isinstance(name, str) and isinstance(length, int):
            self.named[key] = (name, length)
        elif name is not None or length is not None or named_sum is not None:
            self.damaged += 1
        return is_counted or is_named

    def _count(self, key: bytes, completed: Value) -> None:
        if isinstance(completed, int) and 0 < completed <= COUNT_MAX:
            self.completed[key] = max(completed, self.completed.get(key, 0))

    def _moment(self, row: MomentRow) -> None:
        # Of a stretch that was written several times, the row that tells most is the last.
        before = self.moments.get(row[:2])
        if before is None or len(before[2]) <= len(row[2]):
            self.moments[row[:2]] = row

    def _sample(self, key: bytes, at: int, row: Sequence[Value]) -> None:
        numbers = [number for number in row[2:5] if isinstance(number, int)]
        is_ours = not key or _is_key(key)
        if is_ours and 0 < at < TIME_MAX and all(0 <= n <= COUNT_MAX for n in numbers):
            complete, downloading, downloaded = numbers
            self.samples.add((key, at, complete, downloading, downloaded))


def salvage(path: Path) -> Salvaged:
    """Save what can be read of a state file and of the log beside it."""
    found = Salvaged()
    log = path.with_name(path.name + "-wal")
    with _mapped(path) as file, _mapped(log) as frames:
        found.add(chain(rows_of_file(file), rows_of_log(frames)))
    return found


def snapshot_of(path: Path) -> tuple[bytes, int] | None:
    """The swarms of a damaged file and when they were kept, if SQLite finds them.

    They carry a sum of their own.
    """
    try:
        # For reading alone, and without a log nothing is put beside it: it stays as it was found.
        log = path.with_name(path.name + "-wal")
        is_alone = not log.exists() or not log.stat().st_size
        uri = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if is_alone else ''}"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
            query = (
                "SELECT taken_at, bytes FROM swarms WHERE generation = "
                "(SELECT value FROM facts WHERE name = 'generation') ORDER BY part"
                if "swarms" in tables
                else "SELECT taken_at, swarms FROM snapshot ORDER BY part"
            )
            parts = connection.execute(query).fetchall()
    except (OSError, sqlite3.Error, UnicodeDecodeError):
        return None
    if not parts or not all(isinstance(at, int) and isinstance(part, bytes) for at, part in parts):
        return None
    return b"".join(part for _, part in parts), parts[0][0]


@contextlib.contextmanager
def _mapped(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            size = min(path.stat().st_size, BYTES_MAX)
            with mmap.mmap(stream.fileno(), size, access=mmap.ACCESS_READ) as mapped:
                # A mapping gives slices as bytes, which is all that is asked of it.
                yield mapped  # type: ignore[misc]
    except (OSError, ValueError):
        yield b""


def _is_key(key: bytes) -> bool:
    return len(key) == INFOHASH_BYTES
