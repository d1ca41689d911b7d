"""Turn a file of infohashes or other items, one a line, into a set, and again when it changes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from outpour.base.errors import FormatError, ReadError, reason
from outpour.base.event import Event
from outpour.base.text import typed
from outpour.tracker.tracker_events import (
    FileSkipped,
    ListChanged,
    SourceReadable,
    SourceUnreadable,
)

T = TypeVar("T")
Parse = Callable[[bytes], tuple[frozenset[T], list[str]]]

BYTES_MAX = 256 << 20
FAULTS_MAX = 10
"""Bad lines told one by one; a file of another kind would otherwise fill the log."""

SETTLE_S = 1.0
"""A file that is written in place and has lost something may be half written; so long it must rest
before it counts. One that only grew, or was put there by a rename, counts at once."""

_HASH = re.compile(rb"([0-9a-fA-F]{40}|[0-9a-fA-F]{64})\Z")


@dataclass(frozen=True, slots=True)
class _State(Generic[T]):
    items: frozenset[T] = frozenset()
    signature: tuple[int, ...] | None = None
    inode: tuple[int, int] | None = None
    trouble: str | None = None
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class ListReading(Generic[T]):
    """What a look at a list file found, for `ListFile.take` to put in force.

    Attributes:
        joined: Items that are new.
        left: Items that are gone.
        events: What is to be told.
    """

    state: _State[T]
    joined: frozenset[T]
    left: frozenset[T]
    events: tuple[Event, ...]


class ListFile(Generic[T]):
    """One list file; owns what was last read of it.

    `#` starts a comment, empty lines are skipped, and so are bad lines, which are told. A file of
    which no line is good is damaged: like one that is gone, it leaves in force what was before.
    Reading changes nothing here, so that it can be done in another thread; `take` does.

    Args:
        path: The file.
        parse: Reads the file; returns its items, and what is wrong with the other lines.
        clock: Unix time in seconds.
    """

    def __init__(
        self, path: Path, parse: Parse[T], *, clock: Callable[[], float] = time.time
    ) -> None:
        self.path = path
        self._parse = parse
        self._clock = clock
        self._state: _State[T] = _State()

    @property
    def items(self) -> frozenset[T]:
        """What the file last held."""
        return self._state.items

    @property
    def is_settled(self) -> bool:
        """Whether no half-written file waits to be looked at again."""
        return self._state.is_settled

    def take(self, reading: ListReading[T]) -> tuple[Event, ...]:
        """Put in force what `scan` found, and return what is to be told of it."""
        self._state = reading.state
        return reading.events

    def scan(self) -> ListReading[T]:
        """Read the file again if it changed; one at a time, and each is taken before the next.

        Raises:
            ReadError: It cannot be read, or not a line of it, and never could.
        """
        before = self._state
        try:
            status = self.path.stat()
            signature = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)
            if signature == before.signature:
                return self._reading(replace(before, is_settled=True))
            with self.path.open("rb") as stream:
                raw = stream.read(BYTES_MAX + 1)
        except OSError as error:
            if before.inode is None:
                raise ReadError(
                    f"`{self.path}`: {reason(error)}", hint="make the file; it may be empty"
                ) from error
            return self._troubled(replace(before, signature=None), reason(error))
        items, faults, why = self._judge(raw)
        if self._may_be_half_written(status, items):
            return self._reading(replace(before, is_settled=False))
        if why and before.inode is None:
            raise FormatError(f"`{self.path}`: {why}", hint="is it the right file?")
        seen = replace(before, signature=signature, inode=(status.st_dev, status.st_ino))
        return self._troubled(seen, why) if why else self._read(seen, items, faults)

    def _judge(self, raw: bytes) -> tuple[frozenset[T], list[str], str]:
        if len(raw) > BYTES_MAX:
            return frozenset(), [], f"over {BYTES_MAX} bytes"
        items, faults = self._parse(typed(raw))
        return items, faults, f"not one good line: {faults[0]}" if faults and not items else ""

    def _may_be_half_written(self, status: os.stat_result, items: frozenset[T]) -> bool:
        is_same_file = (status.st_dev, status.st_ino) == self._state.inode
        age_s = self._clock() - status.st_mtime
        return is_same_file and 0 <= age_s < SETTLE_S and not items >= self.items

    def _read(self, seen: _State[T], items: frozenset[T], faults: list[str]) -> ListReading[T]:
        events: list[Event] = [SourceReadable(self.path)] if seen.trouble else []
        events += [FileSkipped(self.path, fault) for fault in faults[:FAULTS_MAX]]
        if len(faults) > FAULTS_MAX:
            events.append(FileSkipped(self.path, f"{len(faults) - FAULTS_MAX} more bad lines"))
        joined, left = len(items - self.items), len(self.items - items)
        if self._state.inode is not None and (joined or left):
            events.append(ListChanged(self.path, joined, left, len(items)))
        return self._reading(replace(seen, items=items, trouble=None, is_settled=True), *events)

    def _troubled(self, seen: _State[T], trouble: str) -> ListReading[T]:
        state = replace(seen, trouble=trouble, is_settled=True)
        if trouble == seen.trouble:
            return self._reading(state)
        return self._reading(state, SourceUnreadable(self.path, trouble))

    def _reading(self, state: _State[T], *events: Event) -> ListReading[T]:
        before, now = self._state.items, state.items
        if now is before:
            return ListReading(state, frozenset(), frozenset(), events)
        return ListReading(state, now - before, before - now, events)


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
