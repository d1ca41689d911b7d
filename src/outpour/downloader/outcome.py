"""What a job tells besides statuses, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import OutpourError


@dataclass(frozen=True, slots=True)
class Outcome:
    """Something a person wants to know.

    Attributes:
        infohash: 20 bytes.
        name: Of the torrent.
    """

    infohash: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Completed(Outcome):
    """All that is wanted is in its files and matched its hashes.

    Attributes:
        path: The root file or folder.
        length: Bytes wanted.
    """

    path: Path
    length: int


@dataclass(frozen=True, slots=True)
class Failed(Outcome):
    """The torrent is given up; the others go on."""

    error: OutpourError


@dataclass(frozen=True, slots=True)
class Note(Outcome):
    """Something went wrong that need not matter.

    Attributes:
        message: What.
        hint: What mends it, None where nothing is known to.
    """

    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class CommandFailed(Outcome):
    """The content is complete, and the command that was to run for it failed."""

    error: OutpourError
