"""One torrent of a download: what it is, where it goes, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from outpour.engine import FileTimes, Resume, Urgency, root_of
from outpour.torrent.info import Info
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo


@dataclass(slots=True)
class DownloadItem:
    """What a job knows of a torrent.

    Attributes:
        source: What was named.
        name: What to call it.
        info: Its files; None while a magnet link waits for them.
        folder: Holds its root.
        root_name: What the root is called on disk, if not as in the torrent.
        paths: Where each file lies below the folder, padding left out.
        kept: What earlier runs have kept of it.
        moved_at: When something came last, by the monotonic clock.
        wanted: Indices, without padding, of the files that are wanted; None for all.
        urgency: By the same indices which come before or after the others.
        suspects: Indices of files that may be somebody else's.
        done: Bytes that were there at the last look.
        troubles: By URL of a tracker or web seed, what it said last.
        warnings: What trackers wanted to be read.
        is_complete: Whether all that is wanted is there.
        is_over: Whether nothing is left to do.
        as_completed: Its files as they were when it became complete, since what changes them later
            is not the engine; None before that.
    """

    source: Metainfo | Magnet
    name: str
    info: Info | None
    folder: Path
    root_name: str | None
    paths: list[bytes]
    kept: Resume | None
    moved_at: float
    wanted: list[int] | None = None
    urgency: Mapping[int, Urgency] = field(default_factory=dict)
    suspects: list[int] = field(default_factory=list)
    done: int = -1
    troubles: dict[str, str] = field(default_factory=dict)
    warnings: set[str] = field(default_factory=set)
    is_complete: bool = False
    is_over: bool = False
    as_completed: FileTimes | None = None

    @property
    def writes(self) -> Sequence[int]:
        """Indices, without padding, of the files that are wanted."""
        if self.wanted is not None or self.info is None:
            return self.wanted or ()
        return range(sum(not file.is_padding for file in self.info.files))

    @property
    def root(self) -> Path:
        """Where its root file or folder lies."""
        return self.folder / root_of(self.paths)
