"""The publisher's seeder in its own tracker: listed directly, where its announces may not arrive.

An announce to the own public address may come back with an address that nobody else reaches, or
not at all: behind NAT, or where the own name means loopback. The tracker is under the same roof, so
the seeder is put into each swarm, and kept there as an announcing peer would be.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from outpour.base.errors import UsageError
from outpour.base.host_port import split_host_port
from outpour.publisher.own_addresses import is_local, reachable_hosts
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication
from outpour.publisher.seeder import Seeder
from outpour.tracker.service import TrackerService

# Torrents listed again in one turn; a hundred thousand are through in a few minutes.
AGAIN_A_TURN_MAX = 500
# Parts of the time after which a silent peer is dropped.
AGAIN_PARTS = 3

PeerAddress = tuple[str, int]


def peer_addresses(
    options: PublishOptions, urls: PublicUrls, listening: Sequence[str], port: int
) -> tuple[PeerAddress, ...]:
    """Tell where peers reach the seeder, IPv4 first; looks up names, so it takes a while.

    What was given counts, else the host of a public URL that leads here without a proxy, else the
    addresses of this machine.

    Raises:
        UsageError: A given address is none, or means nothing.
    """
    if options.peer_addresses:
        given = [_given(text, port) for text in options.peer_addresses]
        return _in_order(pair for pairs in given for pair in pairs)
    public: list[PeerAddress] = []
    if options.url is not None and urls.udp is not None:
        hosts = _resolved(urlsplit(options.url).hostname or "")
        public = [(host, port) for host in hosts if not is_local(host)]
    return _in_order(public or [(host, port) for host in reachable_hosts(listening)])


async def self_listing(
    options: PublishOptions, tracker: TrackerService, urls: PublicUrls, seeder: Seeder
) -> SelfListing:
    """List a seeder in a started tracker."""
    # Names are looked up, which may take long.
    addresses = await asyncio.to_thread(peer_addresses, options, urls, seeder.hosts, seeder.port)
    settings = tracker.settings
    is_everywhere = not (settings.open or settings.allowed_dir or settings.allow_list)
    return SelfListing(tracker, addresses, is_everywhere=is_everywhere)


class SelfListing:
    """Keeps the seeder in the swarms of what is published.

    Args:
        tracker: Whose swarms.
        addresses: Where peers reach the seeder. The first counts as a peer; the others are told
            beside, so that one seeder is not counted twice.
        is_everywhere: All that is tracked is published: the seeder may lead every answer.

    Attributes:
        addresses: Where peers reach the seeder.
    """

    def __init__(
        self, tracker: TrackerService, addresses: Sequence[PeerAddress], *, is_everywhere: bool
    ) -> None:
        self._seeder = tracker.own_seeder()
        self.addresses = addresses
        self._again_s = tracker.settings.peer_timeout_in_effect_s / AGAIN_PARTS
        self._due: OrderedDict[bytes, float] = OrderedDict()
        self._is_everywhere = is_everywhere
        self._pinned: Sequence[PeerAddress] = ()
        if is_everywhere:
            self._seeder.lead(addresses)

    def pin(self, others: Sequence[PeerAddress]) -> None:
        """Have the seeder and others that have everything lead every answer, if it may."""
        if self._is_everywhere and others != self._pinned:
            self._pinned = others
            self._seeder.lead((*self.addresses, *others))

    def add(self, publication: Publication) -> None:
        """List the seeder in the swarms of this."""
        for infohash in publication.aliases:
            self._list(infohash)

    def remove(self, publication: Publication) -> None:
        """Take the seeder out of the swarms of this."""
        for infohash in publication.aliases:
            if self._due.pop(infohash, None) is not None:
                self._seeder.unlist(infohash, *self.addresses[0])

    def turn(self) -> None:
        """List again where it is due; called each second."""
        now = time.monotonic()
        for _ in range(min(AGAIN_A_TURN_MAX, len(self._due))):
            infohash, due = next(iter(self._due.items()))
            if due > now:
                return
            self._list(infohash)

    def close(self) -> None:
        """Leave all swarms."""
        self._seeder.lead(())
        for infohash in self._due:
            self._seeder.unlist(infohash, *self.addresses[0])
        self._due.clear()

    def _list(self, infohash: bytes) -> None:
        self._seeder.list(infohash, *self.addresses[0])
        self._due[infohash] = time.monotonic() + self._again_s
        self._due.move_to_end(infohash)


def _given(text: str, port: int) -> list[PeerAddress]:
    try:
        hosts, own_port = [str(ipaddress.ip_address(text.strip("[]")))], port
    except ValueError:
        host, given_port = split_host_port(text)
        if given_port is None:
            host, given_port = text, port
        hosts, own_port = _resolved(host or ""), given_port
    if not hosts or not 0 < own_port <= 0xFFFF:
        raise UsageError(
            f"`{text}`: not an address of a peer",
            hint="write the public one, such as `203.0.113.7` or `203.0.113.7:6881`",
        )
    return [(host, own_port) for host in hosts]


def _resolved(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [*dict.fromkeys(str(address[0]).partition("%")[0] for *_, address in found)]


def _in_order(addresses: Iterable[PeerAddress]) -> tuple[PeerAddress, ...]:
    return tuple(sorted(dict.fromkeys(addresses), key=lambda pair: ":" in pair[0]))
