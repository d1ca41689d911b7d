"""What is held as it lies on the disk: each call blocks."""

from __future__ import annotations

from collections.abc import Iterable

from outpour.mirror.held_torrents import HeldTorrents
from outpour.mirror.holdings import Held, Holdings
from outpour.mirror.placement import Placed, Placement
from outpour.torrent.metainfo import Metainfo

Look = tuple[Held, Metainfo, Placed | None]
"""What is held, its .torrent as its publisher gave it, and its content where that is in place."""


def look(holdings: Holdings, placement: Placement, rows: Iterable[Held]) -> list[Look]:
    """Look at what is held; what has lost its .torrent is left out."""
    found: list[Look] = []
    for held in rows:
        metainfo = holdings.original(held.infohash)
        if metainfo is None:
            continue
        placed = None
        if held.fingerprint is not None:
            placed = placement.look(held, metainfo.info)
            if placed is not None and placed.fingerprint != held.fingerprint:
                placed = None
        found.append((held, metainfo, placed))
    return found


def mend(holdings: Holdings, placement: Placement, held: HeldTorrents) -> None:
    """Finish what the last run was about when it ended."""
    for infohash in placement.unfinished():
        one = held.get(infohash)
        original = holdings.original(infohash) if one is not None else None
        if one is not None and original is not None:
            placement.bring_back(one, original.info)
        else:
            placement.clear_aside(infohash)
    for infohash in placement.half_there():
        if infohash not in held:
            placement.clear_incoming(infohash)
