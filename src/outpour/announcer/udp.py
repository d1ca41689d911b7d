"""Announces and scrapes over UDP (BEP 15, 41).

connect   protocol id q | action 0 I | transaction I
announce  connection q | action 1 I | transaction I | infohash 20 | peer id 20 | downloaded q |
          left q | uploaded q | event I | ip I | key I | numwant i | port H | options
scrape    connection q | action 2 I | transaction I | infohash 20 ...
answers   action I | transaction I | ...; action 3 is an error with a text
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from outpour.announcer.values import (
    INFOHASHES_MAX,
    AnnounceReply,
    AnnounceRequest,
    Family,
    ScrapeReply,
    malformed,
    read_compact,
)
from outpour.base.deadline import Deadline, SocketAddress, look_up
from outpour.base.errors import NetworkError, TrackerRefused, UsageError, reason

PROTOCOL_ID = 0x41727101980
CONNECT, ANNOUNCE, SCRAPE, ERROR = range(4)
PACKET_BYTES_MAX = 65_535
FIRST_WAIT_S = 3.0
"""Until a packet is sent again, doubling; BEP 15 has 15 s, which no person waits for."""

_HEAD = struct.Struct(">II")
_CONNECT = struct.Struct(">QII")
_ANNOUNCE = struct.Struct(">QII20s20sqqqIIIiH")
_ANNOUNCED = struct.Struct(">III")
_SCRAPED = struct.Struct(">III")
_INT_MAX, _LONG_MAX = (1 << 31) - 1, (1 << 63) - 1
_URL_DATA = 2
_EVENTS = {"": 0, "completed": 1, "started": 2, "stopped": 3}
_FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}

_T = TypeVar("_T")


def announce(
    url: str, request: AnnounceRequest, *, timeout_s: float, family: Family
) -> AnnounceReply:
    """Announce to a tracker; see `outpour.announcer.announce`."""

    def exchange(wire: _Wire) -> AnnounceReply:
        def packet(connection: int, transaction: int) -> bytes:
            return _ANNOUNCE.pack(
                connection, ANNOUNCE, transaction, request.infohash, request.peer_id,
                *(min(one, _LONG_MAX) for one in (request.downloaded, request.left,
                request.uploaded)), _EVENTS[request.event],
                0, request.key, -1 if request.numwant is None else min(request.numwant, _INT_MAX),
                request.port,
            ) + _url_options(url)  # fmt: skip

        body = wire.ask(ANNOUNCE, packet, shortest=_ANNOUNCED.size)
        interval, leechers, seeders = _ANNOUNCED.unpack_from(body)
        peers = read_compact(body[_ANNOUNCED.size :], is_v6=wire.is_v6, url=url)
        return AnnounceReply(interval, seeders, leechers, None, peers)

    return _over_udp(url, exchange, timeout_s=timeout_s, family=family)


def scrape(
    url: str, infohashes: Sequence[bytes], *, timeout_s: float, family: Family
) -> dict[bytes, ScrapeReply]:
    """Scrape a tracker; see `outpour.announcer.scrape`."""
    if len(infohashes) > INFOHASHES_MAX:
        raise UsageError(f"`{url}`: at most {INFOHASHES_MAX} infohashes at a time")

    def exchange(wire: _Wire) -> dict[bytes, ScrapeReply]:
        def packet(connection: int, transaction: int) -> bytes:
            return _CONNECT.pack(connection, SCRAPE, transaction) + b"".join(infohashes)

        body = wire.ask(SCRAPE, packet, shortest=_SCRAPED.size * len(infohashes))
        counts = _SCRAPED.iter_unpack(body[: _SCRAPED.size * len(infohashes)])
        return {
            infohash: ScrapeReply(complete=seeders, incomplete=leechers, downloaded=completed)
            for infohash, (seeders, completed, leechers) in zip(infohashes, counts, strict=True)
        }

    return _over_udp(url, exchange, timeout_s=timeout_s, family=family)


@dataclass(slots=True)
class _Wire:
    socket: socket.socket
    url: str
    deadline: float
    connection: int | None = None

    @property
    def is_v6(self) -> bool:
        return self.socket.family == socket.AF_INET6

    def ask(self, action: int, packet: Callable[[int, int], bytes], *, shortest: int) -> bytes:
        """Send a packet until its answer comes; the deadline is for all of it."""
        if action != CONNECT and self.connection is None:
            answer = self.ask(
                CONNECT, lambda first, number: _CONNECT.pack(first, CONNECT, number), shortest=8
            )
            self.connection = int.from_bytes(answer[:8], "big")
        transaction = secrets.randbits(32)
        known = PROTOCOL_ID if self.connection is None else self.connection
        wait = FIRST_WAIT_S
        while time.monotonic() < self.deadline:
            self.socket.send(packet(known, transaction))
            body = self._receive(action, transaction, min(self.deadline, time.monotonic() + wait))
            if body is not None:
                if len(body) < shortest:
                    raise malformed(self.url, f"{len(body)} bytes where {shortest} are due")
                return body
            wait *= 2
        raise NetworkError(f"`{self.url}`: timed out")

    def _receive(self, action: int, transaction: int, until: float) -> bytes | None:
        while (rest := until - time.monotonic()) > 0:
            self.socket.settimeout(rest)
            try:
                packet = self.socket.recv(PACKET_BYTES_MAX)
            except TimeoutError:
                return None
            if len(packet) < _HEAD.size:
                continue
            got, number = _HEAD.unpack_from(packet)
            # An answer to another question, or a stranger's: neither is for us.
            if number != transaction or got not in (action, ERROR):
                continue
            body = packet[_HEAD.size :]
            if got == ERROR:
                text = body[:500].decode("utf-8", "replace").rstrip("\0")
                raise TrackerRefused(f"`{self.url}`: the tracker refused: {text}")
            return body
        return None


def _over_udp(url: str, exchange: Callable[[_Wire], _T], *, timeout_s: float, family: Family) -> _T:
    whole = Deadline.after(timeout_s)
    deadline = whole.at
    addresses = _resolve(url, family, whole)
    failure = NetworkError(f"`{url}`: timed out")
    for number, (kind, address) in enumerate(addresses):
        # Later addresses get their share of the time, should the first be silent.
        share = (deadline - time.monotonic()) / (len(addresses) - number)
        with socket.socket(kind, socket.SOCK_DGRAM) as udp:
            try:
                udp.connect(address)
                return exchange(_Wire(udp, url, time.monotonic() + share))
            except TrackerRefused:
                raise
            except NetworkError as error:
                failure = error
            except OSError as error:
                failure = NetworkError(f"`{url}`: {reason(error)}")
    raise failure


def _resolve(
    url: str, family: Family, deadline: Deadline
) -> list[tuple[socket.AddressFamily, SocketAddress]]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise UsageError(f"`{url}`: it needs a host and a port")
    try:
        return look_up(host, port, deadline, family=_FAMILIES[family], kind=socket.SOCK_DGRAM)
    except TimeoutError:
        raise NetworkError(f"`{url}`: timed out") from None
    except OSError:
        raise NetworkError(f"`{url}`: the host name is not known") from None


def _url_options(url: str) -> bytes:
    parts = urlsplit(url)
    target = (parts.path + (f"?{parts.query}" if parts.query else "")).encode()
    options = b""
    for start in range(0, len(target), 255):
        piece = target[start : start + 255]
        options += bytes((_URL_DATA, len(piece))) + piece
    return options
