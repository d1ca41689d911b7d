"""What a tracker is asked and what it answers, whatever the wire."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from outpour.base.errors import NetworkError
from outpour.base.identity import fingerprint
from outpour.torrent.bencode import Value

TrackerEvent = Literal["", "started", "completed", "stopped"]
Family = Literal["any", "ipv4", "ipv6"]

INFOHASHES_MAX = 70
"""In one scrape: what fits into a UDP packet (BEP 15 says about 74)."""
_COMPACT_V4 = 6
_COMPACT_V6 = 18


def random_peer_id() -> bytes:
    """Return a peer id (BEP 20) that no other process has."""
    return fingerprint().encode() + secrets.token_hex(6).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceRequest:
    """What a peer tells a tracker (BEP 3).

    Attributes:
        infohash: 20 bytes.
        port: Where the peer listens.
        left: Bytes still missing; 0 makes it a seeder.
        uploaded: Bytes sent.
        downloaded: Bytes received.
        event: Empty for one of the regular announces.
        numwant: Peers wanted; None leaves it to the tracker.
        peer_id: 20 bytes.
        key: Tells the peer from others behind its address.
    """

    infohash: bytes
    port: int = 6881
    left: int = 0
    uploaded: int = 0
    downloaded: int = 0
    event: TrackerEvent = ""
    numwant: int | None = None
    peer_id: bytes = field(default_factory=random_peer_id)
    key: int = field(default_factory=lambda: secrets.randbits(32))

    def __post_init__(self) -> None:
        if len(self.infohash) != 20 or len(self.peer_id) != 20:
            raise ValueError("infohash and peer id have 20 bytes each")


@dataclass(frozen=True, slots=True)
class AnnounceReply:
    """What a tracker answers.

    Attributes:
        interval: Seconds until the next announce.
        complete: Seeders, None when not told.
        incomplete: Leechers, None when not told.
        downloaded: Completed downloads, None when not told.
        peers: (host, port) of each.
        warning: What the tracker wants a person to read (BEP 31).
        min_interval: Seconds below which not to announce again.
        tracker_id: To be sent back.
        external_ip: The address that the tracker sees (BEP 24).
    """

    interval: int
    complete: int | None
    incomplete: int | None
    downloaded: int | None
    peers: tuple[tuple[str, int], ...]
    warning: str | None = None
    min_interval: int | None = None
    tracker_id: bytes | None = None
    external_ip: str | None = None


@dataclass(frozen=True, slots=True)
class ScrapeReply:
    """How a torrent is doing at a tracker (BEP 48).

    Attributes:
        complete: Seeders.
        incomplete: Leechers.
        downloaded: Completed downloads.
        name: What the tracker calls it.
    """

    complete: int
    incomplete: int
    downloaded: int
    name: str | None = None


def read_compact(raw: bytes, *, is_v6: bool, url: str) -> tuple[tuple[str, int], ...]:
    """Read peers of 6 (BEP 23) or 18 (BEP 7) bytes; those with port 0 cannot be reached.

    Raises:
        NetworkError: The length is not a multiple of a peer's.
    """
    size = _COMPACT_V6 if is_v6 else _COMPACT_V4
    if len(raw) % size:
        raise malformed(url, f"{len(raw)} bytes of peers of {size} bytes each")
    peers: list[tuple[str, int]] = []
    for start in range(0, len(raw), size):
        address, port = raw[start : start + size - 2], raw[start + size - 2 : start + size]
        host = str(IPv6Address(address) if is_v6 else IPv4Address(address))
        if any(port):
            peers.append((host, int.from_bytes(port, "big")))
    return tuple(peers)


def read_count(root: Mapping[bytes, Value], key: bytes, url: str) -> int | None:
    """Read a number that is not negative.

    Raises:
        NetworkError: It is something else.
    """
    value = root.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or value < 0:
        raise malformed(url, f"`{key.decode()}` is not a count")
    return value


def malformed(url: str, what: str) -> NetworkError:
    """Make the error of an answer that is not as the protocol has it."""
    return NetworkError(f"`{url}`: malformed answer: {what}")
