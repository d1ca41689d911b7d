"""Tells the connection to a web seed from that to a peer."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from outpour.engine.binding import lt

_PORTS = {"http": 80, "https": 443}


def web_seed_at(
    alert: lt.peer_disconnected_alert | lt.peer_error_alert, urls: Iterable[str]
) -> str | None:
    """Return the web seed that a connection led to, None for that of a peer."""
    host, port = alert.endpoint
    for url in urls:
        try:
            parts = urlsplit(url)
            is_port = (parts.port or _PORTS.get(parts.scheme)) == port
        except ValueError:
            continue
        # A name may stand for any address; only addresses tell two seeds of one port apart.
        if is_port and (parts.hostname == host or not _is_address(parts.hostname or "")):
            return url
    return None


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
