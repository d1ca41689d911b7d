"""Speaks to any tracker over HTTP, HTTPS and UDP, with one call and one reply.

`values` is what is asked and answered; `http` and `udp` are the two wires.
"""

from __future__ import annotations

from collections.abc import Sequence

from outpour.announcer import http, udp
from outpour.announcer.values import (
    AnnounceReply,
    AnnounceRequest,
    Family,
    ScrapeReply,
    TrackerEvent,
)
from outpour.base.errors import UsageError

__all__ = [
    "AnnounceReply",
    "AnnounceRequest",
    "Family",
    "ScrapeReply",
    "TrackerEvent",
    "announce",
    "scrape",
]

TIMEOUT_S = 15.0


def announce(
    url: str, request: AnnounceRequest, *, timeout_s: float = TIMEOUT_S, family: Family = "any"
) -> AnnounceReply:
    """Announce to a tracker (BEP 3, 7, 15, 23, 24, 41).

    Args:
        url: The announce URL, `http:`, `https:` or `udp:`.
        request: What to say.
        timeout_s: For the whole exchange.
        family: Which addresses of the tracker to use; UDP only.

    Raises:
        UsageError: The URL is of another kind.
        TrackerRefused: The tracker answered with a failure reason.
        NetworkError: The tracker is not reached, or its answer is malformed.
    """
    match _scheme(url):
        case "udp":
            return udp.announce(url, request, timeout_s=timeout_s, family=family)
        case _:
            return http.announce(url, request, timeout_s=timeout_s)


def scrape(
    url: str, infohashes: Sequence[bytes], *, timeout_s: float = TIMEOUT_S, family: Family = "any"
) -> dict[bytes, ScrapeReply]:
    """Ask a tracker how many peers torrents have (BEP 15, 48).

    Args:
        url: The announce URL.
        infohashes: 20 bytes each, up to 70.
        timeout_s: For the whole exchange.
        family: Which addresses of the tracker to use; UDP only.

    Returns:
        By infohash; torrents that the tracker does not know are missing over HTTP, and have
        zeros over UDP.

    Raises:
        UsageError: The URL is of another kind, or there are too many infohashes.
        TrackerRefused: The tracker answered with a failure reason.
        NetworkError: The tracker is not reached, its answer is malformed, or it cannot scrape.
    """
    match _scheme(url):
        case "udp":
            return udp.scrape(url, infohashes, timeout_s=timeout_s, family=family)
        case _:
            return http.scrape(url, infohashes, timeout_s=timeout_s)


def _scheme(url: str) -> str:
    scheme = url.partition(":")[0].lower()
    if scheme not in ("http", "https", "udp"):
        raise UsageError(
            f"`{url}`: not the URL of a tracker", hint="it begins with `http`, `https` or `udp`"
        )
    return scheme
