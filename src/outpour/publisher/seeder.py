"""The publisher's own seeder: content it knows to be right, and leechers it hears of first.

The tracker under the same roof knows each new leecher at once, so the seeder connects to them
instead of waiting for its next announce. That shortens the start of every download, and it serves
a publisher whose peer port nobody can reach from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from outpour.base.errors import OutpourError
from outpour.base.host_port import format_host_port
from outpour.engine import (
    ContentFault,
    Engine,
    EngineEvent,
    EngineSettings,
    TrackerAnswered,
    TrackerFailed,
    TrafficCounted,
    connecting_hosts,
)
from outpour.publisher.publish_options import PublishOptions
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.figures import Peer


class Seeder:
    """Seeds publications with the peer engine.

    Args:
        options: Port, rates and the opt-ins of the publication.
        hosts: IP addresses to listen on, unless `options` names others.
        own_content: The torrents are one's own; else they come from others.

    Raises:
        NetworkError: The peer port is taken.

    Attributes:
        engine: Moves the pieces.
        hosts: IP addresses that peers connect to.
    """

    def __init__(
        self, options: PublishOptions, hosts: Iterable[str], *, own_content: bool = True
    ) -> None:
        self.hosts = options.bind or tuple(hosts)
        listen = tuple(format_host_port(host, options.peer_port) for host in self.hosts)
        # Our own tracker knows of us without being told.
        self._trackers = [(url,) for url in options.extra_trackers]
        self.engine = Engine(
            EngineSettings(
                listen=listen,
                connect_from=connecting_hosts(options.bind),
                profile="server",
                own_content=own_content,
                upload_rate=options.upload_rate,
                torrent_upload_rate=options.torrent_upload_rate,
                connections=options.connections,
                dht=options.dht,
                lsd=options.lsd,
                upnp=options.upnp,
            )
        )
        self.rates = options.upload_rate, 0
        self._seeding: set[bytes] = set()
        self._failing: set[str] = set()
        self._traffic = TrafficCounted(None, 0, 0, 0)

    @property
    def port(self) -> int:
        """The TCP port that peers connect to."""
        addresses = self.engine.addresses
        return addresses[0][1] if addresses else 0

    def add_all(self, torrents: Iterable[tuple[Metainfo, Path]]) -> list[str]:
        """Seed content that is known to be what the torrents say, without checking it.

        Args:
            torrents: Each with where its content lies.

        Returns:
            What the engine did not take, in sentences.
        """
        troubles = []
        for metainfo, path in torrents:
            try:
                infohash = self.engine.add(
                    metainfo, path.parent, mode="seed", trust=True,
                    trackers=self.trackers_of(metainfo),
                )  # fmt: skip
            except OutpourError as error:
                troubles.append(f"{error.message}; it is served by web seed only")
            else:
                self._seeding.add(infohash)
        return troubles

    def trackers_of(self, metainfo: Metainfo) -> Sequence[Sequence[str]]:
        """The tiers of announce URLs at which a torrent is announced."""
        del metainfo
        return self._trackers

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self._seeding

    def remove(self, infohash: bytes) -> None:
        """Stop seeding a torrent."""
        if infohash in self.engine:
            self.engine.remove(infohash)
        self._seeding.discard(infohash)

    def rest(self, infohash: bytes) -> None:
        """Send nothing of a torrent for a while."""
        if infohash in self.engine:
            self.engine.pause(infohash)

    def go_on(self, infohash: bytes) -> None:
        """Seed a torrent again that rested."""
        if infohash in self.engine:
            self.engine.unpause(infohash)

    def reannounce(self, infohash: bytes) -> bool:
        """Announce a torrent to its trackers now; says whether it has any."""
        if infohash not in self.engine or not self._trackers:
            return False
        self.engine.reannounce(infohash)
        return True

    def limit(self, upload_rate: int, download_rate: int) -> None:
        """Change the limits of what is sent and of what is taken."""
        self.engine.limit(download_rate=download_rate, upload_rate=upload_rate)

    def numbers(self) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """What was moved since the start, and what there is now, for operators; a second old."""
        traffic = self._traffic
        counts = {"seeder_sent": traffic.sent, "seeder_received": traffic.received}
        return counts, {"seeder_peers": traffic.peers, "seeder_torrents": len(self._seeding)}

    def call(self, infohash: bytes, peers: Iterable[Peer]) -> None:
        """Connect to those that leech; the engine does so as fast as it may."""
        if infohash in self._seeding:
            for peer in peers:
                if not peer.is_seeder:
                    self.engine.connect_peer(infohash, peer.host, peer.port)

    def news(self) -> tuple[list[str], dict[bytes, str]]:
        """Say what went wrong since the last call.

        Returns:
            Notes in sentences, and for each torrent whose content cannot be read the reason.
        """
        self.engine.count_traffic()
        return self.hear(self.engine.events())

    def hear(self, events: Iterable[EngineEvent]) -> tuple[list[str], dict[bytes, str]]:
        """Say what of this went wrong; as `news`, where another asks the engine."""
        notes: list[str] = []
        faults: dict[bytes, str] = {}
        for event in events:
            match event:
                case TrafficCounted():
                    self._traffic = event
                case ContentFault() if event.infohash is not None:
                    faults.setdefault(event.infohash, event.sentence)
                case TrackerFailed() if event.url not in self._failing:
                    # Every torrent names the same trackers: one sentence for each is enough.
                    self._failing.add(event.url)
                    notes.append(f"`{event.url}`: {event.message}; trying again")
                case TrackerAnswered() if event.url in self._failing:
                    self._failing.discard(event.url)
                    notes.append(f"`{event.url}`: answers again")
                case _:
                    pass
        return notes, faults

    def close(self) -> None:
        """Stop, within three seconds; a second time does nothing."""
        try:
            self.engine.close()
        except OutpourError:
            # A half-opened engine has nothing to say goodbye to.
            return
