"""What torrents of strangers may ask of the machine that downloads them.

An announce is a GET, and one that aims at loopback reaches services that trust whoever is there.
libtorrent lets such announces through only to paths that begin with `/announce`, which shuts out
the `/KEY/announce` of private trackers; here the last part of the path decides.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from urllib.parse import urlsplit

from outpour.engine.order import Order

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
    scheme, path = urlsplit(url).scheme.lower(), urlsplit(url).path
    # UDP is no GET, and whoever does not speak the tracker protocol drops it.
    return scheme == "udp" or path.rpartition("/")[2].startswith("announce")


def guard_loopback(order: Order) -> tuple[Order, set[str], bool]:
    """Take away the trackers that ask something of this machine that is no announce.

    Returns:
        The order; the URLs that were taken away; and whether libtorrent would refuse one of those
        that are left.
    """
    tiers = order.trackers if order.trackers is not None else order.source.tiers
    urls = [url for tier in tiers for url in tier if aims_at_loopback(url)]
    strange = {url for url in urls if not is_announce(url)}
    needs_leave = any(
        url not in strange and not urlsplit(url).path.startswith("/announce") for url in urls
    )
    if strange:
        kept = [[url for url in tier if url not in strange] for tier in tiers]
        order = replace(order, trackers=kept)
    return order, strange, needs_leave
