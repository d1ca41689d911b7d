"""Which addresses of this machine a person means, and from which of them others are reached."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from outpour.base.errors import NetworkError
from outpour.base.text import printable


def interface_names() -> list[str]:
    """Return the names of the network interfaces of this machine."""
    return [name for _, name in socket.if_nameindex()]


def check_interface(name: str) -> None:
    """Look whether an interface is there: libtorrent waits for one that may come, in silence.

    Raises:
        NetworkError: It is not.
    """
    names = interface_names()
    if name not in names:
        raise NetworkError(
            f"`{printable(name)}`: no such network interface",
            hint=f"this machine has {', '.join(names)}",
        )


def own_host(text: str) -> str:
    """Read what of this machine is to be listened on, as a person wrote it.

    Args:
        text: An IP address, IPv6 with or without brackets, `localhost`, or the name of a network
            interface.

    Returns:
        An IP address without brackets, or the name of an interface that is there.

    Raises:
        NetworkError: It is something else, or no address of one machine alone.
    """
    host = text.strip()
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    host = "127.0.0.1" if host == "localhost" else host
    try:
        address = ip_address(host)
    except ValueError:
        names = interface_names()
        if host in names:
            return host
        raise NetworkError(
            f"`{printable(text)}`: neither an IP address nor a network interface of this machine",
            hint=f"write an IP address of this machine, or one of {', '.join(names)}",
        ) from None
    if isinstance(address, IPv6Address):
        if address.is_link_local and address.scope_id is None:
            raise NetworkError(
                f"`{printable(text)}`: such an address is on every interface",
                hint=f"name the one that is meant, as in `{host}%eth0`",
            )
        address = address.ipv4_mapped or address
    if address.is_multicast:
        raise NetworkError(
            f"`{printable(text)}`: a multicast address", hint="write an IP address of this machine"
        )
    return str(address)


def connecting_hosts(hosts: Iterable[str]) -> tuple[str, ...]:
    """Return what connections to peers begin at, for who listens on these hosts alone.

    A machine of many addresses is to be seen with the one that it was given, not with whichever
    the system takes first.

    Args:
        hosts: IP addresses or names of network interfaces, as the user has them.

    Returns:
        The hosts; none, so that the system chooses, where they are all addresses, loopback, from
        which nobody else is reached, or of both families: libtorrent takes them in turn whatever
        the family of the peer.
    """
    found = tuple(hosts)
    families = set()
    for host in found:
        try:
            address = ip_address(host)
        except ValueError:
            families.add(0)
            continue
        if address.is_unspecified or str(address) in ("127.0.0.1", "::1"):
            return ()
        families.add(address.version)
    return found if len(families) == 1 else ()
