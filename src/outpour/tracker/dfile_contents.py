"""What a classic state file holds of a tracker: counters and peers, given and taken over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from outpour._core import Ledger, Tracker
from outpour.tracker.figures import Peer
from outpour.tracker.state.dfile import Dfile
from outpour.tracker.views.census import PAGE_ROWS

PEERS_MAX = 1_000_000


class DfileContents:
    """Reads and writes what classic trackers remember.

    Args:
        core: Has the swarms.
        ledger: Has the counters; they belong to the thread of the event loop.
        is_tracked: Whether a torrent may have peers.
        on_adopted: Called once something was taken over.
    """

    def __init__(
        self,
        core: Tracker,
        ledger: Ledger,
        is_tracked: Callable[[bytes], bool],
        on_adopted: Callable[[], None],
    ) -> None:
        self._core = core
        self._ledger = ledger
        self._is_tracked = is_tracked
        self._on_adopted = on_adopted

    def completed(self) -> Mapping[bytes, int]:
        """Completed downloads by announced infohash, gone torrents included."""
        counts: dict[bytes, int] = {}
        at: int | None = 0
        while at is not None:
            page, at = self._ledger.page(at, PAGE_ROWS)
            counts.update(page)
        return counts

    def swarms(self) -> Sequence[bytes]:
        """Infohashes of the swarms that have peers; from any thread."""
        return [torrent[0] for torrent in self._core.torrents() if torrent[1] or torrent[2]]

    def peers(self, infohash: bytes) -> tuple[Peer, ...]:
        """Peers of one swarm; from any thread."""
        return tuple(Peer(*peer) for peer in self._core.peers(infohash, PEERS_MAX))

    def adopt(self, found: Dfile) -> None:
        """Take over counters and peers of a classic tracker; no counter goes down."""
        more = ((key, count - self._ledger.get(key)) for key, count in found.completed.items())
        self._ledger.add([(key, count) for key, count in more if count > 0])
        self._ledger.tell(self._core)
        for infohash, peers in found.peers.items():
            if self._is_tracked(infohash):
                self._core.insert(
                    infohash, [(peer.host, peer.port, peer.is_seeder) for peer in peers]
                )
        self._on_adopted()
