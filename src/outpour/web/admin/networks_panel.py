"""The table of the networks that peers are in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from outpour.tracker.figures import Peer, TorrentRow
from outpour.tracker.views.peer_networks import PEERS_MAX, SWARMS_MAX, PeerNetworks
from outpour.web.admin.panel import Panel, PanelSource
from outpour.web.text_format import count


def networks_panel(
    rows: Callable[[], Sequence[TorrentRow]], peers: Callable[[bytes, int], Iterable[Peer]]
) -> PanelSource:
    """What fills it.

    Args:
        rows: The torrents listed.
        peers: Up to so many peers of a torrent; from any thread.
    """
    networks = PeerNetworks(rows, peers, time.monotonic)

    def look() -> Panel | None:
        found = networks.latest()
        if not found:
            return None
        about = f"addresses in up to {SWARMS_MAX} swarms, {count(PEERS_MAX)} peers of each"
        lines = [(network, count(number)) for network, number in found]
        return Panel("Networks", about, ("network", "addresses"), lines)

    return look
