"""What a download does with its torrents, and when it is enough."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from outpour.base.deadline import Deadline
from outpour.base.http_route import DIRECT, Route
from outpour.downloader.unreachable import Reach
from outpour.engine import Status


@dataclass(frozen=True, slots=True)
class SeedGoal:
    """How long to go on after a download.

    Attributes:
        ratio: Until this many bytes were sent for every byte of content; None for any number.
        time_s: For this long; None for ever.
    """

    ratio: float | None = None
    time_s: float | None = None

    def reached(self, status: Status) -> bool:
        """Whether a complete torrent has been seeded enough."""
        by_ratio = self.ratio is not None and status.ratio >= self.ratio
        return by_ratio or (self.time_s is not None and status.seeding_s >= self.time_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """What a job does with its torrents.

    Attributes:
        folder: Where root files and folders go.
        files: Patterns or numbers of the files wanted; empty for all.
        skip: Which of these are not wanted, in the same way.
        first: Which files come before the others, in the same way.
        last: Which come after them.
        sequential: Ask for pieces in their order.
        stream: Gets the one file that is wanted, in order; None to keep files only.
        trackers: More trackers, a tier of their own.
        web_seeds: More web seeds.
        peers: (host, port) of peers to connect to at once.
        seed: What to do when complete; None to stop.
        stall_s: Give up when nothing came for so long; 0 for never.
        discovers: Whether peers may be found without a tracker.
        check: Compare existing files with the torrent, whatever was kept of an earlier run.
        overwrite: Replace files that are there and have nothing of the torrent.
        route: By which way this process itself asks web seeds, where the engine cannot.
        deadline: When to give up what is not complete, however fast it comes; None for never.
    """

    folder: Path
    files: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    first: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    sequential: bool = False
    stream: BinaryIO | None = None
    trackers: tuple[str, ...] = ()
    web_seeds: tuple[str, ...] = ()
    peers: tuple[tuple[str, int], ...] = ()
    seed: SeedGoal | None = None
    stall_s: float = 0.0
    discovers: bool = False
    check: bool = False
    overwrite: bool = False
    route: Route = DIRECT
    deadline: Deadline | None = None

    @property
    def reach(self) -> Reach:
        """Whom every torrent of the job may ask besides its own sources."""
        return Reach(self.trackers, self.web_seeds, self.peers, self.discovers)
