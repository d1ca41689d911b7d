"""Says why a torrent cannot be had: nobody to ask, or nobody who answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from outpour.base.errors import NetworkError
from outpour.base.units import format_duration
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

TROUBLES_SHOWN_MAX = 3


def refuse_lonely(
    source: Metainfo | Magnet,
    *,
    trackers: Sequence[str],
    web_seeds: Sequence[str],
    peers: Sequence[tuple[str, int]],
    discovers: bool,
) -> None:
    """Refuse a torrent when there is nobody to ask for it.

    Args:
        source: Whose own trackers, web seeds and peers count.
        trackers: Trackers besides.
        web_seeds: Web seeds besides.
        peers: Peers besides.
        discovers: Whether peers may be found without a tracker.

    Raises:
        NetworkError: There is nobody.
    """
    seeds = (*source.web_seeds, *web_seeds)
    known = (*peers, *(source.peers if isinstance(source, Magnet) else ()))
    if source.tiers or trackers or seeds or known or discovers:
        return
    name = source.info.name if isinstance(source, Metainfo) else source.name
    raise NetworkError(
        f"`{name or source}`: it names no tracker, web seed or peer to ask",
        hint="`--dht` asks the distributed hash table, `--tracker URL` a tracker",
    )


def stalled(
    name: str, stall_s: float, troubles: Mapping[str, str], *, discovers: bool
) -> NetworkError:
    """Build the error of a torrent of which nothing came.

    Args:
        name: Of the torrent.
        stall_s: For how long.
        troubles: By URL of a tracker or web seed, what it said last.
        discovers: Whether peers may be found without a tracker.
    """
    told = "; ".join(f"`{url}`: {why}" for url, why in [*troubles.items()][:TROUBLES_SHOWN_MAX])
    hint = "run it again to go on where it stopped; `--timeout 0` waits for ever"
    if not discovers:
        hint += ", `--dht` looks for peers without trackers"
    detail = f": {told}" if told else ""
    return NetworkError(f"`{name}`: nothing came for {format_duration(stall_s)}{detail}", hint=hint)
