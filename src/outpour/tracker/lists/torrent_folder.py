"""Turn a folder of .torrent files into listings, and again cheaply when it has changed.

A file is read again only when its size, times or inode changed. A bad file is given `SETTLE_S` to
become a good one before anybody hears of it, since most bad files are only half written; what the
same path held before stays in force meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import ReadError, reason
from outpour.base.event import Event
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.tracker_events import FileSkipped, SourceReadable, SourceUnreadable

SUFFIX = ".torrent"
SETTLE_S = 3.0
DEPTH_MAX = 32
FILES_MAX = 1_000_000

Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Known:
    signature: Signature
    listing: Listing | None
    bad_since_s: float | None = None
    is_reported: bool = False


class Folder:
    """The .torrent files below one folder; owns what was read of them.

    Args:
        root: The folder; links to folders and files are followed.
        clock: Monotonic seconds.

    Attributes:
        is_settled: Whether no half-written file waits to be looked at again.
        has_changed: Whether a scan found a difference since somebody reset this.
    """

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self._clock = clock
        self._known: dict[Path, _Known] = {}
        self._unreadable: set[Path] = set()
        self._was_read = False
        self.is_settled = True
        self.has_changed = False

    @property
    def listings(self) -> Iterator[Listing]:
        """What is readable, in order of path."""
        return (known.listing for known in self._known.values() if known.listing is not None)

    def scan(self) -> list[Event]:
        """Look through the folder; `listings` and the attributes are new afterwards.

        Raises:
            ReadError: The folder itself cannot be read and never was.
        """
        events: list[Event] = []
        unreadable: dict[Path, str] = {}
        found: dict[Path, _Known] = {}
        for path, stat in self._walk(unreadable):
            found[path] = self._look(path, stat, events)
        if self.root in unreadable and not self._was_read:
            raise ReadError(
                f"`{self.root}`: {unreadable[self.root]}",
                hint="make the folder, or name another with `--allowed-dir`",
            )
        self._was_read = True
        for path, known in self._known.items():
            if path not in found and any(path.is_relative_to(folder) for folder in unreadable):
                found[path] = known
        events += [
            SourceUnreadable(folder, why)
            for folder, why in unreadable.items()
            if folder not in self._unreadable
        ]
        events += [SourceReadable(folder) for folder in self._unreadable - unreadable.keys()]
        self._unreadable = set(unreadable)
        self.has_changed = self.has_changed or found != self._known
        self._known = dict(sorted(found.items()))
        self.is_settled = all(k.bad_since_s is None or k.is_reported for k in found.values())
        return events

    def _walk(self, unreadable: dict[Path, str]) -> Iterator[tuple[Path, os.stat_result]]:
        pending = [(self.root, 0)]
        seen: set[tuple[int, int]] = set()
        count = 0
        while pending:
            folder, depth = pending.pop()
            try:
                status = folder.stat()
                with os.scandir(folder) as entries:
                    names = [entry for entry in entries if not entry.name.startswith(".")]
            except OSError as error:
                if folder == self.root or folder.exists():
                    unreadable[folder] = reason(error)
                continue
            # Links to folders can form a circle.
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            for entry in names:
                try:
                    if entry.is_dir():
                        if depth < DEPTH_MAX:
                            pending.append((Path(entry.path), depth + 1))
                    elif entry.name.endswith(SUFFIX) and entry.is_file():
                        count += 1
                        if count > FILES_MAX:
                            unreadable[folder] = f"more than {FILES_MAX} torrents"
                            return
                        yield Path(entry.path), entry.stat()
                except OSError:
                    # It went away between listing and looking.
                    continue

    def _look(self, path: Path, stat: os.stat_result, events: list[Event]) -> _Known:
        signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns)
        before = self._known.get(path)
        now = self._clock()
        if before is not None and before.signature == signature:
            if before.bad_since_s is None or before.is_reported:
                return before
            since = before.bad_since_s
        else:
            since = now
        try:
            metainfo = Metainfo.read(path)
            return _Known(signature, Listing.of(metainfo, path, int(stat.st_mtime)))
        except ReadError as error:
            if now - since < SETTLE_S:
                kept = before.listing if before is not None else None
                return _Known(signature, kept, bad_since_s=since)
            why = error.message.removeprefix(f"`{path}`: ")
            events.append(FileSkipped(path, why))
            return _Known(signature, None, bad_since_s=since, is_reported=True)
