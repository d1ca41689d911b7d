"""Connections of `http.client` on which everything together is bound by one deadline.

A timeout of a socket starts anew with every packet, so that a server which sends a byte a second
is never too slow for it, neither in its headers nor in its body.
"""

from __future__ import annotations

import errno
import http.client
import io
import os
import socket
import ssl
import time
import urllib.request
from functools import lru_cache
from pathlib import Path
from typing import Any

from outpour.base.deadline import TimeLimit, look_up
from outpour.base.errors import ReadError, reason
from outpour.base.http_answer import Answer
from outpour.base.http_route import Proxy, Route
from outpour.base.socks import ask_for
from outpour.base.tls_socket import TlsSocket

CONTEXT_KEPT_S = 60
"""How long certificates to trust are kept once they were read: it takes 20 ms, the time of many
requests, and who runs for months is to learn of new ones."""


class _Stream(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: TimeLimit) -> None:
        self._connection = connection
        self._deadline = deadline
        # Keeps the socket open when urllib closes the connection that the answer comes on.
        self._raw = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any writable buffer
        self._connection.settimeout(self._deadline.rest())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Timed:
    """Stands for a socket where an answer is read from it."""

    def __init__(self, connection: socket.socket, deadline: TimeLimit) -> None:
        self._connection = connection
        self._deadline = deadline

    def makefile(self, mode: str) -> io.BufferedReader:
        del mode
        return io.BufferedReader(_Stream(self._connection, self._deadline))


class TimedConnection(http.client.HTTPConnection):
    """A plain connection by a route, with a limit for all that is done on it."""

    def __init__(self, host: str, *, route: Route, deadline: TimeLimit, **rest: Any) -> None:  # noqa: ANN401
        super().__init__(host, **rest)
        self._route = route
        self._deadline = deadline

    def response_class(self, sock: Any, *args: Any, **kwargs: Any) -> http.client.HTTPResponse:  # type: ignore[override] # noqa: ANN401
        """Read an answer within the limit."""
        return Answer(_Timed(sock, self._deadline), *args, **kwargs)  # type: ignore[arg-type]

    def connect(self) -> None:
        """Connect by the route."""
        self.sock = _open(self.host, self.port, self._route, self._deadline)
        if self._tunnel_host:  # type: ignore[attr-defined]
            self._tunnel()  # type: ignore[attr-defined]
        self.sock.settimeout(self._deadline.rest())


class SecureConnection(TimedConnection):
    """The same over TLS."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        """Connect, and look at the certificate."""
        context = _trust(self._route.ca_file)
        super().connect()
        name = self._tunnel_host or self.host  # type: ignore[attr-defined]
        self.sock = TlsSocket(self.sock, context, name)
        self.sock.settimeout(self._deadline.rest())


class TimedHandler(urllib.request.AbstractHTTPHandler):
    """Opens `http:` and `https:` for an opener of `urllib`.

    Args:
        route: By which way.
        deadline: For all that this handler opens, redirects included.
    """

    def __init__(self, route: Route, deadline: TimeLimit) -> None:
        super().__init__()
        self._how: dict[str, Any] = {"route": route, "deadline": deadline}

    http_request = urllib.request.AbstractHTTPHandler.do_request_
    https_request = urllib.request.AbstractHTTPHandler.do_request_

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a plain connection."""
        return self.do_open(TimedConnection, request, **self._how)  # type: ignore[arg-type]

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a connection over TLS."""
        return self.do_open(SecureConnection, request, **self._how)  # type: ignore[arg-type]


class HttpProxyHandler(urllib.request.BaseHandler):
    """Sends every request through a proxy, whatever the environment says of exceptions."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Name the proxy in a request."""
        proxy = self._proxy
        host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
        if proxy.login is not None:
            request.add_unredirected_header("Proxy-authorization", proxy.login)
        request.set_proxy(f"{host}:{proxy.port}", request.type)
        return request

    https_request = http_request


def _open(host: str, port: int, route: Route, deadline: TimeLimit) -> socket.socket:
    proxy = route.proxy
    if proxy is None or proxy.scheme != "socks5":
        return _connect(host, port, route, deadline)
    connection = _connect(proxy.host, proxy.port, route, deadline)
    try:
        ask_for(connection, proxy, host, port, deadline)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(host: str, port: int, route: Route, deadline: TimeLimit) -> socket.socket:
    if not 0 < port < 65_536:
        # The system would take what is left of it after division.
        raise OSError(errno.EINVAL, f"no port has the number {port}")
    addresses = look_up(host, port, deadline)
    failure: OSError = OSError("no address")
    may_reach = route.may_reach
    if may_reach is not None and route.proxy is None:
        # What is connected to is what was looked at: a name may lead elsewhere the next time.
        addresses = [one for one in addresses if may_reach(str(one[1][0]))]
        failure = OSError("its address is not one to be asked")
    if route.sources:
        fitting = [one for one in addresses if _source(route, one[0]) is not None]
        if addresses and not fitting:
            version = "IPv6" if addresses[0][0] == socket.AF_INET6 else "IPv4"
            failure = OSError(f"reached over {version} only, and not from {route.sources[0]}")
        addresses = fitting
    for number, (family, address) in enumerate(addresses):
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            _begin_at(connection, route)
            # Later addresses get their share of the time, should the first be silent.
            connection.settimeout(deadline.rest() / (len(addresses) - number))
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _trust(ca_file: Path | None) -> ssl.SSLContext:
    which = ca_file or os.environ.get("SSL_CERT_FILE")
    try:
        written = ca_file.stat().st_mtime_ns if ca_file is not None else 0
        return _context(ca_file, (which, written, int(time.monotonic() // CONTEXT_KEPT_S)))
    except OSError as error:
        if ca_file is None:
            raise
        is_none = isinstance(error, ssl.SSLError)
        what = "holds no certificate (PEM)" if is_none else reason(error)
        raise ReadError(f"`{ca_file}`: {what}") from error


@lru_cache(maxsize=4)
def _context(ca_file: Path | None, state: tuple[object, ...]) -> ssl.SSLContext:
    del state
    return ssl.create_default_context(cafile=ca_file)


def _begin_at(connection: socket.socket, route: Route) -> None:
    if route.interface is not None:
        _bind_to(connection, route.interface)
    source = _source(route, connection.family)
    if source is not None:
        connection.bind((source, 0))


def _source(route: Route, family: socket.AddressFamily) -> str | None:
    is_v6 = family == socket.AF_INET6
    return next((source for source in route.sources if (":" in source) is is_v6), None)


def _bind_to(connection: socket.socket, interface: str) -> None:
    option = getattr(socket, "SO_BINDTODEVICE", None)
    if option is None:
        raise OSError(errno.ENOTSUP, "this system binds no connection to an interface")
    connection.setsockopt(socket.SOL_SOCKET, option, interface.encode() + b"\0")
