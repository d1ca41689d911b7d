"""How a place on a server is asked for, over a connection that its caller keeps."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from outpour.base.deadline import TimeLimit
from outpour.base.http_connection import SecureConnection, TimedConnection
from outpour.base.http_route import Proxy, Route


def connection_to(place: str, route: Route, limit: TimeLimit) -> TimedConnection:
    """Make a connection to the server of a place; it connects with what it is asked first.

    Args:
        place: An absolute URL.
        route: By which way.
        limit: For all that is done on it.
    """
    parts = urlsplit(place)
    proxy = _http_proxy(route, parts)
    kind = SecureConnection if parts.scheme == "https" else TimedConnection
    how: dict[str, Any] = {"route": route, "deadline": limit}
    assert parts.hostname is not None
    if proxy is None:
        return kind(parts.hostname, port=parts.port, **how)
    connection = kind(proxy.host, port=proxy.port, **how)
    if parts.scheme == "https":
        port = parts.port or http.client.HTTPS_PORT
        connection.set_tunnel(parts.hostname, port, _login(proxy))
    return connection


def ask_for(
    place: str, connection: TimedConnection, route: Route, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    """Send a request, and return the answer once its head has come.

    Raises:
        OSError, http.client.HTTPException: The connection broke, or what came is no answer.
    """
    parts = urlsplit(place)
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    proxy = _http_proxy(route, parts)
    if proxy is not None and parts.scheme == "http":
        target = place
        headers = {**headers, **_login(proxy)}
    connection.request("GET", target, headers=dict(headers))
    return connection.getresponse()


def _login(proxy: Proxy) -> dict[str, str]:
    return {} if proxy.login is None else {"Proxy-Authorization": proxy.login}


def _http_proxy(route: Route, parts: SplitResult) -> Proxy | None:
    if route.proxy is not None:
        return route.proxy if route.proxy.scheme == "http" else None
    if route.may_reach is not None:
        return None
    named = urllib.request.getproxies().get(parts.scheme)
    if not named or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return Proxy.parse(named)
