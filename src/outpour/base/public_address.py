"""Which IP addresses a stranger may have this machine connect to: those that all the world reaches.

A URL that a stranger names may lead to this machine or its network, where services trust whoever
is there.
"""

from __future__ import annotations

import ipaddress
import socket


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if inner:
            found = inner
    return found.is_global and not found.is_multicast


def addresses_of(host: str) -> frozenset[str]:
    """The IP addresses of a host, none where it has none; this blocks."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(str(address[0]).partition("%")[0] for *_, address in found)
