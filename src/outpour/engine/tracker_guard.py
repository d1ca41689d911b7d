"""Which trackers of a torrent are asked: none that reaches where it should not.

An announce is a GET, and one that aims at loopback reaches services that trust whoever is there.
libtorrent lets such announces through only to paths that begin with `/announce`, which shuts out
the `/KEY/announce` of private trackers; here the last part of the path decides.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from urllib.parse import urlsplit

from outpour.engine.engine_settings import EngineSettings
from outpour.engine.order import Order

UNPROXIED = "cannot be asked through an HTTP proxy"
STRANGE = "aims at this machine, and is no announce URL"


def aims_at_loopback(url: str) -> bool:
    """Whether a URL names this machine; a name of the DNS may still lead there."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def is_announce(url: str) -> bool:
    """Whether a URL is that of a tracker by its looks: its path ends in `announce`."""
    return urlsplit(url).path.rpartition("/")[2].startswith("announce")


def guard(order: Order, settings: EngineSettings) -> tuple[Order, dict[str, str], bool]:
    """Take away the trackers that must not be asked.

    Returns:
        The order; of each URL that was taken away, why; and whether libtorrent would refuse one of
        those that are left.
    """
    tiers = order.trackers if order.trackers is not None else order.source.tiers
    urls = [url for tier in tiers for url in tier]
    refused: dict[str, str] = {}
    needs_leave = False
    for url in urls:
        if settings.proxy and settings.proxy.scheme == "http" and _is_udp(url):
            refused[url] = UNPROXIED
        elif not settings.own_content and aims_at_loopback(url) and not _is_udp(url):
            if not is_announce(url):
                refused[url] = STRANGE
            needs_leave |= is_announce(url) and not urlsplit(url).path.startswith("/announce")
    if refused:
        kept = [[url for url in tier if url not in refused] for tier in tiers]
        order = replace(order, trackers=kept)
    return order, refused, needs_leave


def _is_udp(url: str) -> bool:
    return url[:4].lower() == "udp:"
