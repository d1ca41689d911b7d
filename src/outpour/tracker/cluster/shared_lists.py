"""This node's lists and the shared map: own changes become statements, and all are in force."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from outpour.tracker.cluster.shared_map import Statement, is_there
from outpour.tracker.cluster.shared_names import SharedNames
from outpour.tracker.lists.address_ranges import AddressRange
from outpour.tracker.lists.admission import Admission, KeyTerms
from outpour.tracker.lists.allowed_set import AllowedChange, AllowedSet
from outpour.tracker.lists.passkey import TIME_MAX_S, is_secret

Origin = tuple[str, int]
LASTING = (b"o", b"n")
"""Kinds that a start does not remove: origins come later, and names stay."""


class SharedLists:
    """Between the lists of this node and the map of all.

    Args:
        allowed: The torrents.
        admission: Addresses, clients and keys.
        enforce: Has the core told of torrents that are allowed or no longer, and of the lists.
        lead: Has the core give these origins first.
        said: What own sources held when the cluster was last told.
        names: What torrents are called.
    """

    def __init__(
        self,
        allowed: AllowedSet,
        admission: Admission,
        enforce: Callable[[AllowedChange], None],
        lead: Callable[[Sequence[Origin]], None],
        said: Iterable[bytes],
        names: SharedNames,
    ) -> None:
        self._allowed = allowed
        self._admission = admission
        self._enforce = enforce
        self._lead = lead
        self._names = names
        self._origins: dict[Origin, bool] = {}
        self._said = set(said)
        # Torrents of the last run that nobody gave again yet.
        self._missing: set[bytes] = set()
        # Of the last run, until the seeder of this one says its own.
        own = (one[1:] for one in self._said if one[:1] == b"o")
        self._own_origins = frozenset(map(_origin, own))
        self.refused = 0

    def begin(self, *, is_given: bool) -> list[tuple[bytes, bool]]:
        """What own sources say otherwise than when another run last looked at them.

        Args:
            is_given: Torrents that are not there may be given yet; see `take_missing`.
        """
        self._allowed.tell_own()
        self._admission.tell_own()
        held = {member for member, is_in in self.take_own(sys.maxsize) if is_in}
        gone = [one for one in self._said - held if one[:1] not in LASTING]
        new = held - self._said
        self._said = set()
        if is_given:
            self._missing = {one for one in gone if one[:1] == b"a"}
            gone = [one for one in gone if one not in self._missing]
        return [*((one, True) for one in new), *((one, False) for one in gone)]

    def _take_torrents(self, limit: int) -> list[tuple[bytes, bool]]:
        while some := self._allowed.own.take(limit):
            found = [(b"a" + one, is_in) for one, is_in in some]
            # What is given again is no news: others may have removed it meanwhile.
            news = [(one, is_in) for one, is_in in found if not (is_in and one in self._missing)]
            self._missing.difference_update(one for one, _ in found)
            if news:
                return news
        return []

    def take_missing(self, limit: int) -> list[tuple[bytes, bool]]:
        """Up to `limit` torrents of the last run that nobody gave again, as removed."""
        some = [*islice(self._missing, limit)]
        self._missing.difference_update(some)
        return [(member, False) for member in some]

    def forget(self, infohashes: Iterable[bytes]) -> list[bytes]:
        """Say nothing of torrents that own sources allow no longer; returns their members."""
        members = [b"a" + one for one in infohashes if self._allowed.own.forget(one)]
        self._missing.difference_update(members)
        return members

    def take_own(self, limit: int) -> list[tuple[bytes, bool]]:
        """What own sources changed: member, and whether it is there; of each kind up to `limit`."""
        allowed, lists = self._allowed, self._admission
        found = self._take_torrents(limit)
        held = [member[1:] for member, is_in in found if is_in]
        found += [(b"n" + name, True) for name in self._names.members(held)]
        found += [(b"d" + one, is_in) for one, is_in in allowed.own_denied.take(limit)]
        found += [(_of_range(one), is_in) for one, is_in in lists.own_ranges.take(limit)]
        found += [(b"c" + one, is_in) for one, is_in in lists.own_clients.take(limit)]
        return [*found, *((_of_key(one), is_in) for one, is_in in lists.own_keys.take(limit))]

    def set_own_origins(self, origins: Iterable[Origin]) -> list[tuple[bytes, bool]]:
        """Give these first from now on; returns what there is to be said of it."""
        before, self._own_origins = self._own_origins, frozenset(origins)
        self._lead_all()
        gone, new = before - self._own_origins, self._own_origins - before
        return [
            *((_of_origin(one), True) for one in new),
            *((_of_origin(one), False) for one in gone),
        ]

    def enforce(self, statements: Iterable[Statement]) -> None:
        """Put statements in force."""
        allowed: list[tuple[bytes, bool]] = []
        denied: list[tuple[bytes, bool]] = []
        ranges: list[tuple[AddressRange, bool]] = []
        clients: list[tuple[bytes, bool]] = []
        keys: list[tuple[KeyTerms, bool]] = []
        names: list[bytes] = []
        has_origins = False
        for member, score in statements:
            kind, text, is_in = member[:1], member[1:], is_there(score)
            try:
                if kind == b"a":
                    allowed.append((text, is_in))
                elif kind == b"d":
                    denied.append((text, is_in))
                elif kind == b"n":
                    names.append(text)
                elif kind == b"c":
                    clients.append((text[:20], is_in))
                elif kind == b"b":
                    ranges.append((_range(text), is_in))
                elif kind == b"k":
                    keys.append((_key(text), is_in))
                elif kind == b"o":
                    self._origins[_origin(text)] = is_in
                    has_origins = True
            except ValueError:
                self.refused += 1
        self.refused += self._names.take(names)
        self._admission.share(ranges, clients, keys)
        if has_origins:
            self._lead_all()
        if allowed or denied or ranges or clients or keys:
            self._enforce(self._allowed.share(allowed, denied))

    def _lead_all(self) -> None:
        others = [one for one, is_in in self._origins.items() if is_in]
        self._lead([*self._own_origins, *(one for one in others if one not in self._own_origins)])


def _of_range(one: AddressRange) -> bytes:
    return b"b" + " ".join(one).encode()


def _of_key(one: KeyTerms) -> bytes:
    secret, expires_at = one
    return b"k" + (secret if expires_at is None else f"{secret} {expires_at}").encode()


def _of_origin(one: Origin) -> bytes:
    return b"o" + f"{one[0]} {one[1]}".encode()


def _range(text: bytes) -> AddressRange:
    first, last = (ipaddress.ip_address(word) for word in text.decode("ascii").split(" "))
    if first.version != last.version or int(first) > int(last):
        raise ValueError("not a range")
    return str(first), str(last)


def _key(text: bytes) -> KeyTerms:
    secret, blank, end = text.decode("ascii").partition(" ")
    if not is_secret(secret) or (blank and not end.isdigit()) or len(end) > 12:
        raise ValueError("not a key")
    expires_at = int(end) if blank else None
    if expires_at is not None and expires_at > TIME_MAX_S:
        raise ValueError("not a time")
    return secret, expires_at


def _origin(text: bytes) -> Origin:
    host, _, port = text.decode("ascii").partition(" ")
    if not port.isdigit() or not 0 < int(port[:6]) < 65_536:
        raise ValueError("not a port")
    return str(ipaddress.ip_address(host)), int(port)
