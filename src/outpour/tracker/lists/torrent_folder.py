"""Turn a folder of .torrent files into listings, and again cheaply when it has changed.

A file is read again only when its size, times or inode changed. A bad file is given `SETTLE_S` to
become a good one before anybody hears of it, since most bad files are only half written; what the
same path held before stays in force meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import ReadError, reason
from outpour.base.event import Event
from outpour.base.text import printable
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Listing, Signature, signature_of
from outpour.tracker.tracker_events import FileSkipped, SourceReadable, SourceUnreadable

SUFFIX = ".torrent"
SETTLE_S = 3.0
DEPTH_MAX = 32
FILES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class _Known:
    signature: Signature
    listing: Listing | None
    bad_since_s: float | None = None
    is_reported: bool = False


@dataclass(frozen=True, slots=True)
class FolderReading:
    """What a look through a folder found, for `Folder.take` to put in force.

    Attributes:
        changed: Files that hold another torrent than before, or none now, or one at last: path,
            listing before and listing now.
        events: What is to be told.
    """

    known: Mapping[Path, _Known]
    unreadable: frozenset[Path]
    changed: tuple[tuple[Path, Listing | None, Listing | None], ...]
    events: tuple[Event, ...]
    is_settled: bool


class Folder:
    """The .torrent files below one folder; owns what was read of them.

    Reading changes nothing here, so that it can be done in another thread; `take` does.

    Args:
        root: The folder; links to folders and files are followed.
        clock: Monotonic seconds.

    Attributes:
        is_settled: Whether no half-written file waits to be looked at again.
    """

    def __init__(self, root: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.root = root
        self._clock = clock
        self._known: Mapping[Path, _Known] = {}
        self._unreadable: frozenset[Path] = frozenset()
        self._was_read = False
        self.is_settled = True

    def take(self, reading: FolderReading) -> tuple[Event, ...]:
        """Put in force what `scan` found, and return what is to be told of it."""
        self._known = reading.known
        self._unreadable = reading.unreadable
        self._was_read = True
        self.is_settled = reading.is_settled
        return reading.events

    def scan(self) -> FolderReading:
        """Look through the folder; one look at a time, and each is taken before the next.

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
        if unreadable:
            for path, known in self._known.items():
                if path not in found and any(path.is_relative_to(folder) for folder in unreadable):
                    found[path] = known
        events += [
            SourceUnreadable(folder, why)
            for folder, why in unreadable.items()
            if folder not in self._unreadable
        ]
        events += [SourceReadable(folder) for folder in self._unreadable - unreadable.keys()]
        return FolderReading(
            found,
            frozenset(unreadable),
            tuple(self._changes(found)),
            tuple(events),
            all(known.bad_since_s is None or known.is_reported for known in found.values()),
        )

    def _changes(
        self, found: Mapping[Path, _Known]
    ) -> Iterator[tuple[Path, Listing | None, Listing | None]]:
        for path in sorted(found):
            before, now = self._known.get(path), found[path]
            # What did not change is the same object.
            if before is not now:
                old = before.listing if before is not None else None
                if old is not now.listing:
                    yield path, old, now.listing
        for path, before in self._known.items():
            if path not in found and before.listing is not None:
                yield path, before.listing, None

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

    def _group(self, path: Path) -> str | None:
        """The folder of a file below the root, None of those in the root itself."""
        parts = path.relative_to(self.root).parts[:-1]
        return "/".join(map(printable, parts)) or None

    def _look(self, path: Path, stat: os.stat_result, events: list[Event]) -> _Known:
        signature = signature_of(stat)
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
            return _Known(signature, Listing.of(metainfo, path, stat, group=self._group(path)))
        except ReadError as error:
            if now - since < SETTLE_S:
                kept = before.listing if before is not None else None
                return _Known(signature, kept, bad_since_s=since)
            why = error.message.removeprefix(f"`{path}`: ")
            events.append(FileSkipped(path, why))
            return _Known(signature, None, bad_since_s=since, is_reported=True)
