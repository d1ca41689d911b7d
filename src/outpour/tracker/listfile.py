"""Turn a file of infohashes or keys, one a line, into a set; for allow, deny and key lists."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from outpour.errors import ReadError, reason
from outpour.tracker.events import Event, FileSkipped, SourceReadable, SourceUnreadable

T = TypeVar("T")

BYTES_MAX = 256 << 20
FAULTS_MAX = 10
"""Bad lines told one by one; a file of another kind would otherwise fill the log."""

_HASH = re.compile(rb"([0-9a-fA-F]{40}|[0-9a-fA-F]{64})\Z")
_KEY = re.compile(rb"[0-9A-Za-z_-]{1,64}\Z")


class ListFile(Generic[T]):
    """One list file; owns what was last read of it.

    `#` starts a comment, empty lines are skipped.

    Args:
        path: The file.
        parse: Reads the file; returns its items, and what is wrong with the other lines.

    Attributes:
        items: What the file last held.
        has_changed: Whether a scan found a difference since somebody reset this.
    """

    def __init__(
        self, path: Path, parse: Callable[[bytes], tuple[frozenset[T], list[str]]]
    ) -> None:
        self.path = path
        self.items: frozenset[T] = frozenset()
        self.has_changed = False
        self._parse = parse
        self._signature: tuple[int, ...] | None = None
        self._is_unreadable = False

    def scan(self) -> list[Event]:
        """Read the file again if it changed; `items` is new afterwards.

        Raises:
            ReadError: It cannot be read and never was.
        """
        try:
            status = self.path.stat()
            signature = (status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns)
            if signature == self._signature and not self._is_unreadable:
                return []
            with self.path.open("rb") as stream:
                raw = stream.read(BYTES_MAX + 1)
        except OSError as error:
            if self._signature is None:
                raise ReadError(f"`{self.path}`: {reason(error)}") from error
            if self._is_unreadable:
                return []
            self._is_unreadable = True
            return [SourceUnreadable(self.path, reason(error))]
        events: list[Event] = [SourceReadable(self.path)] if self._is_unreadable else []
        self._is_unreadable = False
        self._signature = signature
        if len(raw) > BYTES_MAX:
            return [*events, FileSkipped(self.path, f"over {BYTES_MAX} bytes")]
        items, faults = self._parse(raw)
        self.has_changed = self.has_changed or items != self.items
        self.items = items
        events += [FileSkipped(self.path, fault) for fault in faults[:FAULTS_MAX]]
        if len(faults) > FAULTS_MAX:
            events.append(FileSkipped(self.path, f"{len(faults) - FAULTS_MAX} more bad lines"))
        return events


def parse_infohashes(raw: bytes) -> tuple[frozenset[bytes], list[str]]:
    """Read 40 hexadecimal digits a line, or 64 for a v2 infohash.

    The latter is cut to the 20 bytes that peers announce (BEP 52).
    """
    infohashes = set()
    faults = []
    for number, text in _lines(raw):
        match = _HASH.match(text)
        if match:
            infohashes.add(bytes.fromhex(match[1].decode())[:20])
        else:
            faults.append(f"line {number} is not 40 or 64 hexadecimal digits")
    return frozenset(infohashes), faults


def parse_keys(raw: bytes) -> tuple[frozenset[str], list[str]]:
    """Read a key a line, as it stands in `/KEY/announce`."""
    keys = set()
    faults = []
    for number, text in _lines(raw):
        if _KEY.match(text):
            keys.add(text.decode("ascii"))
        else:
            faults.append(f"line {number} is not a key of at most 64 letters, digits, `-` and `_`")
    return frozenset(keys), faults


def _lines(raw: bytes) -> list[tuple[int, bytes]]:
    texts = (line.partition(b"#")[0].strip() for line in raw.splitlines())
    return [(number, text) for number, text in enumerate(texts, 1) if text]
