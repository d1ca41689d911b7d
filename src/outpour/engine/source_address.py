"""From which addresses of this machine peers are connected to, where some are listened on."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address


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
