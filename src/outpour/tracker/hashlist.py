"""Turn a file of infohashes, one a line, into a set; for allow and deny lists."""

from __future__ import annotations

import re
from pathlib import Path

from outpour.errors import ReadError, reason
from outpour.tracker.events import Event, FileSkipped, SourceReadable, SourceUnreadable

BYTES_MAX = 256 << 20
FAULTS_MAX = 10
"""Bad lines told one by one; a file of another kind would otherwise fill the log."""

_HASH = re.compile(rb"([0-9a-fA-F]{40}|[0-9a-fA-F]{64})\Z")


class HashList:
    """One list file; owns what was last read of it.

    Each line is 40 hexadecimal digits, or 64 for a v2 infohash, which is cut to the 20 bytes that
    peers announce (BEP 52). `#` starts a comment, empty lines are skipped.

    Attributes:
        infohashes: What the file last held.
        has_changed: Whether a scan found a difference since somebody reset this.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.infohashes: frozenset[bytes] = frozenset()
        self.has_changed = False
        self._signature: tuple[int, ...] | None = None
        self._is_unreadable = False

    def scan(self) -> list[Event]:
        """Read the file again if it changed; `infohashes` is new afterwards.

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
        infohashes, faults = parse(raw)
        self.has_changed = self.has_changed or infohashes != self.infohashes
        self.infohashes = infohashes
        events += [FileSkipped(self.path, fault) for fault in faults[:FAULTS_MAX]]
        if len(faults) > FAULTS_MAX:
            events.append(FileSkipped(self.path, f"{len(faults) - FAULTS_MAX} more bad lines"))
        return events


def parse(raw: bytes) -> tuple[frozenset[bytes], list[str]]:
    """Read infohashes; returns them and what is wrong with the other lines."""
    infohashes = set()
    faults = []
    for number, line in enumerate(raw.splitlines(), 1):
        text = line.partition(b"#")[0].strip()
        match = _HASH.match(text)
        if match:
            infohashes.add(bytes.fromhex(match[1].decode())[:20])
        elif text:
            faults.append(f"line {number} is not 40 or 64 hexadecimal digits")
    return frozenset(infohashes), faults
