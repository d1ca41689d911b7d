"""The addresses under which others reach this machine, as far as it can tell itself."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path

# RFC 5737 and RFC 3849 set these aside for documentation: nothing is ever sent there.
_ELSEWHERE = {
    socket.AF_INET: ("192.0.2.1", 9),
    socket.AF_INET6: ("2001:db8::1", 9),
}
# Where Linux tells of its addresses; other systems are asked for a route alone.
_FIB_TRIE = Path("/proc/net/fib_trie")
_IF_INET6 = Path("/proc/net/if_inet6")


def reachable_hosts(listening: Iterable[str]) -> tuple[str, ...]:
    """Name the addresses under which others reach listeners, those of IPv4 first.

    A wildcard is replaced by the address this machine would send from; finding it sends nothing.
    Without a route it is that of an interface, and without any, one of this machine alone.

    Args:
        listening: IP addresses, `0.0.0.0` and `::` for all of a family.
    """
    found: dict[str, None] = {}
    for host in listening:
        address = ipaddress.ip_address(host)
        found[_own(address.version) if address.is_unspecified else host] = None
    near = [host for host in found if is_local(host)]
    far = [host for host in found if not is_local(host)]
    return tuple(sorted(far or near, key=lambda host: ":" in host))


def is_local(host: str) -> bool:
    """Whether an address means this machine to whoever uses it."""
    return ipaddress.ip_address(host).is_loopback


def _own(version: int) -> str:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE[family])
            host = str(probe.getsockname()[0])
        except OSError:
            host = ""
    if host and not is_local(host):
        return host
    loopback = "127.0.0.1" if version == 4 else "::1"
    return next(_interface_addresses(version), loopback)


def _interface_addresses(version: int) -> Iterator[str]:
    """Addresses of interfaces that others could reach, without those of one link alone."""
    hosts = _interface_addresses_v4() if version == 4 else _interface_addresses_v6()
    for host in hosts:
        address = ipaddress.ip_address(host)
        if not (address.is_loopback or address.is_link_local or address.is_unspecified):
            yield host


def _interface_addresses_v4() -> Iterator[str]:
    """The routing table has each address of the machine as a leaf: it, and below what it is."""
    address = ""
    for line in _lines(_FIB_TRIE):
        text = line.strip()
        if text.startswith("|-- "):
            address = text.removeprefix("|-- ")
        elif text == "/32 host LOCAL":
            yield address


def _interface_addresses_v6() -> Iterator[str]:
    for line in _lines(_IF_INET6):
        yield str(ipaddress.IPv6Address(bytes.fromhex(line.split()[0])))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
