"""The publisher's own seeder: content it knows to be right, and leechers it hears of first.

The tracker under the same roof knows each new leecher at once, so the seeder connects to them
instead of waiting for its next announce. That shortens the start of every download, and it serves
a publisher whose peer port nobody can reach from outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from outpour.base.errors import OutpourError
from outpour.base.host_port import format_host_port
from outpour.engine import ContentFault, Engine, EngineEvent, EngineSettings, TrackerFailed
from outpour.publisher.publish_options import PublishOptions
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.figures import Peer

# Connecting costs a socket each; who is not reached in this turn is in the next.
LEECHERS_A_TURN_MAX = 50
# Leechers remembered a torrent, so that none is called twice in a row.
LEECHERS_KEPT_MAX = 10_000


class Seeder:
    """Seeds publications with the peer engine.

    Args:
        options: Port, rates and the opt-ins of the publication.
        hosts: IP addresses to listen on.

    Raises:
        NetworkError: The peer port is taken.
    """

    def __init__(self, options: PublishOptions, hosts: Iterable[str]) -> None:
        listen = tuple(format_host_port(host, options.peer_port) for host in hosts)
        self._engine = Engine(
            EngineSettings(
                listen=listen,
                profile="server",
                upload_rate=options.upload_rate,
                dht=options.dht,
                lsd=options.lsd,
                upnp=options.upnp,
            )
        )
        self._called: dict[bytes, set[Peer]] = {}

    @property
    def port(self) -> int:
        """The TCP port that peers connect to."""
        addresses = self._engine.addresses
        return addresses[0][1] if addresses else 0

    def add(self, metainfo: Metainfo, path: Path) -> None:
        """Seed content that is known to be what the torrent says, without checking it.

        Raises:
            OutpourError: The engine does not take the torrent.
        """
        infohash = self._engine.add(metainfo, path.parent, mode="seed", trust=True)
        self._called[infohash] = set()

    def remove(self, infohash: bytes) -> None:
        """Stop seeding a torrent."""
        if infohash in self._engine:
            self._engine.remove(infohash)
        self._called.pop(infohash, None)

    def call(self, infohash: bytes, peers: Iterable[Peer]) -> int:
        """Connect to leechers that were not called yet; returns how many were."""
        called = self._called.get(infohash)
        if called is None:
            return 0
        leechers = {peer for peer in peers if not peer.is_seeder}
        if len(called) > LEECHERS_KEPT_MAX:
            called.intersection_update(leechers)
        fresh = [*(leechers - called)][:LEECHERS_A_TURN_MAX]
        for peer in fresh:
            called.add(peer)
            self._engine.connect_peer(infohash, peer.host, peer.port)
        return len(fresh)

    def troubles(self) -> list[str]:
        """Say what went wrong since the last call, in sentences."""
        return [text for event in self._engine.events() if (text := self._trouble(event))]

    def _trouble(self, event: EngineEvent) -> str | None:
        if isinstance(event, ContentFault):
            return f"`{event.path}`: {event.message}; its torrent is not seeded"
        if isinstance(event, TrackerFailed) and event.attempts == 1:
            return f"`{event.url}`: {event.message}; trying again"
        return None

    def close(self) -> None:
        """Stop, within three seconds; a second time does nothing."""
        try:
            self._engine.close()
        except OutpourError:
            # A half-opened engine has nothing to say goodbye to.
            return
