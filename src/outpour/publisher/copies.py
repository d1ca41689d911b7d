"""Keeps the copies on other servers in view, and torrents that name those that are good.

A copy is looked at when its torrent is published, again and again while it is missing, and once a
day afterwards: at ten thousand torrents with a dozen copies that is about one small look a second.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from outpour.base.daemon_call import in_daemon
from outpour.base.errors import WriteError
from outpour.base.event import Event
from outpour.base.together import together
from outpour.publisher.copy_check import LiesError, MissingError, check_copy
from outpour.publisher.publish_events import CopyFound, CopyLies, CopyMissing
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.torrent_of_entry import Torrents
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.service import TrackerService
from outpour.web.content_copy import ContentCopy, CopyState

Renew = Callable[[Publication, Metainfo, Path], None]

AT_ONCE = 4
AGAIN_S = 86_400.0
"""After a copy was found good, or lied: whoever keeps it may have put that right."""
MISSING_AGAIN_S = 30.0
MISSING_AGAIN_S_MAX = 3600.0
WRITE_AGAIN_S = 60.0


@dataclass(slots=True)
class LookedAfter:
    """A copy.

    Attributes:
        infohash: Of its torrent.
        seed: Its web seed.
        state: What was found last.
        since: When it came into this state, in Unix seconds.
        checked: When it was looked at last.
        is_named: Its torrent names it.
        wait_s: Until the next look, while it is missing.
        is_dropped: Nobody wants to know any more.
        lies: Looks in a row that found other bytes.
    """

    infohash: bytes
    seed: str
    state: CopyState = "unchecked"
    since: int | None = None
    checked: int | None = None
    is_named: bool = False
    wait_s: float = MISSING_AGAIN_S
    is_dropped: bool = False
    lies: int = 0


@dataclass(order=True, slots=True)
class _Due:
    at: float
    copy: LookedAfter = field(compare=False)


class Copies:
    """The copies of what is published.

    Args:
        torrents: Names them, and writes torrents down.
        tracker: Has the torrents.
        published: What is published.
        renew: Has the tracker and the page go on with another .torrent of the same infohash.
        tell: Told what is found.
        others: Web seeds of a torrent that somebody else looks after.
        at_once: Copies that are looked at at the same time.
    """

    def __init__(
        self,
        torrents: Torrents,
        tracker: TrackerService,
        published: PublishedTorrents,
        renew: Renew,
        tell: Callable[[Event], None],
        *,
        others: Callable[[bytes], Sequence[str]] = lambda _: (),
        at_once: int = AT_ONCE,
    ) -> None:
        self._torrents = torrents
        self._tracker = tracker
        self._published = published
        self._renew = renew
        self._tell = tell
        self._others = others
        self._at_once = at_once
        self._loop = asyncio.get_running_loop()
        self._copies: dict[bytes, list[LookedAfter]] = {}
        self._due: list[_Due] = []
        self._wake = asyncio.Event()
        self._ended = threading.Event()
        self._naming = asyncio.Lock()
        self._unwritten: asyncio.Queue[bytes] = asyncio.Queue()

    def add(self, publication: Publication, seeds: Sequence[str], named: Sequence[str]) -> None:
        """Look after the copies of what was just published.

        Args:
            publication: It.
            seeds: Where copies of it are to be.
            named: Those that its torrent names already.
        """
        copies = [LookedAfter(publication.infohash, seed, is_named=seed in named) for seed in seeds]
        self._copies[publication.infohash] = copies
        for copy in copies:
            heapq.heappush(self._due, _Due(self._loop.time(), copy))
        if copies:
            self._wake.set()

    def _look_soon(self, copy: LookedAfter) -> None:
        heapq.heappush(self._due, _Due(self._loop.time(), copy))
        self._wake.set()

    def good(self, infohash: bytes) -> list[str]:
        """The copies of a torrent that it names."""
        return [copy.seed for copy in self._copies.get(infohash, ()) if copy.is_named]

    def change(self, publication: Publication, seeds: Sequence[str]) -> bool:
        """Look after other copies of what is published; says if there are others than before."""
        before = {copy.seed: copy for copy in self._copies.get(publication.infohash, ())}
        if tuple(before) == tuple(seeds):
            return False
        after = [
            before.pop(seed) if seed in before else LookedAfter(publication.infohash, seed)
            for seed in seeds
        ]
        self._copies[publication.infohash] = after
        for copy in before.values():
            copy.is_dropped = True
        for copy in after:
            if copy.checked is None:
                heapq.heappush(self._due, _Due(self._loop.time(), copy))
        self._unwritten.put_nowait(publication.infohash)
        self._wake.set()
        return True

    def remove(self, infohash: bytes) -> None:
        """Forget the copies of what was withdrawn."""
        for copy in self._copies.pop(infohash, ()):
            copy.is_dropped = True

    def of(self, infohash: bytes) -> tuple[ContentCopy, ...]:
        """What is known of the copies of a torrent, for the web."""
        return tuple(
            ContentCopy(copy.seed, copy.state, "publisher", copy.since, copy.checked)
            for copy in self._copies.get(infohash, ())
        )

    def is_own(self, url: str) -> bool:
        """Whether a web seed leads to this publisher."""
        return self._torrents.is_own_seed(url)

    async def run(self) -> None:
        """Look at what is due, and write down what changed, until cancelled."""
        await together([self._look_at_all, self._write_changes])

    async def _write_changes(self) -> None:
        while True:
            infohash = await self._unwritten.get()
            publication = self._published.by_infohash(infohash)
            if publication is not None and not await self._write(publication):
                self._loop.call_later(WRITE_AGAIN_S, self._unwritten.put_nowait, infohash)

    async def _look_at_all(self) -> None:
        looking: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._wake.clear()
                now = self._loop.time()
                while self._due and self._due[0].at <= now and len(looking) < self._at_once:
                    copy = heapq.heappop(self._due).copy
                    if not copy.is_dropped:
                        looking.add(asyncio.create_task(self._look(copy)))
                wait_s = max(0.0, self._due[0].at - now) if self._due else None
                wake = asyncio.create_task(self._wake.wait())
                # A full house waits for somebody to leave.
                timeout = wait_s if len(looking) < self._at_once else None
                done, _ = await asyncio.wait(
                    {wake, *looking}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
                )
                wake.cancel()
                for task in done & looking:
                    looking.discard(task)
                    task.result()
        finally:
            self._ended.set()
            for task in looking:
                task.cancel()

    async def _look(self, copy: LookedAfter) -> None:
        publication = self._published.by_infohash(copy.infohash)
        file = self._tracker.metainfo_file(copy.infohash)
        if publication is None or file is None:
            return
        state: CopyState
        event: Event
        try:
            # A server that is silent holds up nobody, not even the end.
            await in_daemon(lambda: self._check(copy, file.read), "outpour-copy")
        except LiesError as error:
            state, wait_s = "wrong", self._lied(copy, str(error))
            event = CopyLies(publication.name, copy.seed, str(error))
        except MissingError as error:
            state, wait_s = "missing", copy.wait_s
            copy.wait_s = min(copy.wait_s * 2, MISSING_AGAIN_S_MAX)
            was_good = copy.state == "good" or copy.is_named
            event = CopyMissing(publication.name, copy.seed, str(error), was_good)
        else:
            state, wait_s, copy.wait_s = "good", AGAIN_S, MISSING_AGAIN_S
            await self._was_good(copy)
            event = CopyFound(publication.name, copy.seed)
        if copy.is_dropped:
            return
        before, copy.checked = copy.state, int(self._tracker.now())
        if state != before:
            copy.state, copy.since = state, copy.checked
        # One that an earlier run found good, and that still is, is no news.
        if state != before and not (copy.is_named and state == "good"):
            self._tell(event)
        if copy.is_named != (state == "good") and not await self._name(publication, copy):
            wait_s = WRITE_AGAIN_S
        heapq.heappush(self._due, _Due(self._loop.time() + wait_s, copy))

    def _check(self, copy: LookedAfter, read: Callable[[], bytes | None]) -> None:
        """Compare a copy with its torrent; in a thread."""
        check_copy(copy.seed, torrent_of(read), self._ended)

    def _lied(self, copy: LookedAfter, why: str) -> float:
        """Hear that a copy differs; says in how many seconds it is looked at again."""
        del copy, why
        return AGAIN_S

    async def _was_good(self, copy: LookedAfter) -> None:
        """Hear that a copy is right, before its torrent names it."""

    async def _name(self, publication: Publication, copy: LookedAfter) -> bool:
        """Have the torrent name a good copy, or no longer; says if that could be written down."""
        copy.is_named = copy.state == "good"
        if not await self._write(publication):
            # As it was, and tried again after the next look.
            copy.is_named = not copy.is_named
            return False
        return True

    async def _write(self, publication: Publication) -> bool:
        # One at a time, or what was found first might be written last.
        async with self._naming:
            infohash = publication.infohash
            named = [*self.good(infohash), *self._others(infohash)]
            try:
                written = await asyncio.to_thread(self._torrents.with_copies, publication, named)
            except WriteError:
                return False
            if written is not None and self._published.by_infohash(publication.infohash):
                self._renew(publication, *written)
        return True


def torrent_of(read: Callable[[], bytes | None]) -> Metainfo:
    """Read a torrent, or say that its copy cannot be compared."""
    raw = read()
    if raw is None:
        raise MissingError("its torrent cannot be read")
    return Metainfo.parse(raw)
