"""Who uses the tracker and what becomes of requests, as frozen values to be shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestCount:
    """How often something was asked since the start, and had one end.

    Attributes:
        protocol: `http` or `udp`.
        family: `ipv4` or `ipv6`, of the address that asked.
        request: `announce`, `scrape`, `connect` (a connection id, BEP 15), or `unclear` where it
            could not be told.
        reason: What stood against it: `malformed`, `torrent`, `key`, `client`, `address`, `rate`,
            `full`, `connection_id` or `full_scrape`; None where it was answered.
        count: How often.
    """

    protocol: str
    family: str
    request: str
    reason: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took since the start, or lately.

    From a batch of requests being read to its answers being handed to the system, of one batch in
    16; each of its requests counts with the time of the whole batch.

    Attributes:
        protocol: `http` or `udp`.
        buckets: Upper bounds in seconds, rising, each with how many took no longer and longer than
            the bound before.
        longer: How many took longer than the last bound.
        sum_s: All of them together, in seconds.
    """

    protocol: str
    buckets: tuple[tuple[float, int], ...]
    longer: int
    sum_s: float

    @property
    def count(self) -> int:
        """How many were timed."""
        return sum(count for _, count in self.buckets) + self.longer

    def since(self, earlier: Latency | None) -> Latency:
        """What came after an earlier reading of the same protocol."""
        if earlier is None:
            return self
        before = dict(earlier.buckets)
        return Latency(
            self.protocol,
            tuple((bound, count - before.get(bound, 0)) for bound, count in self.buckets),
            self.longer - earlier.longer,
            self.sum_s - earlier.sum_s,
        )

    def quantile_s(self, share: float) -> float | None:
        """The bound, in seconds, that this share of them took no longer than.

        None if there were none, or it is beyond the last bound.
        """
        below, needed = 0, share * self.count
        for bound, count in self.buckets:
            below += count
            if below and below >= needed:
                return bound
        return None


@dataclass(frozen=True, slots=True)
class ClientKind:
    """A client, in about how many announces it was.

    Attributes:
        name: Such as `qBittorrent`; `other` of those that are not known by name.
        version: As far as the peer id or `User-Agent` tells; may be empty.
        prefix: What it was told by, in letters that can be shown: `-qB4650-`, or the first product
            of `User-Agent`.
        announces: An estimate, exact while few come.
    """

    name: str
    version: str
    prefix: str
    announces: int


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What was done with a key of a private tracker.

    Attributes:
        announces: Exactly how many came with it, refused ones included.
        seen_at: Unix time in seconds of the last.
    """

    announces: int
    seen_at: float


@dataclass(frozen=True, slots=True)
class RefusedTorrent:
    """A torrent that was refused; `count` is an estimate."""

    reason: str
    infohash: bytes
    count: int


@dataclass(frozen=True, slots=True)
class RefusedAddress:
    """An address, or an IPv6 network of 64 bits, that was refused; `count` is an estimate."""

    reason: str
    network: str
    count: int


@dataclass(frozen=True, slots=True)
class RefusedClient:
    """A client that was refused, `prefix` being the beginning of its peer id or empty."""

    reason: str
    name: str
    prefix: str
    count: int


@dataclass(frozen=True, slots=True)
class Refusals:
    """What was refused most, each kind with the most frequent first.

    An announce is in all three, a scrape among the addresses alone.
    """

    torrents: tuple[RefusedTorrent, ...] = ()
    addresses: tuple[RefusedAddress, ...] = ()
    clients: tuple[RefusedClient, ...] = ()
