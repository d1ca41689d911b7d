"""Turn lists of addresses, clients and keys into who is served, whatever torrent they ask for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from outpour.base.event import Event
from outpour.tracker.lists.address_ranges import AddressRange, parse_ranges
from outpour.tracker.lists.client_prefixes import parse_clients, prefixes_of
from outpour.tracker.lists.list_file import ListFile, ListReading, Parse
from outpour.tracker.lists.passkey import Key, parse_keys
from outpour.tracker.lists.shared_items import OwnItems, SharedItems
from outpour.tracker.settings import TrackerSettings

if TYPE_CHECKING:
    from outpour._core import Tracker

T = TypeVar("T")


KeyTerms = tuple[str, int | None]
"""A key itself, and the Unix second from which on it counts no more."""

AdmissionReading = Mapping[ListFile[Any], ListReading[Any]]
"""What each list says now."""


class Admission:
    """Who may ask; owns the lists and what they last said.

    Reading the lists takes time, changes nothing and may be done in a thread.

    Args:
        settings: Where the lists are.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self._fixed = prefixes_of(settings.denied_clients)
        self._admitted = _followed(settings.address_allow_list, parse_ranges)
        self._banned = _followed(settings.address_deny_list, parse_ranges)
        self._clients = _followed(settings.client_deny_list, parse_clients)
        self._keys = _followed(settings.key_list, parse_keys)
        # What an administrator ruled beside the lists.
        self._ruled_ranges: frozenset[AddressRange] = frozenset()
        self._ruled_clients: frozenset[bytes] = frozenset()
        # What the other nodes of a cluster say, and what they are told.
        self._shared_ranges: SharedItems[AddressRange] = SharedItems()
        self._shared_clients: SharedItems[bytes] = SharedItems()
        self._shared_keys: SharedItems[KeyTerms] = SharedItems()
        self.own_ranges: OwnItems[AddressRange] = OwnItems()
        self.own_clients: OwnItems[bytes] = OwnItems()
        self.own_keys: OwnItems[KeyTerms] = OwnItems()
        self._is_ban_new = self._is_client_new = self._is_key_new = False
        self._changed: set[ListFile[Any]] = set()
        self._due_s: float | None = None
        # By a digest, so that the time to look one up tells nothing of how near a guess was.
        self._by_digest: dict[bytes, Key] = {}
        self._in_force: frozenset[Key] = frozenset()

    @property
    def files(self) -> tuple[Path, ...]:
        """Files to watch."""
        return tuple(source.path for source in self._sources)

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits for a half-written file."""
        return all(source.is_settled for source in self._sources)

    @property
    def _sources(self) -> tuple[ListFile[Any], ...]:
        sources = (self._admitted, self._banned, self._clients, self._keys)
        return tuple(source for source in sources if source)

    def read(self) -> AdmissionReading:
        """Read what changed in the lists; this blocks, and may run in a thread.

        Raises:
            ReadError: A list cannot be read and never was.
        """
        return {source: source.scan() for source in self._sources}

    def take(self, reading: AdmissionReading) -> list[Event]:
        """Put in force what was read; `apply` tells the core of it."""
        events: list[Event] = []
        for source in self._sources:
            found = reading[source]
            events += source.take(found)
            if found.joined or found.left:
                self._changed.add(source)
        return events

    def knows(self, secret: str, now: float) -> bool:
        """Whether this is a key that counts at this Unix time."""
        if self._keys is None:
            return False
        if not self._by_digest:
            self._by_digest = {digest_of(key.secret): key for key in self._in_force}
        key = self._by_digest.get(digest_of(secret))
        return key is not None and key.is_active(now)

    def apply(self, core: Tracker, now: float) -> None:
        """Tell the core what is new in the lists, and which keys count at this Unix time.

        A list without a change costs nothing; a key ends with its second.
        """
        if self._is_new(self._banned) or self._is_ban_new:
            self._is_ban_new = False
            ranges = _items(self._banned) | self._ruled_ranges
            self.own_ranges.note_all(ranges)
            core.ban(list(self._shared_ranges.joined_to(ranges)))
        if self._admitted and self._is_new(self._admitted):
            core.admit(list(self._admitted.items))
        if self._is_new(self._clients) or self._is_client_new:
            self._is_client_new = False
            clients = _items(self._clients) | self._ruled_clients
            self.own_clients.note_all(clients)
            core.deny_clients(list(self._fixed | self._shared_clients.joined_to(clients)))
        is_due = self._due_s is not None and now >= self._due_s
        if self._keys and (self._is_new(self._keys) or self._is_key_new):
            self._is_key_new = False
            self._put_keys(self._keys.items)
            is_due = True
        if self._keys and is_due:
            self._tell_keys(core, self._in_force, now)

    def rule(self, banned: frozenset[AddressRange], clients: frozenset[bytes]) -> None:
        """Put in force whom an administrator turns away; `apply` tells the core of it."""
        self._is_ban_new |= banned != self._ruled_ranges
        self._is_client_new |= clients != self._ruled_clients
        self._ruled_ranges, self._ruled_clients = banned, clients

    def share(
        self,
        ranges: Sequence[tuple[AddressRange, bool]] = (),
        clients: Sequence[tuple[bytes, bool]] = (),
        keys: Sequence[tuple[KeyTerms, bool]] = (),
    ) -> None:
        """Put in force what a cluster says; `apply` tells the core of it."""
        self._shared_ranges.take(ranges)
        self._shared_clients.take(clients)
        self._shared_keys.take(keys)
        self._is_ban_new |= bool(ranges)
        self._is_client_new |= bool(clients)
        self._is_key_new |= bool(keys)

    def tell_own(self) -> None:
        """From now on `own_...` tell what own lists and rules say, at first all of it."""
        self.own_ranges.begin()
        self.own_ranges.note_all(_items(self._banned) | self._ruled_ranges)
        self.own_clients.begin()
        self.own_clients.note_all(_items(self._clients) | self._ruled_clients)
        self.own_keys.begin()
        self.own_keys.note_all(frozenset(map(terms_of, _items(self._keys))))

    def begin(self, core: Tracker, now: float) -> None:
        """Tell the core what is in the lists, before it serves.

        An empty list of those admitted, or of keys, lets nobody in, and not everybody.
        """
        self._changed = set(self._sources)
        self.apply(core, now)

    def _is_new(self, source: ListFile[Any] | None) -> bool:
        is_new = source is not None and source in self._changed
        if source is not None:
            self._changed.discard(source)
        return is_new

    def _put_keys(self, own: frozenset[Key]) -> None:
        by_terms = {terms_of(key): key for key in own}
        self.own_keys.note_all(frozenset(by_terms))
        joined = self._shared_keys.joined_to(frozenset(by_terms))
        self._in_force = frozenset(
            by_terms.get(terms) or Key(terms[0], expires_at=terms[1]) for terms in joined
        )
        self._by_digest = {}

    def _tell_keys(self, core: Tracker, keys: frozenset[Key], now: float) -> None:
        core.set_keys([key.secret for key in keys if key.is_active(now)])
        ends = [key.expires_at for key in keys if key.expires_at is not None and key.is_active(now)]
        self._due_s = min(ends, default=None)


def terms_of(key: Key) -> KeyTerms:
    """What other nodes have to know of a key."""
    return key.secret, key.expires_at


def digest_of(secret: str) -> bytes:
    """What a key is looked up by."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def _items(source: ListFile[T] | None) -> frozenset[T]:
    return frozenset() if source is None else source.items


def _followed(path: Path | None, parse: Parse[T]) -> ListFile[T] | None:
    return ListFile(path, parse) if path else None
