"""What an administrator has allowed, denied or banned while the tracker runs, as frozen values."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from outpour.tracker.lists.address_ranges import AddressRange
from outpour.tracker.lists.client_prefixes import prefix_of
from outpour.tracker.lists.passkey import clean_label, format_time

RuleKind = Literal["allowed", "denied", "banned-addresses", "denied-clients"]
KINDS: tuple[RuleKind, ...] = get_args(RuleKind)

_INFOHASH = re.compile(r"([0-9a-fA-F]{40}|[0-9a-fA-F]{64})\Z")
_PLAIN = re.compile(rb"[0-9A-Za-z.,_~-]")


@dataclass(frozen=True, slots=True)
class AdminRule:
    """One rule.

    Attributes:
        kind: Which list it belongs to.
        subject: What it is about, in its only spelling; see `spelled`.
        made_at: Unix time in seconds.
        made_by: Who made it.
        note: Why, in the administrator's words.
    """

    kind: RuleKind
    subject: str
    made_at: int
    made_by: str
    note: str = ""

    def describe(self) -> dict[str, object]:
        """Tell programs of it."""
        return {
            "subject": self.subject,
            "made": format_time(self.made_at),
            "made_by": self.made_by,
            "note": self.note,
        }

    @property
    def record(self) -> dict[str, object]:
        """What is written down of it."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "made_at": self.made_at,
            "made_by": self.made_by,
            "note": self.note,
        }

    @classmethod
    def of(cls, record: Mapping[str, object]) -> AdminRule:
        """Read what was written down.

        Raises:
            ValueError: It is no rule.
        """
        values = [record.get(name) for name in ("kind", "subject", "made_by", "note")]
        made_at = record.get("made_at")
        kind, subject, made_by, note = (one if isinstance(one, str) else "" for one in values)
        if kind not in KINDS or not isinstance(made_at, int) or made_at < 0:
            raise ValueError("not a rule")
        known: RuleKind = next(one for one in KINDS if one == kind)
        return cls(known, spelled(known, subject), made_at, made_by, clean_label(note))


def spelled(kind: RuleKind, text: str) -> str:
    """The only spelling of what a rule is about: equal rules have equal subjects.

    Infohashes are 40 digits, as peers announce no more (BEP 52); networks have no bits below their
    prefix; of a beginning of peer ids (BEP 20), bytes that are no letter, digit or `.,_~-` are
    `%XX`.

    Raises:
        ValueError: It is none of its kind.
    """
    return _SPELLED[kind](text)


def infohash_of_rule(subject: str) -> bytes:
    """The 20 bytes that peers announce."""
    return bytes.fromhex(subject)


def range_of_rule(subject: str) -> AddressRange:
    """First and last address of what is banned."""
    network = ipaddress.ip_network(subject)
    return str(network.network_address), str(network.broadcast_address)


def prefix_of_rule(subject: str) -> bytes:
    """The beginning of peer ids."""
    prefix = prefix_of(subject)
    assert prefix is not None
    return prefix


def _infohash(text: str) -> str:
    if not _INFOHASH.match(text):
        raise ValueError("not 40 or 64 hexadecimal digits")
    return text[:40].lower()


def _network(text: str) -> str:
    host, slash, prefix = text.partition("/")
    if "%" in host or (slash and not (prefix.isascii() and prefix.isdigit() and len(prefix) < 4)):
        raise ValueError("not an address or a network")
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        # What comes over a socket of both families is known by its IPv4 address.
        if mapped is not None:
            network = ipaddress.ip_network((mapped, network.prefixlen - 96))
    is_one = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if is_one else str(network)


def _client(text: str) -> str:
    prefix = prefix_of(text)
    if prefix is None:
        raise ValueError("not the beginning of a peer id, which has 20 bytes")
    return "".join(chr(byte) if _PLAIN.match(bytes([byte])) else f"%{byte:02X}" for byte in prefix)


_SPELLED: Mapping[RuleKind, Callable[[str], str]] = {
    "allowed": _infohash,
    "denied": _infohash,
    "banned-addresses": _network,
    "denied-clients": _client,
}
