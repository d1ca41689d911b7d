"""Says why a torrent cannot be had: nobody to ask, or nobody who answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from outpour.base.errors import NetworkError
from outpour.base.units import format_duration
from outpour.engine import Status
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

TROUBLES_SHOWN_MAX = 3
DEAD_AFTER_S = 60.0
"""How long all that is known must have failed; a server that is started anew is back by then."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a download may ask besides the sources of its torrent.

    Attributes:
        trackers: More trackers.
        web_seeds: More web seeds.
        peers: (host, port) of more peers.
        discovers: Whether peers may be found without a tracker.
    """

    trackers: tuple[str, ...] = ()
    web_seeds: tuple[str, ...] = ()
    peers: tuple[tuple[str, int], ...] = ()
    discovers: bool = False


def refuse_lonely(source: Metainfo | Magnet, reach: Reach) -> None:
    """Refuse a torrent when there is nobody to ask for it.

    Raises:
        NetworkError: There is nobody, or only web seeds that cannot be used.
    """
    peers = (*reach.peers, *(source.peers if isinstance(source, Magnet) else ()))
    if source.tiers or reach.trackers or peers or reach.discovers:
        return
    name = source.info.name if isinstance(source, Metainfo) else source.name
    hint = "`--dht` asks the distributed hash table, `--tracker URL` a tracker"
    if not (source.web_seeds or reach.web_seeds):
        raise NetworkError(
            f"`{name or source}`: it names no tracker, web seed or peer to ask", hint=hint
        )


def is_dead(
    source: Metainfo | Magnet,
    reach: Reach,
    status: Status,
    troubles: Mapping[str, str],
    *,
    quiet_s: float,
) -> bool:
    """Tell whether all that can be asked has failed for so long that nothing will come.

    Args:
        source: The torrent.
        reach: Whom else to ask.
        status: How it is doing.
        troubles: By URL of a tracker or web seed, what it said last.
        quiet_s: Seconds since anything came.
    """
    if reach.discovers or status.peers or status.candidates or quiet_s < DEAD_AFTER_S:
        return False
    trackers = {url for tier in source.tiers for url in tier} | {*reach.trackers}
    return len(troubles) >= len(trackers | {*source.web_seeds, *reach.web_seeds})


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
    hint = "run it again to go on where it stopped; `--timeout 0` waits for ever"
    if not discovers:
        hint += ", `--dht` looks for peers without trackers"
    told = _told(troubles)
    detail = f": {told}" if told else ""
    return NetworkError(f"`{name}`: nothing came for {format_duration(stall_s)}{detail}", hint=hint)


def unheard(name: str, troubles: Mapping[str, str]) -> NetworkError:
    """Build the error of a torrent whose every source has failed."""
    return NetworkError(
        f"`{name}`: none of its sources answers: {_told(troubles) or 'no peer can be reached'}",
        hint="`--dht` looks for peers without trackers, `--timeout 0` waits for ever",
    )


def _told(troubles: Mapping[str, str]) -> str:
    return "; ".join(f"`{url}`: {why}" for url, why in [*troubles.items()][:TROUBLES_SHOWN_MAX])
