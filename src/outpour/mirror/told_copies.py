"""Takes over what a publisher tells of its torrents beside files, and what it lists them as."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from outpour.base.daemon_call import in_daemon
from outpour.base.errors import OutpourError
from outpour.base.event import Event
from outpour.base.within import within
from outpour.mirror.holdings import Holdings
from outpour.mirror.listing_source import Source
from outpour.mirror.mirror_job import MirrorJob
from outpour.mirror.offer import Offer
from outpour.mirror.put_off import PutOff
from outpour.publisher.publish_events import Noted

AT_ONCE = 4
SHOWN_AT_ONCE = 100
AGAIN_S = 10.0


class ToldCopies:
    """Keeps what is told as the publisher tells it.

    Args:
        holdings: Keep it.
        job: Has the torrents, and shows them.
        tell: Takes events, on the event loop.
    """

    def __init__(self, holdings: Holdings, job: MirrorJob, tell: Callable[[Event], None]) -> None:
        self._holdings = holdings
        self._told = holdings.told
        self._job = job
        self._tell = tell
        self._due: dict[bytes, Offer] = {}
        self._source: Source | None = None
        self._put_off = PutOff[bytes]()
        self._is_said = False
        self._wake = asyncio.Event()

    def differs(self, infohash: bytes, offer: Offer) -> bool:
        """Whether more is told of a torrent than is kept, or less; from any thread."""
        return offer.about_tag != self._told.tag(infohash)

    def want(self, offers: Iterable[tuple[bytes, Offer]], source: Source) -> None:
        """Have what is told of held torrents taken over."""
        self._source = source
        for infohash, offer in offers:
            self._due[infohash] = offer
        self._wake.set()

    def try_again(self) -> None:
        """Ask at once for what could not be had, as the publisher is back."""
        self._put_off.hasten()
        self._wake.set()

    async def run(self) -> None:
        """Take over what differs, until cancelled."""
        while True:
            with suppress(asyncio.TimeoutError):
                await within(AGAIN_S, self._wake.wait())
            self._wake.clear()
            for infohash in [one for one in self._due if one not in self._job.held]:
                del self._due[infohash]
            due = [one for one in self._due if not self._put_off.waits(one)]
            for at in range(0, len(due), SHOWN_AT_ONCE):
                if not await self._take(due[at : at + SHOWN_AT_ONCE]):
                    # Whoever does not answer is not asked ten thousand times in vain.
                    break

    async def _take(self, due: Iterable[bytes]) -> bool:
        """Take over some; says whether that went well."""
        waiting, taken = iter(due), []
        has_failed = False

        async def lane() -> None:
            nonlocal has_failed
            for infohash in waiting:
                offer = self._due.get(infohash)
                if offer is None:
                    continue
                try:
                    await self._renew(infohash, offer)
                except OutpourError as error:
                    self._complain(error)
                    self._put_off.fail(infohash)
                    has_failed = True
                    continue
                taken.append(infohash)
                self._is_said = False
                self._put_off.succeed(infohash)
                if self._due.get(infohash) is offer:
                    del self._due[infohash]

        await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
        await self._job.retell([(infohash, None) for infohash in taken])
        return not has_failed

    async def _renew(self, infohash: bytes, offer: Offer) -> None:
        if offer.about_tag is None:
            await asyncio.to_thread(self._told.drop, infohash)
            return
        original = await asyncio.to_thread(self._holdings.original, infohash)
        source = self._source
        if original is None or source is None:
            return
        count = sum(not file.is_padding for file in original.info.files)
        told = await in_daemon(lambda: source.told(infohash, count), "outpour-told")
        if infohash in self._job.held:
            # By the tag of the list, as that is what the next list is compared with.
            told = replace(told, tag=offer.about_tag)
            await asyncio.to_thread(self._told.put, infohash, told)

    def _complain(self, error: OutpourError) -> None:
        # Ten thousand torrents of a publisher that is gone are one piece of news.
        if not self._is_said:
            self._is_said = True
            self._tell(Noted(error.message))
