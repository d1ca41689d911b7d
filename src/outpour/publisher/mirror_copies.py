"""The copies on registered mirrors: looked at as those on other servers, and trusted less.

A mirror says where its copies are, and which: nothing is asked of it but those, at addresses that
it may name, and no more than two copies at a time. One that is not whole there any more is not
named; one that differs twice in a row is a lie.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from outpour.base.event import Event
from outpour.base.http_route import Route
from outpour.publisher.copies import AGAIN_S, Copies, LookedAfter, Renew, torrent_of
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.copy_check import check_copy
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.torrent_of_entry import Torrents
from outpour.tracker.service import TrackerService
from outpour.web.content_copy import ContentCopy

AT_ONCE = 2
LIES_MAX = 2
"""Looks in a row that find other bytes: one may have met content that was just replaced."""
LIE_AGAIN_S = 60.0
CHECK_S = 120.0
"""For one look: whoever is slower is no help to visitors either."""
_chance = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class MirrorBase:
    """Where a mirror's copies lie.

    Attributes:
        name: Of the mirror.
        base: URL of its content.
        may_reach: Says which addresses may be asked for it.
    """

    name: str
    base: CopyBase
    may_reach: Callable[[str], bool]


@dataclass(slots=True)
class _Copy(LookedAfter):
    mirror: MirrorBase | None = None


class MirrorCopies(Copies):
    """The copies on mirrors; the arguments are those of `Copies`.

    Args:
        on_good: Told the name of a mirror one of whose copies was found to be right, and is
            waited for before a torrent names that.
        on_lie: Told the name of a mirror that gave other bytes, and what was found.
    """

    def __init__(
        self,
        torrents: Torrents,
        tracker: TrackerService,
        published: PublishedTorrents,
        renew: Renew,
        *,
        others: Callable[[bytes], Sequence[str]],
        on_good: Callable[[str], Awaitable[None]],
        on_lie: Callable[[str, str], None],
    ) -> None:
        super().__init__(
            torrents, tracker, published, renew, _nobody, others=others, at_once=AT_ONCE
        )
        self._on_good = on_good
        self._on_lie = on_lie

    def claim(self, mirror: MirrorBase, infohash: bytes) -> None:
        """Look after a copy that a mirror says it has; one that is looked after is looked at now.

        What is not published here is left out of account.
        """
        publication = self._published.by_alias(infohash)
        row = self._tracker.row(infohash)
        file = None if publication is None else self._tracker.metainfo_file(publication.infohash)
        if publication is None or row is None or file is None:
            return
        seed = mirror.base.seed_of(publication.name, is_folder=publication.is_folder)
        if seed is None:
            return
        copies = self._copies.setdefault(publication.infohash, [])
        for known in copies:
            if isinstance(known, _Copy) and known.mirror and known.mirror.name == mirror.name:
                return
        # One that was good before a restart stays named until it is looked at.
        is_named = seed in row.web_seeds
        copy = _Copy(publication.infohash, seed, is_named=is_named, mirror=mirror)
        copies.append(copy)
        self._look_soon(copy)

    def sample(self, name: str) -> None:
        """Have one of a mirror's copies looked at now, whichever."""
        found = [copy for copy in self._of(name) if copy.is_named]
        if found:
            self._look_now(_chance.choice(found))

    def good_at(self, name: str) -> int:
        """How many copies of a mirror are good."""
        return sum(copy.is_named for copy in self._of(name))

    def unclaim(self, name: str, infohash: bytes) -> None:
        """A mirror has this no longer: it is looked at, and named no longer if so."""
        for copy in tuple(self._copies.get(infohash, ())):
            if isinstance(copy, _Copy) and copy.mirror and copy.mirror.name == name:
                self._look_now(copy)

    def forget(self, name: str) -> None:
        """Look after none of a mirror's copies any more."""
        for copy in self._of(name):
            copy.is_dropped = True
            left = [one for one in self._copies[copy.infohash] if one is not copy]
            self._copies[copy.infohash] = left

    async def unname(self, mirror: MirrorBase) -> None:
        """Have torrents name only those of a mirror's copies that are looked after and good."""
        async with self._naming:
            # What was being written may name one that was let go of meanwhile.
            pass
        for publication in self._published.all():
            seed = mirror.base.seed_of(publication.name, is_folder=publication.is_folder)
            row = self._tracker.row(publication.infohash)
            if seed is not None and row is not None and seed in row.web_seeds:
                await self._write(publication)

    def of(self, infohash: bytes) -> tuple[ContentCopy, ...]:
        """What is known of the copies of a torrent on mirrors, for the web."""
        return tuple(replace(one, by="mirror") for one in super().of(infohash))

    def _look_now(self, copy: _Copy) -> None:
        # What is due later goes, or it would be due twice from then on.
        again = replace(copy)
        copy.is_dropped = True
        copies = self._copies[copy.infohash]
        copies[next(at for at, one in enumerate(copies) if one is copy)] = again
        self._look_soon(again)

    def _of(self, name: str) -> list[_Copy]:
        return [
            copy
            for copies in self._copies.values()
            for copy in copies
            if isinstance(copy, _Copy) and copy.mirror is not None and copy.mirror.name == name
        ]

    def _check(self, copy: LookedAfter, read: Callable[[], bytes | None]) -> None:
        assert isinstance(copy, _Copy)
        assert copy.mirror is not None
        ended = _Bounded(self._ended, CHECK_S)
        route = Route(may_reach=copy.mirror.may_reach)
        check_copy(copy.seed, torrent_of(read), ended, route)

    def _lied(self, copy: LookedAfter, why: str) -> float:
        assert isinstance(copy, _Copy)
        assert copy.mirror is not None
        copy.lies += 1
        if copy.lies < LIES_MAX:
            return LIE_AGAIN_S
        if not copy.is_dropped:
            self._on_lie(copy.mirror.name, why)
        return AGAIN_S

    async def _was_good(self, copy: LookedAfter) -> None:
        assert isinstance(copy, _Copy)
        assert copy.mirror is not None
        copy.lies = 0
        if not copy.is_dropped:
            await self._on_good(copy.mirror.name)


class _Bounded(threading.Event):
    """Set when another is, and when so many seconds are over."""

    def __init__(self, outer: threading.Event, seconds: float) -> None:
        super().__init__()
        self._outer = outer
        self._until = time.monotonic() + seconds

    def is_set(self) -> bool:
        return self._outer.is_set() or time.monotonic() >= self._until

    def wait(self, timeout: float | None = None) -> bool:
        rest = max(0.0, self._until - time.monotonic())
        self._outer.wait(rest if timeout is None else min(timeout, rest))
        return self.is_set()


def _nobody(event: Event) -> None:
    """What is found of each copy is told of the mirror as a whole."""
