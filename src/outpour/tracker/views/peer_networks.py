"""Which networks the peers are in, counted in the largest swarms when somebody looks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest

from outpour.tracker.figures import Peer, TorrentRow

SWARMS_MAX = 50
PEERS_MAX = 2000
"""Of one swarm: a tenth of a second for all together, beside the event loop."""
NETWORKS_MAX = 15
KEPT_S = 60.0


class PeerNetworks:
    """Counts peers by network: the first two numbers of an IPv4 address, 32 bits of an IPv6 one.

    Args:
        rows: The torrents listed.
        peers: Up to so many peers of a torrent; from any thread.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        rows: Callable[[], Sequence[TorrentRow]],
        peers: Callable[[bytes, int], Iterable[Peer]],
        clock: Callable[[], float],
    ) -> None:
        self._rows = rows
        self._peers = peers
        self._clock = clock
        self._found: list[tuple[str, int]] = []
        self._due_s = float("-inf")
        self._counting: asyncio.Task[None] | None = None

    def latest(self) -> list[tuple[str, int]]:
        """Networks with their peers, the largest first, a minute old; empty the first time."""
        now = self._clock()
        if now >= self._due_s and (self._counting is None or self._counting.done()):
            self._due_s = now + KEPT_S
            self._counting = asyncio.get_running_loop().create_task(self._count())
        return self._found

    async def _count(self) -> None:
        largest = nlargest(SWARMS_MAX, self._rows(), key=lambda row: row.complete + row.downloading)
        infohashes = [row.infohash for row in largest if row.complete + row.downloading]
        self._found = await asyncio.to_thread(self._counted, infohashes)

    def _counted(self, infohashes: Iterable[bytes]) -> list[tuple[str, int]]:
        hosts = {peer.host for one in infohashes for peer in self._peers(one, PEERS_MAX)}
        return Counter(map(network_of, hosts)).most_common(NETWORKS_MAX)


def network_of(host: str) -> str:
    """The network of an address, as it is written down.

    Example:
        >>> network_of("192.0.2.7"), network_of("2001:db8::1")
        ('192.0.0.0/16', '2001:db8::/32')
    """
    if ":" not in host:
        first, second, *_ = host.split(".")
        return f"{first}.{second}.0.0/16"
    # The zeros that `::` leaves out begin within the first 32 bits only of what nobody has.
    first, second, *_ = host.split(":")
    return f"{first}:{second or '0'}::/32"
