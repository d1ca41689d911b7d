"""One entry of the stream between nodes: what a node tells the others at once.

    offset  size  what
    0       1     version of the protocol, 1
    1       8     the node that says it
    9       4     how long ago its events were taken from the swarms, in milliseconds
    13            sections, each:
            1     kind
            4     length n
            n     body

Of the kinds, `E` is a batch of swarm events as `_core.Cluster.take` gives it, `C` holds counters
of completed downloads (infohash of 20 bytes and 4 of the counter, each), `W` such of those that
were taken back, `M` statements of the shared map (8 bytes of the score, 1 of the length of the
member, the member, each), `R` the 8 bytes of a node that is asked for a snapshot, and `S` says that
there is one (8 bytes of its name, 4 of the number of its parts, 8 of the node that it is for, which
are zeros if it is for all). All numbers are big-endian. Kinds that are not known are skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PROTOCOL = 1
NODE_BYTES = 8
FRAME_BYTES_MAX = 8 << 20
"""Who writes to the server may write anything; more than this is not even looked at."""
COUNTS_MAX = 20_000
STATEMENTS_MAX = 10_000
MEMBER_BYTES_MAX = 255
PARTS_MAX = 65_536
SCORE_MAX = 1 << 53
"""The server keeps scores as doubles, which are exact up to here."""

_HEAD = struct.Struct(">B8sI")
_SECTION = struct.Struct(">cI")
_COUNT = struct.Struct(">20sI")
_STATEMENT = struct.Struct(">QB")
_SNAPSHOT = struct.Struct(">8sI8s")
EVERYBODY = bytes(NODE_BYTES)
AGE_MS_MAX = 0xFFFF_FFFF


class PoisonedError(Exception):
    """What was read from the server is not what a node writes."""


@dataclass(frozen=True, slots=True)
class SnapshotNote:
    """Says that a snapshot lies on the server.

    Attributes:
        name: 8 bytes.
        parts: How many there are of it.
        wanted_by: The node that it is for; `EVERYBODY` if it is for all.
    """

    name: bytes
    parts: int
    wanted_by: bytes = EVERYBODY


@dataclass(frozen=True, slots=True)
class Frame:
    """What a node tells the others.

    Attributes:
        node: Its 8 bytes.
        age_ms: How long before it was sent its events were taken.
        events: A batch of swarm events; empty without any.
        counts: Counters of its own completed downloads.
        withdrawn: Counters of those that it has taken back.
        statements: Of the shared map: member and score.
        asked: The node that is to give a snapshot; None without a wish.
        snapshot: Where one lies.
    """

    node: bytes
    age_ms: int = 0
    events: bytes = b""
    counts: Sequence[tuple[bytes, int]] = ()
    withdrawn: Sequence[tuple[bytes, int]] = ()
    statements: Sequence[tuple[bytes, int]] = ()
    asked: bytes | None = None
    snapshot: SnapshotNote | None = None

    def encode(self) -> bytes:
        """Write it down."""
        parts = [_HEAD.pack(PROTOCOL, self.node, min(self.age_ms, AGE_MS_MAX))]
        if self.events:
            parts += [_SECTION.pack(b"E", len(self.events)), self.events]
        for kind, counts in ((b"C", self.counts), (b"W", self.withdrawn)):
            if counts:
                body = b"".join(_COUNT.pack(*one) for one in counts)
                parts += [_SECTION.pack(kind, len(body)), body]
        if self.statements:
            body = b"".join(
                _STATEMENT.pack(score, len(member)) + member for member, score in self.statements
            )
            parts += [_SECTION.pack(b"M", len(body)), body]
        if self.asked is not None:
            parts += [_SECTION.pack(b"R", NODE_BYTES), self.asked]
        if self.snapshot is not None:
            note = self.snapshot
            body = _SNAPSHOT.pack(note.name, note.parts, note.wanted_by)
            parts += [_SECTION.pack(b"S", len(body)), body]
        return b"".join(parts)


def decode(raw: bytes) -> Frame:
    """Read what `Frame.encode` wrote.

    Raises:
        PoisonedError: It is no frame, is cut short, or is of another version.
    """
    if not _HEAD.size <= len(raw) <= FRAME_BYTES_MAX:
        raise PoisonedError("not the length of a frame")
    version, node, age_ms = _HEAD.unpack_from(raw)
    if version != PROTOCOL:
        raise PoisonedError(f"version {version} of the protocol, not {PROTOCOL}")
    events = b""
    counts: list[tuple[bytes, int]] = []
    withdrawn: list[tuple[bytes, int]] = []
    statements: list[tuple[bytes, int]] = []
    asked = snapshot = None
    for kind, body in _sections(raw):
        if kind == b"E":
            events = body
        elif kind == b"C":
            counts = _counts(body)
        elif kind == b"W":
            withdrawn = _counts(body)
        elif kind == b"M":
            statements = list(_statements(body))
        elif kind == b"R":
            if len(body) != NODE_BYTES:
                raise PoisonedError("a wish for a snapshot is damaged")
            asked = body
        elif kind == b"S":
            snapshot = _snapshot(body)
    return Frame(node, age_ms, events, counts, withdrawn, statements, asked, snapshot)


def _sections(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _HEAD.size
    while at < len(raw):
        if at + _SECTION.size > len(raw):
            raise PoisonedError("cut short")
        kind, length = _SECTION.unpack_from(raw, at)
        at += _SECTION.size
        if at + length > len(raw):
            raise PoisonedError("cut short")
        yield kind, raw[at : at + length]
        at += length


def _counts(body: bytes) -> list[tuple[bytes, int]]:
    if len(body) % _COUNT.size or len(body) > _COUNT.size * COUNTS_MAX:
        raise PoisonedError("counters are damaged")
    return list(_COUNT.iter_unpack(body))


def _statements(body: bytes) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at < len(body):
        if at + _STATEMENT.size > len(body):
            raise PoisonedError("statements are damaged")
        score, length = _STATEMENT.unpack_from(body, at)
        at += _STATEMENT.size
        if at + length > len(body) or not length or score >= SCORE_MAX:
            raise PoisonedError("statements are damaged")
        yield body[at : at + length], score
        at += length


def _snapshot(body: bytes) -> SnapshotNote:
    if len(body) != _SNAPSHOT.size:
        raise PoisonedError("a note of a snapshot is damaged")
    name, parts, wanted_by = _SNAPSHOT.unpack(body)
    if parts > PARTS_MAX:
        raise PoisonedError("a note of a snapshot is damaged")
    return SnapshotNote(name, parts, wanted_by)
