"""Turn folder, lists and a publisher's wishes into the set that is tracked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from outpour.base.event import Event
from outpour.tracker.lists.list_file import ListFile, parse_infohashes
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.lists.torrent_folder import Folder
from outpour.tracker.tracker_events import Allowed, DuplicateSkipped, Withdrawn

NOTHING: Mapping[bytes, Listing] = MappingProxyType({})


class AllowedSet:
    """What may be tracked; owns the sources and what they last said.

    Reading the sources takes time and is apart from putting together what they say, so that the
    one can run in a thread and the other where the set is used.

    Attributes:
        infohashes: Every 20-byte infohash that peers may announce.
        listings: What is known of them, by the infohash of the row.
    """

    def __init__(
        self,
        allowed_dir: Path | None = None,
        allow_list: Path | None = None,
        deny_list: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = Folder(allowed_dir, clock=clock) if allowed_dir else None
        self._allow = ListFile(allow_list, parse_infohashes) if allow_list else None
        self._deny = ListFile(deny_list, parse_infohashes) if deny_list else None
        self._given: dict[bytes, Listing] = {}
        self._duplicates: set[Path] = set()
        self._has_changed = False
        self.infohashes: frozenset[bytes] = frozenset()
        self.listings: Mapping[bytes, Listing] = NOTHING
        self._by_alias: Mapping[bytes, Listing] = NOTHING

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits for a half-written file."""
        return all(source.is_settled for source in self._sources)

    @property
    def denied(self) -> frozenset[bytes]:
        """What the deny list holds."""
        return self._deny.items if self._deny else frozenset()

    @property
    def notices(self) -> list[tuple[bytes, str | None, str | None]]:
        """What torrents have to say to their peers: infohash, failure reason, warning message."""
        return [
            (alias, listing.failure_reason, listing.warning_message)
            for listing in self.listings.values()
            if listing.failure_reason or listing.warning_message
            for alias in listing.aliases
        ]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Folders to watch with all that is below them."""
        return (self._folder.root,) if self._folder else ()

    @property
    def files(self) -> tuple[Path, ...]:
        """Single files to watch."""
        lists = (self._allow, self._deny)
        return tuple(source.path for source in lists if source)

    def find(self, infohash: bytes) -> Listing | None:
        """What is known of a torrent, by any of its 20-byte infohashes."""
        return self._by_alias.get(infohash)

    def give(self, listing: Listing) -> None:
        """Allow a torrent that comes from no folder; `merge` puts it in force."""
        self._given[listing.infohash] = listing
        self._has_changed = True

    def take(self, infohash: bytes) -> None:
        """Withdraw a torrent that was given; `merge` puts it in force."""
        self._has_changed |= self._given.pop(infohash, None) is not None

    @property
    def _sources(self) -> tuple[Folder | ListFile[bytes], ...]:
        sources = (self._folder, self._allow, self._deny)
        return tuple(source for source in sources if source)

    @property
    def has_changed(self) -> bool:
        """Whether `merge` would make a difference."""
        return self._has_changed or any(source.has_changed for source in self._sources)

    def read(self) -> list[Event]:
        """Read what changed in the sources; this blocks, and may run in a thread.

        Raises:
            ReadError: A source cannot be read and never was.
        """
        return [event for source in self._sources for event in source.scan()]

    def merge(self) -> list[Event]:
        """Put together what the sources last said; `infohashes` and `listings` are new then."""
        self._has_changed = False
        for source in self._sources:
            source.has_changed = False
        events: list[Event] = []
        denied = self.denied
        listings: dict[bytes, Listing] = {}
        infohashes = set(self._allow.items) if self._allow else set()
        duplicates = set()
        for listing in [*(self._folder.listings if self._folder else ()), *self._given.values()]:
            first = listings.get(listing.infohash)
            if first is not None and first.path and listing.path and first.path != listing.path:
                duplicates.add(listing.path)
                if listing.path not in self._duplicates:
                    events.append(DuplicateSkipped(listing.path, first.path))
                continue
            if not denied.isdisjoint(listing.aliases):
                continue
            listings[listing.infohash] = listing
            infohashes.update(listing.aliases)
        events += self._difference(listings)
        self._duplicates = duplicates
        self.listings = MappingProxyType(listings)
        self._by_alias = {key: one for one in listings.values() for key in one.aliases}
        self.infohashes = frozenset(infohashes - denied)
        return events

    def _difference(self, listings: Mapping[bytes, Listing]) -> list[Event]:
        before = self.listings
        joined = tuple(new.name for key, new in listings.items() if key not in before)
        left = tuple(old.name for key, old in before.items() if key not in listings)
        events: list[Event] = [Allowed(joined)] if joined else []
        return [*events, Withdrawn(left)] if left else events
