"""Asks a SOCKS5 proxy for a connection (RFC 1928, 1929).

greeting  version 5 B | number of methods B | method B ...
chosen    version 5 B | method B: 0 none, 2 name and password, 255 none of these
login     version 1 B | length B | name | length B | password
logged in version 1 B | 0 B
request   version 5 B | connect 1 B | 0 B | name 3 B | length B | name | port H
reply     version 5 B | 0 or fault B | 0 B | kind B | address 4, 16 or length B and name | port H
"""

from __future__ import annotations

import socket
import struct

from outpour.base.deadline import TimeLimit
from outpour.base.http_route import Proxy

_NO_LOGIN, _LOGIN = 0, 2
_FAULTS = {
    1: "general failure", 2: "not allowed", 3: "network unreachable", 4: "host unreachable",
    5: "connection refused", 6: "timed out", 7: "command not supported", 8: "no such addresses",
}  # fmt: skip
_LENGTHS = {1: 4, 4: 16}


def ask_for(
    connection: socket.socket, proxy: Proxy, host: str, port: int, deadline: TimeLimit
) -> None:
    """Have a connection to a proxy lead to a host, whose name the proxy looks up.

    Raises:
        OSError: The proxy refuses, or speaks something else.
    """
    methods = bytes((_NO_LOGIN, _LOGIN) if proxy.user else (_NO_LOGIN,))
    _send(connection, bytes((5, len(methods))) + methods, deadline)
    version, method = _receive(connection, 2, deadline)
    if version != 5:
        raise OSError("the proxy does not speak SOCKS5")
    if method == _LOGIN:
        _log_in(connection, proxy, deadline)
    elif method != _NO_LOGIN:
        raise OSError("the proxy wants a name and password")
    name = host.encode("idna") if not host.isascii() else host.encode()
    request = struct.pack(">BBBBB", 5, 1, 0, 3, len(name[:255])) + name[:255]
    _send(connection, request + struct.pack(">H", port), deadline)
    _, fault, _, kind = _receive(connection, 4, deadline)
    if fault:
        raise OSError(f"the proxy answers: {_FAULTS.get(fault, f'fault {fault}')}")
    length = _LENGTHS.get(kind)
    if length is None:
        (length,) = _receive(connection, 1, deadline)
    _receive(connection, length + 2, deadline)


def _log_in(connection: socket.socket, proxy: Proxy, deadline: TimeLimit) -> None:
    user, password = proxy.user.encode()[:255], proxy.password.encode()[:255]
    login = bytes((1, len(user))) + user + bytes((len(password),)) + password
    _send(connection, login, deadline)
    _, fault = _receive(connection, 2, deadline)
    if fault:
        raise OSError("the proxy takes neither this name nor this password")


def _send(connection: socket.socket, data: bytes, deadline: TimeLimit) -> None:
    connection.settimeout(deadline.rest())
    connection.sendall(data)


def _receive(connection: socket.socket, length: int, deadline: TimeLimit) -> bytes:
    data = b""
    while len(data) < length:
        connection.settimeout(deadline.rest())
        part = connection.recv(length - len(data))
        if not part:
            raise OSError("the proxy hung up")
        data += part
    return data
