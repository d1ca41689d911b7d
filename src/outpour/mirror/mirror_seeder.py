"""The mirror's seeder: like a publisher's, for torrents of which another tracker is the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.seeder import Seeder
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.figures import Peer


class MirrorSeeder(Seeder):
    """Seeds what is mirrored, and lends its engine to what is still fetched.

    Args:
        options: Port, rates and the opt-ins.
        hosts: IP addresses to listen on, unless `options` names others.
        own: Announce URLs of the mirror itself, whose tracker knows of us without being told.

    Raises:
        NetworkError: The peer port is taken.
    """

    def __init__(self, options: PublishOptions, hosts: Iterable[str], own: Iterable[str]) -> None:
        super().__init__(options, hosts, own_content=False)
        self._own = frozenset(own)

    def trackers_of(self, metainfo: Metainfo) -> Sequence[Sequence[str]]:
        """The torrent's own tiers, and those of the options."""
        own = [[url for url in tier if url not in self._own] for tier in metainfo.tiers]
        return [*filter(None, own), *self._trackers]

    def name_sources(self, metainfo: Metainfo) -> None:
        """Announce a torrent from now on to the trackers that it names now."""
        trackers = self.trackers_of(metainfo)
        self.engine.name_sources(metainfo.info.infohash, metainfo, trackers)

    def adopt(self, infohash: bytes) -> None:
        """Take a torrent for seeded that the engine has, whole and in its place."""
        self._seeding.add(infohash)

    def call(self, infohash: bytes, peers: Iterable[Peer]) -> None:
        """Connect to those that leech, and to all while the torrent itself is still fetched."""
        is_whole = infohash in self._seeding
        if infohash in self.engine:
            for peer in peers:
                if not (peer.is_seeder and is_whole):
                    self.engine.connect_peer(infohash, peer.host, peer.port)
