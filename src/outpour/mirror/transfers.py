"""What a mirror fetches now, and what it seeds: one engine, spoken to from one thread.

The peer engine may make its caller wait for a disk, so that nothing of it is called on the event
loop but what only leaves a message.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from outpour.base.http_route import Route
from outpour.downloader import Completed, DownloadOptions, Failed, Job, Note, SeedGoal
from outpour.engine import Moved, ResumeStore, Status
from outpour.mirror.mirror_seeder import MirrorSeeder
from outpour.torrent.metainfo import Metainfo

T = TypeVar("T")

LARGE_BYTES = 4 << 20
LANES, SMALL_LANES = 16, 100
"""Large torrents that are fetched at once and small ones, as far as something comes of them."""
FETCHED_MAX = 200
"""At once, those of which nothing comes included: they wait for somebody who has them."""
STILL_S = 60.0
"""Without a byte for so long, a torrent gives its lane to another."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What has come out since the last look.

    Attributes:
        statuses: Of all that is fetched.
        completed: Infohashes of what is whole, and was not before.
        moved: Infohashes of what is in its place.
        failed: What stands still, and why.
        notes: What went wrong, and need not matter.
        faults: What was seeded and cannot be read, with the reason.
    """

    statuses: Sequence[Status] = ()
    completed: Sequence[bytes] = ()
    moved: Sequence[bytes] = ()
    failed: Sequence[Failed] = ()
    notes: Sequence[str] = ()
    faults: dict[bytes, str] = field(default_factory=dict)


class Transfers:
    """Fetches torrents, and seeds them then.

    Args:
        seeder: Seeds, and has the engine.
        store: Where resume data goes.
        folder: The mirror's folder.
        route: By which way web seeds are asked where the engine cannot.
        discovers: Peers may be found without a tracker.
    """

    def __init__(
        self, seeder: MirrorSeeder, store: Path, folder: Path, route: Route, *, discovers: bool
    ) -> None:
        self._seeder = seeder
        self._store = ResumeStore(store)
        options = DownloadOptions(folder=folder, seed=SeedGoal(), discovers=discovers, route=route)
        self._job = Job(seeder.engine, options, self._store)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outpour-transfers")
        # Of what is fetched: how much was there, and since when; and what of it is large.
        self._moved_at: dict[bytes, tuple[int, float]] = {}
        self._large: set[bytes] = set()
        self._is_closed = False

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self._moved_at

    @property
    def is_idle(self) -> bool:
        """Whether nothing is fetched."""
        return not self._moved_at

    def has_room(self, length: int) -> bool:
        """Whether another torrent may be fetched, of so many bytes."""
        if len(self._moved_at) >= FETCHED_MAX:
            return False
        since, is_large = time.monotonic() - STILL_S, length > LARGE_BYTES
        moving = [one for one, (_, at) in self._moved_at.items() if at > since]
        alike = sum((one in self._large) == is_large for one in moving)
        return alike < (LANES if is_large else SMALL_LANES)

    async def fetch(self, metainfo: Metainfo, folder: Path) -> None:
        """Fetch a torrent into a folder.

        Raises:
            WriteError, NetworkError: It cannot be fetched.
        """
        # It counts from here on, or more would begin meanwhile than may.
        infohash = metainfo.info.infohash
        self._moved_at[infohash] = (-1, time.monotonic())
        if metainfo.info.length > LARGE_BYTES:
            self._large.add(infohash)
        try:
            await self._do(lambda: self._job.add(metainfo, folder=folder))
        except BaseException:
            self._end(infohash)
            raise

    async def name_sources(self, metainfo: Metainfo) -> None:
        """Ask from now on the trackers and web seeds that a torrent names that is written anew."""
        infohash = metainfo.info.infohash

        def name() -> None:
            if infohash not in self._seeder.engine:
                return
            if infohash in self._moved_at:
                self._job.name_sources(metainfo)
            else:
                self._seeder.name_sources(metainfo)

        await self._do(name)

    def connect(self, infohash: bytes, host: str, port: int) -> None:
        """Connect to a peer of a torrent, if it is fetched or seeded."""
        if infohash in self._seeder.engine:
            self._seeder.engine.connect_peer(infohash, host, port)

    def ask_again(self, infohashes: Iterable[bytes]) -> None:
        """Ask the trackers of what is fetched now: they may have refused it a moment ago."""
        for infohash in infohashes:
            if infohash in self._moved_at and infohash in self._seeder.engine:
                self._seeder.engine.reannounce(infohash)

    async def place(self, infohash: bytes, folder: Path) -> None:
        """Have what is whole moved to a folder; a turn tells when it is there."""
        await self._do(lambda: self._seeder.engine.move(infohash, folder))

    async def finish(self, infohash: bytes) -> None:
        """Seed what is whole and in its place."""

        def leave() -> None:
            self._job.leave(infohash)
            self._seeder.adopt(infohash)

        self._end(infohash)
        await self._do(leave)

    async def seed(self, torrents: Sequence[tuple[Metainfo, Path]]) -> list[str]:
        """Seed what was found in its place; returns what the engine did not take."""
        return await self._do(lambda: self._seeder.add_all(torrents))

    async def drop(self, infohash: bytes, folder: Path | None = None) -> None:
        """Let go of a torrent.

        Args:
            infohash: Which.
            folder: It was fetched into this one, and is not to go on later.
        """

        def let_go() -> None:
            if is_fetched:
                self._job.drop(infohash)
            else:
                self._seeder.remove(infohash)
            if folder is not None:
                self._store.forget(infohash, folder)

        is_fetched = infohash in self._moved_at
        self._end(infohash)
        await self._do(let_go)

    async def turn(self) -> Turn:
        """Look once at the engine."""
        return await self._do(self._turn)

    async def close(self) -> list[Note]:
        """Keep what the next run needs to go on, and stop."""
        if self._is_closed:
            return []
        self._is_closed = True
        notes = await self._do(self._job.close)
        await self._do(self._seeder.close)
        self._thread.shutdown(wait=False)
        return notes

    def _turn(self) -> Turn:
        self._seeder.engine.count_traffic()
        events = self._seeder.engine.events()
        statuses, outcomes = self._job.turn(events)
        notes, faults = self._seeder.hear(events)
        now = time.monotonic()
        for status in statuses:
            done, _ = self._moved_at.get(status.infohash, (-1, now))
            if status.done > done and status.infohash in self._moved_at:
                self._moved_at[status.infohash] = (status.done, now)
        notes += [one.message for one in outcomes if isinstance(one, Note)]
        return Turn(
            statuses=statuses,
            completed=[one.infohash for one in outcomes if isinstance(one, Completed)],
            moved=[event.infohash for event in events if isinstance(event, Moved)],  # type: ignore[misc]
            failed=[one for one in outcomes if isinstance(one, Failed)],
            notes=notes,
            faults={one: why for one, why in faults.items() if one not in self._moved_at},
        )

    def _end(self, infohash: bytes) -> None:
        self._moved_at.pop(infohash, None)
        self._large.discard(infohash)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def total(statuses: Iterable[Status]) -> tuple[int, int, int]:
    """Bytes that are there, bytes in all, and bytes a second, of all together."""
    done = length = rate = 0
    for status in statuses:
        done, length, rate = done + status.done, length + status.total, rate + status.down_rate
    return done, length, rate
