"""The names of what a cluster keeps on a server; all of it begins with `outpour:NAME:`.

protocol              the version that its nodes speak
epoch                 a random text; another one after the server has lost everything
nodes                 hash: a node's 8 bytes, what it said of itself last
run:NODE              which process is this node, for some seconds
events                stream: frames, see `cluster_frame`
counters              set: `NODE counted` and `NODE withdrawn` of each that has counters
counts:COUNTER        bits: which of its buckets there are
counts:COUNTER:BUCKET sorted set: infohash, counter; the buckets go by the first 14 bits
map                   bits: which buckets of the shared map there are
map:BUCKET            sorted set: member, score
snapshot:NAME:PART    a part of a snapshot, for two minutes
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

BUCKET_BITS = 14
BUCKETS = 1 << BUCKET_BITS
"""So many that those of two million torrents are below 128 each, which the server packs tightly."""


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The names of one cluster.

    Attributes:
        name: What the operator calls it.
    """

    name: str

    def of(self, *parts: object) -> bytes:
        """The key of these parts."""
        words = (one if isinstance(one, bytes) else str(one).encode() for one in parts)
        return b":".join([b"outpour", self.name.encode(), *words])

    @property
    def events(self) -> bytes:
        """The stream."""
        return self.of("events")


def bucket_of_infohash(infohash: bytes) -> int:
    """Where a counter lies."""
    return int.from_bytes(infohash[:2], "big") >> (16 - BUCKET_BITS)


def bucket_of_member(member: bytes) -> int:
    """Where a statement lies."""
    return zlib.crc32(member) % BUCKETS
