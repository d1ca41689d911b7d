"""Turn folder, lists and a publisher's wishes into the set that is tracked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from outpour.base.event import Event
from outpour.tracker.lists.list_file import ListFile, ListReading, parse_infohashes
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.lists.shared_items import OwnItems, SharedItems
from outpour.tracker.lists.torrent_folder import Folder, FolderReading
from outpour.tracker.tracker_events import Allowed, DuplicateSkipped, Withdrawn


@dataclass(frozen=True, slots=True)
class AllowedReading:
    """What the sources say now, for `AllowedSet.apply`; None of a source that is not there."""

    folder: FolderReading | None
    allow: ListReading[bytes] | None
    deny: ListReading[bytes] | None


@dataclass(frozen=True, slots=True)
class AllowedChange:
    """What became different.

    Attributes:
        listings: Torrents that are listed now and were not, or not like this.
        has_notices: Whether what torrents have to say to their peers is different.
        is_denied_new: Whether the deny list is different.
        events: What is to be told.
    """

    listings: tuple[Listing, ...] = ()
    has_notices: bool = False
    is_denied_new: bool = False
    events: tuple[Event, ...] = ()


class AllowedSet:
    """What may be tracked; owns the sources and what they last said.

    Reading the sources takes time, changes nothing and may be done in a thread. What was read is
    applied where the set is used, at a cost in proportion to what changed.

    Attributes:
        own: What this node's own sources allow, for the other nodes of a cluster.
        own_denied: What they deny.
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
        # All by the infohash of the row.
        self._in_folder: dict[bytes, dict[Path, Listing]] = {}
        self._given: dict[bytes, Listing] = {}
        self._listings: dict[bytes, Listing] = {}
        # By any infohash; two torrents that share one have one info dictionary.
        self._row_of: dict[bytes, bytes] = {}
        self._duplicates: set[Path] = set()
        # What an administrator ruled beside all sources.
        self._ruled_in: frozenset[bytes] = frozenset()
        self._ruled_out: frozenset[bytes] = frozenset()
        # What the other nodes of a cluster say, and what they are told.
        self._shared: SharedItems[bytes] = SharedItems()
        self._shared_denied: SharedItems[bytes] = SharedItems()
        self.own: OwnItems[bytes] = OwnItems()
        self.own_denied: OwnItems[bytes] = OwnItems()
        self._infohashes: set[bytes] = set()
        self._unhanded: dict[bytes, None] = {}

    @property
    def infohashes(self) -> frozenset[bytes]:
        """Every 20-byte infohash that peers may announce; a copy."""
        return frozenset(self._infohashes)

    @property
    def listings(self) -> Mapping[bytes, Listing]:
        """What is known of torrents, by the infohash of the row; a copy."""
        return self._listings.copy()

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits for a half-written file."""
        sources = (self._folder, self._allow, self._deny)
        return all(source.is_settled for source in sources if source)

    @property
    def denied(self) -> frozenset[bytes]:
        """What the deny list, an administrator or another node of a cluster denies."""
        return self._shared_denied.joined_to(self._denied_by_list | self._ruled_out)

    @property
    def _denied_by_list(self) -> frozenset[bytes]:
        return self._deny.items if self._deny else frozenset()

    @property
    def notices(self) -> list[tuple[bytes, str | None, str | None]]:
        """What torrents have to say to their peers: infohash, failure reason, warning message."""
        return [
            (alias, listing.failure_reason, listing.warning_message)
            for listing in self._listings.values()
            if _has_notice(listing)
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

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self._infohashes

    def __len__(self) -> int:
        return len(self._infohashes)

    def find(self, infohash: bytes) -> Listing | None:
        """What is known of a torrent, by any of its 20-byte infohashes."""
        return self._listings.get(self._row_of.get(infohash, b""))

    def give(self, listings: Iterable[Listing]) -> AllowedChange:
        """Allow torrents that come from no folder."""
        rows = {listing.infohash: listing for listing in listings}
        self._given.update(rows)
        for listing in rows.values():
            self._row_of.update(dict.fromkeys(listing.aliases, listing.infohash))
            self._note(listing.aliases)
        return self._settle(rows)

    def withdraw(self, infohashes: Iterable[bytes]) -> AllowedChange:
        """No longer allow torrents that were given."""
        rows = []
        for infohash in infohashes:
            gone = self._given.pop(infohash, None)
            if gone is not None:
                rows.append(infohash)
                self._note(gone.aliases)
        return self._settle(rows)

    def rule(self, allowed: frozenset[bytes], denied: frozenset[bytes]) -> AllowedChange:
        """Put in force what an administrator allows and denies, whatever the sources say."""
        changed = (self._ruled_in ^ allowed) | (self._ruled_out ^ denied)
        is_denied_new = denied != self._ruled_out
        self._ruled_in, self._ruled_out = allowed, denied
        for infohash in changed:
            self._note(self._aliases_of(infohash))
            self._decide(infohash)
        change = self._settle(self._rows_of(changed))
        return replace(change, is_denied_new=is_denied_new)

    def share(
        self, allowed: Sequence[tuple[bytes, bool]], denied: Sequence[tuple[bytes, bool]]
    ) -> AllowedChange:
        """Put in force what a cluster says of infohashes: whether they are allowed, and denied.

        It counts whatever this node's own sources hold, which are nodes of the cluster like others.
        """
        self._shared.take(allowed)
        self._shared_denied.take(denied)
        changed = [infohash for infohash, _ in (*allowed, *denied)]
        for infohash in changed:
            self._decide(infohash)
        change = self._settle(self._rows_of(changed))
        return replace(change, is_denied_new=bool(denied))

    def tell_own(self) -> None:
        """From now on `own` and `own_denied` tell what own sources say, at first all of it."""
        self.own.begin()
        self.own_denied.begin()
        named = self._allow.items if self._allow else frozenset()
        own = {*self._row_of, *named, *self._ruled_in, *self._denied_by_list, *self._ruled_out}
        self._note(own)

    def read(self) -> AllowedReading:
        """Read what changed in the sources; this blocks, and may run in a thread.

        Raises:
            ReadError: A source cannot be read and never was.
        """
        return AllowedReading(
            self._folder.scan() if self._folder else None,
            self._allow.scan() if self._allow else None,
            self._deny.scan() if self._deny else None,
        )

    def apply(self, reading: AllowedReading) -> AllowedChange:
        """Put in force what was read."""
        events: list[Event] = []
        rows: dict[bytes, None] = {}
        is_denied_new = False
        if self._allow and reading.allow:
            events += self._allow.take(reading.allow)
            for infohash in (*reading.allow.joined, *reading.allow.left):
                self._note([infohash])
                self._decide(infohash)
        if self._folder and reading.folder:
            events += self._folder.take(reading.folder)
            rows.update(dict.fromkeys(self._place(reading.folder)))
        if self._deny and reading.deny:
            events += self._deny.take(reading.deny)
            for infohash in (*reading.deny.joined, *reading.deny.left):
                is_denied_new = True
                self._note(self._aliases_of(infohash))
                self._decide(infohash)
                if infohash in self._row_of:
                    rows[self._row_of[infohash]] = None
        change = self._settle(rows)
        return AllowedChange(
            change.listings, change.has_notices, is_denied_new, (*events, *change.events)
        )

    def hand_down(self, limit: int) -> tuple[list[bytes], list[bytes]]:
        """Up to `limit` infohashes that are allowed since they were last handed down, or not so."""
        joined: list[bytes] = []
        left: list[bytes] = []
        for infohash in list(islice(self._unhanded, limit)):
            del self._unhanded[infohash]
            (joined if infohash in self._infohashes else left).append(infohash)
        return joined, left

    def _place(self, reading: FolderReading) -> Iterable[bytes]:
        """Note where torrents lie, and say whose place is another one."""
        for path, old, new in reading.changed:
            if old is not None:
                places = self._in_folder[old.infohash]
                del places[path]
                if not places:
                    del self._in_folder[old.infohash]
                if new is None or new.infohash != old.infohash:
                    self._duplicates.discard(path)
                self._note(old.aliases)
                yield old.infohash
            if new is not None:
                self._in_folder.setdefault(new.infohash, {})[path] = new
                self._row_of.update(dict.fromkeys(new.aliases, new.infohash))
                self._note(new.aliases)
                yield new.infohash

    def _settle(self, rows: Iterable[bytes]) -> AllowedChange:
        """Choose anew what is listed under these infohashes."""
        events: list[Event] = []
        listed: list[Listing] = []
        joined: list[str] = []
        left: list[str] = []
        has_notices = False
        for row in rows:
            old, new = self._listings.get(row), self._choose(row, events)
            if old is new:
                continue
            has_notices |= _has_notice(old) or _has_notice(new)
            if new is None:
                del self._listings[row]
            else:
                self._listings[row] = new
                listed.append(new)
            if old is None and new is not None:
                joined.append(new.name)
            if old is not None and new is None:
                left.append(old.name)
            for alias in {*(old.aliases if old else ()), *(new.aliases if new else ())}:
                self._decide(alias)
                if new is None and row not in self._given and row not in self._in_folder:
                    self._row_of.pop(alias, None)
        events += [Allowed(tuple(joined))] if joined else []
        events += [Withdrawn(tuple(left))] if left else []
        return AllowedChange(tuple(listed), has_notices, events=tuple(events))

    def _choose(self, row: bytes, events: list[Event]) -> Listing | None:
        """The listing of a torrent: a publisher's before a file, and of files the first by path."""
        places = self._in_folder.get(row, {})
        chosen = self._given.get(row)
        first = min(places, default=None)
        if chosen is None or (chosen.path is not None and first is not None):
            chosen = places[first] if first is not None else None
        for path in sorted(places) if len(places) > 1 else ():
            if path == first:
                self._duplicates.discard(path)
            elif first is not None and path not in self._duplicates:
                self._duplicates.add(path)
                events.append(DuplicateSkipped(path, first))
        if chosen is None or any(map(self._is_denied, chosen.aliases)):
            return None
        # Another node of a cluster may have removed it.
        return None if self._shared.removed.issuperset(chosen.aliases) else chosen

    def _decide(self, infohash: bytes) -> None:
        """Put an infohash into the set, or out of it."""
        is_listed = self._row_of.get(infohash) in self._listings
        is_named = self._allow is not None and infohash in self._allow.items
        is_allowed = is_listed or is_named or infohash in self._ruled_in
        is_allowed = self._shared.holds(infohash, is_own=is_allowed)
        is_allowed = is_allowed and not self._is_denied(infohash)
        if is_allowed == (infohash in self._infohashes):
            return
        self._unhanded[infohash] = None
        if is_allowed:
            self._infohashes.add(infohash)
        else:
            self._infohashes.discard(infohash)

    def _is_denied(self, infohash: bytes) -> bool:
        is_own = self._is_denied_here(infohash)
        return self._shared_denied.holds(infohash, is_own=is_own)

    def _is_denied_here(self, infohash: bytes) -> bool:
        return infohash in self._ruled_out or infohash in self._denied_by_list

    def _rows_of(self, infohashes: Iterable[bytes]) -> dict[bytes, None]:
        return {self._row_of[one]: None for one in infohashes if one in self._row_of}

    def _aliases_of(self, infohash: bytes) -> Iterable[bytes]:
        """All infohashes of the torrent that has this one."""
        offered = self._offered(infohash)
        return offered.aliases if offered else (infohash,)

    def _offered(self, infohash: bytes) -> Listing | None:
        """The torrent that a folder or the publisher of this node has."""
        row = self._row_of.get(infohash, b"")
        return self._given.get(row) or next(iter(self._in_folder.get(row, {}).values()), None)

    def _note(self, infohashes: Iterable[bytes]) -> None:
        """Note what own sources say of infohashes, for the other nodes."""
        if not self.own.is_told:
            return
        for infohash in infohashes:
            offered = self._offered(infohash)
            is_named = self._allow is not None and infohash in self._allow.items
            aliases = offered.aliases if offered else (infohash,)
            is_wanted = offered is not None or is_named or infohash in self._ruled_in
            is_denied = any(map(self._is_denied_here, aliases))
            self.own.note(infohash, is_held=is_wanted and not is_denied)
            self.own_denied.note(infohash, is_held=self._is_denied_here(infohash))


def _has_notice(listing: Listing | None) -> bool:
    return listing is not None and bool(listing.failure_reason or listing.warning_message)
