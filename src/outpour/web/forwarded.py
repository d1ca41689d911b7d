"""Whose request a proxy passes on, and over what: believed only of proxies that are trusted."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SCHEMES = ("http", "https")


class Forwarded:
    """Puts the visitor's address and scheme in the place of a trusted proxy's.

    As the tracker does for announces, it walks `X-Forwarded-For` from its end while the hop that
    speaks is trusted: only the last entries were written by proxies, what lies before them the
    visitor made up.

    Args:
        app: Answers.
        trusted: Networks of the proxies, such as `127.0.0.1/32`.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = app
        self._trusted: tuple[Network, ...] = tuple(map(ipaddress.ip_network, trusted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as if it had come without a proxy."""
        if self._trusted and scope["type"] == "http":
            client = address_of(scope.get("client"))
            if client is not None and self._trusts(client):
                scope = self._direct(scope, client)
        await self._app(scope, receive, send)

    def _direct(self, scope: Scope, client: Address) -> Scope:
        headers = Headers(scope=scope)
        hops = ",".join(headers.getlist("x-forwarded-for")).split(",")
        address = client
        for hop in reversed([hop.strip() for hop in hops if hop.strip()]):
            found = _read(hop)
            if found is None or not self._trusts(address):
                break
            address = found
        scheme = ",".join(headers.getlist("x-forwarded-proto")).rpartition(",")[2].strip().lower()
        return {
            **scope,
            "client": (str(address), 0),
            "scheme": scheme if scheme in SCHEMES else scope.get("scheme", "http"),
        }

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)


def address_of(client: Sequence[object] | None) -> Address | None:
    """The address in the client of a scope, None if there is none."""
    return _read(str(client[0])) if client else None


def _read(text: str) -> Address | None:
    text = text.strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
