"""Turn lists of addresses into ranges, in the forms that firewalls and block lists write them.

    192.0.2.7                          one address
    192.0.2.0/24, 2001:db8::/32        a network; bits below the prefix are left out of account
    192.0.2.1-192.0.2.9                first and last
    Some label: x:192.0.2.1-192.0.2.9  the same with a label, as in P2P block lists; also before
                                       the other forms

`#` starts a comment. The label of IPv6 addresses must hold a letter that no address has, as what
follows it could be cut out of a longer address otherwise.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

AddressRange = tuple[str, str]
"""First and last address, both included, of one family."""

LINE_MAX = 1000
"""Characters; block lists have labels, and nobody has longer ones."""

_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])")
_ADDRESS_LIKE = re.compile(r"[0-9A-Fa-f:./\s-]*\Z")
_IPV4 = re.compile(r"[0-9.]+\Z")
_IPV6_CHARACTERS = re.compile(r"[0-9A-Fa-f:.]+\Z")


def parse_ranges(raw: bytes) -> tuple[frozenset[AddressRange], list[str]]:
    """Read a list of ranges, one a line, and what is wrong with the other lines."""
    ranges = set()
    faults = []
    for number, line in enumerate(raw.decode("latin-1").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        # A label may hold the sign of a comment, so what precedes it must make sense by itself.
        found = _labelled(text.partition("#")[0].strip()) or _labelled(text)
        if found:
            ranges.add(found)
        else:
            faults.append(f"line {number} is no address, network or range of addresses")
    return frozenset(ranges), faults


def _labelled(text: str) -> AddressRange | None:
    if len(text) > LINE_MAX:
        return None
    return next(filter(None, map(_range, _candidates(text))), None)


def _candidates(text: str) -> Iterator[str]:
    """The text, and what follows each of its colons that could be an address."""
    yield text
    at = text.find(":")
    while at >= 0:
        following = text[at + 1 :].strip()
        if ":" not in following or not _ADDRESS_LIKE.match(text[:at]):
            yield following
        at = text.find(":", at + 1)


def _range(text: str) -> AddressRange | None:
    first, dash, last = (part.strip() for part in text.partition("-"))
    if dash:
        bounds = (_packed(first), _packed(last))
    else:
        host, slash, prefix = text.partition("/")
        bounds = _network(host, prefix) if slash else (_packed(host), _packed(host))
    low, high = bounds
    if low is None or high is None or len(low) != len(high) or low > high:
        return None
    return _text(low), _text(high)


def _network(host: str, prefix: str) -> tuple[bytes | None, bytes | None]:
    packed = _packed(host)
    if packed is None or not (prefix.isascii() and prefix.isdigit() and len(prefix) <= 3):
        return None, None
    bits = 8 * len(packed) - int(prefix)
    if bits < 0:
        return None, None
    low = int.from_bytes(packed, "big") >> bits << bits
    high = low | (1 << bits) - 1
    return low.to_bytes(len(packed), "big"), high.to_bytes(len(packed), "big")


def _packed(text: str) -> bytes | None:
    is_ipv4 = bool(_IPV4.match(text))
    if not is_ipv4 and not (":" in text and _IPV6_CHARACTERS.match(text)):
        return None
    try:
        # Block lists write 010.000.000.001 and mean decimal numbers.
        if is_ipv4:
            return socket.inet_pton(socket.AF_INET, _ZEROS.sub("", text))
        return socket.inet_pton(socket.AF_INET6, text)
    except OSError:
        return None


def _text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
