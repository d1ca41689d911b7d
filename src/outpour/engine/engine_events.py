"""What happened in the engine, as frozen values.

Every event names its torrent by the infohash that `Engine.add` returned, or by None when it
concerns the engine as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something happened.

    Attributes:
        infohash: The torrent concerned, None for the engine as a whole.
    """

    infohash: bytes | None


@dataclass(frozen=True, slots=True)
class MetadataArrived(EngineEvent):
    """A peer sent the info dictionary of a magnet link (BEP 9)."""


@dataclass(frozen=True, slots=True)
class Checked(EngineEvent):
    """The files on disk were compared with the torrent."""


@dataclass(frozen=True, slots=True)
class Finished(EngineEvent):
    """Every wanted piece is on disk and matched its hash."""


@dataclass(frozen=True, slots=True)
class Moved(EngineEvent):
    """The files lie in the folder that `Engine.move` named."""


@dataclass(frozen=True, slots=True)
class PieceRefused(EngineEvent):
    """A piece came in and did not match its hash."""

    piece: int


@dataclass(frozen=True, slots=True)
class PieceRead(EngineEvent):
    """A piece that `Engine.read_piece` asked for.

    Attributes:
        piece: Its number.
        data: Its bytes, which matched their hash; None when they cannot be read.
        message: Why they cannot, else empty.
    """

    piece: int
    data: bytes | None
    message: str


@dataclass(frozen=True, slots=True)
class ContentFault(EngineEvent):
    """A file could not be read or written; the torrent stands still.

    Attributes:
        message: The operating system's reason.
        path: The file, or an empty text when unknown.
        errno: The error number, 0 when it is not the operating system's.
    """

    message: str
    path: str
    errno: int

    @property
    def sentence(self) -> str:
        """The reason, with the file where that is known."""
        return f"`{self.path}`: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class ResumeRefused(EngineEvent):
    """Resume data does not describe the files on disk; they are checked in full."""

    message: str


@dataclass(frozen=True, slots=True)
class TrackerAnswered(EngineEvent):
    """A tracker answered an announce with this many peers."""

    url: str
    peers: int


@dataclass(frozen=True, slots=True)
class TrackerFailed(EngineEvent):
    """A tracker did not answer, or refused.

    Attributes:
        url: The announce URL.
        message: The tracker's failure reason, or what went wrong on the way.
        attempts: Failures in a row.
    """

    url: str
    message: str
    attempts: int


@dataclass(frozen=True, slots=True)
class TrackerWarned(EngineEvent):
    """A tracker answered, and wants a person to read something (BEP 31)."""

    url: str
    message: str


@dataclass(frozen=True, slots=True)
class WebSeedFailed(EngineEvent):
    """A web seed (BEP 19) did not deliver."""

    url: str
    message: str


@dataclass(frozen=True, slots=True)
class ListenFailed(EngineEvent):
    """One of the addresses to listen on is not available."""

    address: str
    message: str


@dataclass(frozen=True, slots=True)
class TrafficCounted(EngineEvent):
    """What all torrents together moved since the start, as `Engine.count_traffic` asked for it.

    Attributes:
        sent: Content bytes sent.
        received: Content bytes received.
        peers: Connected peers.
    """

    sent: int
    received: int
    peers: int


@dataclass(frozen=True, slots=True)
class EventsLost(EngineEvent):
    """Nobody drained the events for so long that the oldest were dropped."""

    count: int
