"""Turn a file of infohashes or other items, one a line, into a set, and again when it changes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from outpour.base.errors import FormatError, ReadError, reason
from outpour.base.event import Event
from outpour.tracker.tracker_events import FileSkipped, SourceReadable, SourceUnreadable

T = TypeVar("T")
Parse = Callable[[bytes], tuple[frozenset[T], list[str]]]

BYTES_MAX = 256 << 20
FAULTS_MAX = 10
"""Bad lines told one by one; a file of another kind would otherwise fill the log."""

SETTLE_S = 1.0
"""A file that is written in place and has lost something may be half written; so long it must rest
before it counts. One that only grew, or was put there by a rename, counts at once."""

_HASH = re.compile(rb"([0-9a-fA-F]{40}|[0-9a-fA-F]{64})\Z")


class ListFile(Generic[T]):
    """One list file; owns what was last read of it.

    `#` starts a comment, empty lines are skipped, and so are bad lines, which are told. A file of
    which no line is good is damaged: like one that is gone, it leaves in force what was before.

    Args:
        path: The file.
        parse: Reads the file; returns its items, and what is wrong with the other lines.
        clock: Unix time in seconds.

    Attributes:
        items: What the file last held.
        has_changed: Whether a scan found a difference since somebody reset this.
        is_settled: Whether no half-written file waits to be looked at again.
    """

    def __init__(
        self, path: Path, parse: Parse[T], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        self.items: frozenset[T] = frozenset()
        self.has_changed = False
        self.is_settled = True
        self._parse = parse
        self._clock = clock
        self._signature: tuple[int, ...] | None = None
        self._inode: tuple[int, int] | None = None
        self._trouble: str | None = None

    def scan(self) -> list[Event]:
        """Read the file again if it changed; `items` is new afterwards.

        Raises:
            ReadError: It cannot be read, or not a line of it, and never could.
        """
        self.is_settled = True
        try:
            status = self.path.stat()
            signature = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)
            if signature == self._signature:
                return []
            with self.path.open("rb") as stream:
                raw = stream.read(BYTES_MAX + 1)
        except OSError as error:
            if self._inode is None:
                raise ReadError(
                    f"`{self.path}`: {reason(error)}", hint="make the file; it may be empty"
                ) from error
            self._signature = None
            return self._tell(reason(error))
        items, faults, why = self._judge(raw)
        if self._may_be_half_written(status, items):
            self.is_settled = False
            return []
        if why and self._inode is None:
            raise FormatError(f"`{self.path}`: {why}", hint="is it the right file?")
        self._signature = signature
        self._inode = (status.st_dev, status.st_ino)
        return self._tell(why) if why else self._take(items, faults)

    def _judge(self, raw: bytes) -> tuple[frozenset[T], list[str], str]:
        if len(raw) > BYTES_MAX:
            return frozenset(), [], f"over {BYTES_MAX} bytes"
        items, faults = self._parse(raw)
        return items, faults, f"not one good line: {faults[0]}" if faults and not items else ""

    def _may_be_half_written(self, status: os.stat_result, items: frozenset[T]) -> bool:
        is_same_file = (status.st_dev, status.st_ino) == self._inode
        age_s = self._clock() - status.st_mtime
        return is_same_file and 0 <= age_s < SETTLE_S and not items >= self.items

    def _take(self, items: frozenset[T], faults: list[str]) -> list[Event]:
        events: list[Event] = [SourceReadable(self.path)] if self._trouble else []
        self._trouble = None
        # In this order, as whoever looks at `has_changed` does so on another thread.
        is_new = items != self.items
        self.items = items
        self.has_changed = self.has_changed or is_new
        events += [FileSkipped(self.path, fault) for fault in faults[:FAULTS_MAX]]
        if len(faults) > FAULTS_MAX:
            events.append(FileSkipped(self.path, f"{len(faults) - FAULTS_MAX} more bad lines"))
        return events

    def _tell(self, trouble: str) -> list[Event]:
        is_news = trouble != self._trouble
        self._trouble = trouble
        return [SourceUnreadable(self.path, trouble)] if is_news else []


def parse_infohashes(raw: bytes) -> tuple[frozenset[bytes], list[str]]:
    """Read 40 hexadecimal digits a line, or 64 for a v2 infohash.

    The latter is cut to the 20 bytes that peers announce (BEP 52).
    """
    infohashes = set()
    faults = []
    for number, text in lines(raw):
        match = _HASH.match(text)
        if match:
            infohashes.add(bytes.fromhex(match[1].decode())[:20])
        else:
            faults.append(f"line {number} is not 40 or 64 hexadecimal digits")
    return frozenset(infohashes), faults


def lines(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """Each line that says something, with its number from 1, without comment and blanks."""
    for number, line in enumerate(raw.splitlines(), 1):
        text = line.partition(b"#")[0].strip()
        if text:
            yield number, text
