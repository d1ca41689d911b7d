"""Who is connected to the web side, so that no address can take it from the others."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Protocol

from outpour.web.forwarded import Network, address_of
from outpour.web.limits import (
    CONNECTIONS_MAX,
    CONNECTIONS_PER_ADDRESS_MAX,
    CONNECTIONS_SPARE_MAX,
)

SITE_BITS = 64
"""Of an IPv6 address: whoever has one has all that begin like it."""


class Connected(Protocol):
    """A connection in the table."""

    @property
    def is_idle(self) -> bool:
        """Whether no request of it is being answered."""

    @property
    def last_active_s(self) -> float:
        """When it last began or ended an answer, in monotonic seconds."""

    def evict(self) -> None:
        """Close it without a word."""


def site_of(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """What counts as one address: one of IPv4, and a /64 of IPv6."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, SITE_BITS), strict=False))


class ConnectionTable:
    """Connections by address.

    Who finds no place in it, even after the longest idle connection has made room, gets one of a
    few spare places: to be told so, and for `/healthz`, which is answered whatever others do.

    Args:
        trusted: Networks of proxies; these have as many connections as they have visitors.
    """

    def __init__(self, trusted: Sequence[str] = ()) -> None:
        self._trusted: tuple[Network, ...] = tuple(map(ipaddress.ip_network, trusted))
        self._sites: dict[Connected, str | None] = {}
        self._by_site: defaultdict[str | None, set[Connected]] = defaultdict(set)
        # In the order in which they came.
        self._spare: dict[Connected, None] = {}

    def __len__(self) -> int:
        return len(self._sites) + len(self._spare)

    def enter(self, connection: Connected, client: Sequence[object] | None) -> bool:
        """Take a connection in. False: it has a spare place only."""
        site = self._site(client)
        own = self._by_site.get(site, set())
        is_crowd = site is not None and len(own) >= CONNECTIONS_PER_ADDRESS_MAX
        is_full = len(self._sites) >= CONNECTIONS_MAX
        if (is_crowd and not self._make_room(own)) or (
            not is_crowd and is_full and not self._make_room(self._sites)
        ):
            self._take_spare(connection)
            return False
        self._sites[connection] = site
        self._by_site[site].add(connection)
        return True

    def leave(self, connection: Connected) -> None:
        """Forget a connection that has ended."""
        self._spare.pop(connection, None)
        if connection in self._sites:
            site = self._sites.pop(connection)
            self._by_site[site].discard(connection)
            if not self._by_site[site]:
                del self._by_site[site]

    def _site(self, client: Sequence[object] | None) -> str | None:
        address = address_of(client)
        if address is None or any(address in network for network in self._trusted):
            return None
        return site_of(address)

    def _make_room(self, among: Iterable[Connected]) -> bool:
        idle = [connection for connection in among if connection.is_idle]
        if not idle:
            return False
        longest = min(idle, key=lambda connection: connection.last_active_s)
        self.leave(longest)
        longest.evict()
        return True

    def _take_spare(self, connection: Connected) -> None:
        if len(self._spare) >= CONNECTIONS_SPARE_MAX:
            first = next(iter(self._spare))
            self.leave(first)
            first.evict()
        self._spare[connection] = None
