"""Follows a publisher: what it lists is held, and what it lists no longer is let go of in time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from outpour.base.daemon_call import in_daemon
from outpour.base.errors import OutpourError, WriteError
from outpour.base.event import Event
from outpour.base.text import printable
from outpour.base.together import together
from outpour.base.within import within
from outpour.mirror.feed_source import tag_of
from outpour.mirror.grace import Grace
from outpour.mirror.holdings import Held, Holdings
from outpour.mirror.listing_comparison import Comparison, Sides, compare, surplus
from outpour.mirror.listing_source import Source
from outpour.mirror.magnet_fetch import AT_ONCE as MAGNETS_AT_ONCE
from outpour.mirror.magnet_fetch import MagnetFetch
from outpour.mirror.mirror_events import Disbelieved, Followed, SourceFailed
from outpour.mirror.mirror_job import UNWANTED, MirrorJob
from outpour.mirror.mirror_options import MirrorOptions
from outpour.mirror.offer import Listing, Offer
from outpour.mirror.put_off import PutOff
from outpour.mirror.sidecar_copies import SidecarCopies
from outpour.mirror.source_choice import choose, known_source
from outpour.mirror.told_copies import ToldCopies
from outpour.publisher.publish_events import Noted, Skipped
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

AT_ONCE = 4
""".torrent files that are fetched at the same time."""
HELD_AT_ONCE = 100
COUNTED_AT_ONCE = 200
"""In a row, of a publisher that empties itself: about a millisecond."""
AGAIN_S = 10.0
LOOK_S = 2.0
KIND = "source"

News: TypeAlias = "Listing | Exception"


class Follower:
    """Brings what a publisher lists to the job.

    Args:
        options: Whom to follow, and what is wanted of it.
        holdings: Remember what kind of publisher it is.
        job: Holds what is wanted.
        grace: Counts for how long torrents are missing.
        magnets: Ask peers for what only a magnet link names.
        sidecars: Take what the publisher has beside its content.
        told: Take what it tells of torrents.
        tell: Takes events, on the event loop.
    """

    def __init__(
        self,
        options: MirrorOptions,
        holdings: Holdings,
        job: MirrorJob,
        grace: Grace,
        magnets: MagnetFetch,
        sidecars: SidecarCopies,
        told: ToldCopies,
        tell: Callable[[Event], None],
    ) -> None:
        self._options = options
        self._holdings = holdings
        self._job = job
        self._grace = grace
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._ended = threading.Event()
        self._news: asyncio.Queue[News] = asyncio.Queue()
        self._source: Source | None = None
        self._listed: dict[str, Offer] = {}
        self._chosen: dict[str, Offer] = {}
        self._infohashes: dict[str, bytes] = {}
        self._rejected: set[str] = set()
        self._put_off = PutOff[str]()
        self._is_wanted = asyncio.Event()
        self._magnets = magnets
        self._sidecars = sidecars
        self._told = told
        self._are_magnets_wanted = asyncio.Event()
        self._complaint = ""
        self._counted: tuple[int, int] | None = None
        self._missing_told = 0
        self._needs_trim = False

    async def run(self) -> None:
        """Follow until cancelled.

        Raises:
            NetworkError: What answers is no publisher, and was none before.
        """
        await self._job.begun()
        for held in self._job.held.values():
            self._infohashes[held.key] = held.infohash
        try:
            self._source = await self._choose()
            thread = threading.Thread(target=self._follow, name="outpour-source", daemon=True)
            thread.start()
            await together([self._hear, self._collect, self._collect_magnets])
        finally:
            self._ended.set()

    async def _choose(self) -> Source:
        options = self._options
        kind = await asyncio.to_thread(self._holdings.note, KIND)
        source = known_source(kind, options.source, options.route, options.feed_every_s)
        if source is None:

            def complain(error: OutpourError) -> None:
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._complain, error)

            source = await in_daemon(
                lambda: choose(
                    options.source, options.route, options.feed_every_s, complain, self._ended
                ),
                "outpour-source",
            )  # fmt: skip
            assert source is not None
            with suppress(WriteError):
                # Without room it is found out again at the next start.
                name = f"{type(source).__name__} {options.source}"
                await asyncio.to_thread(self._holdings.keep_note, KIND, name)
        return source

    def _follow(self) -> None:
        """Wait for what the publisher lists; in a thread."""

        def put(news: News) -> None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._news.put_nowait, news)

        assert self._source is not None
        try:
            self._source.follow(put, put, self._ended)
        except Exception as error:
            # A mirror that ends is started again; one that hears nothing more is not.
            put(error)

    async def _hear(self) -> None:
        while True:
            try:
                news = await within(LOOK_S, self._news.get())
            except asyncio.TimeoutError:
                await self._trim()
                continue
            if isinstance(news, OutpourError):
                self._complain(news)
            elif isinstance(news, Exception):
                raise news
            else:
                await self._take(news)

    def _complain(self, error: OutpourError) -> None:
        self._job.touch(is_in_touch=False)
        self._sidecars.is_in_touch = False
        message, source = error.message, self._options.source
        about, is_split, why = message.partition("`: ")
        if is_split and about.startswith(f"`{source.rstrip('/')}/api/"):
            # Which part of the API was asked is no matter to whoever named the page.
            message = f"`{source}`: {why}"
        if self._complaint != message:
            self._complaint = message
            self._tell(SourceFailed(message, error.hint))

    async def _take(self, listing: Listing) -> None:
        """Take in what is listed now, or what is listed besides."""
        source = self._source
        assert source is not None
        self._job.touch(is_in_touch=True)
        self._sidecars.is_in_touch = True
        if listing.beside is not None:
            self._sidecars.hear(listing.beside, source.file, is_empty=not self._listed)
            if not listing.offers:
                return
        is_again = bool(self._complaint)
        if is_again:
            self._complaint = ""
            self._counted = None
            # What failed while it was gone need not wait any longer.
            self._put_off.hasten()
            self._told.try_again()
        sides = Sides(
            self._listed, tuple(self._job.held.values()), self._infohashes, self._options.wishes,
            self._grace, source.withdraws, self._told.differs,
        )  # fmt: skip
        found = await asyncio.to_thread(partial(compare, listing, sides, is_again=is_again))
        self._listed, self._chosen = found.listed, found.chosen
        self._job.hear_listed(found.known)
        self._needs_trim = True
        if source.withdraws and listing.is_whole:
            await self._count(found)
        await self._retell(found, source)
        counted = (len(self._listed), len(self._chosen))
        if counted != self._counted:
            self._counted = counted
            self._tell(Followed(self._options.source, *counted))
            if listing.is_cut:
                text = "lists more than a mirror takes; the rest is left out"
                self._tell(Noted(f"{self._options.source}: {text}"))
        self._is_wanted.set()
        self._are_magnets_wanted.set()

    async def _count(self, found: Comparison) -> None:
        """Begin to count for how long torrents are missing, and stop where they came back."""
        self._grace.hear(is_empty=not self._listed)
        held, fresh = self._job.held, 0
        for at in range(0, len(found.back), COUNTED_AT_ONCE):
            back = [one.infohash for one in found.back[at : at + COUNTED_AT_ONCE]]
            back = [one for one in back if self._grace.forget(one) and one in held]
            await self._job.write([replace(held[one], missing_s=None) for one in back])
        for at in range(0, len(found.missing), COUNTED_AT_ONCE):
            gone = [one.infohash for one in found.missing[at : at + COUNTED_AT_ONCE]]
            gone = [one for one in gone if one in held and one not in self._grace]
            for one in gone:
                self._grace.begin(one)
            await self._job.write([replace(held[one], missing_s=0.0) for one in gone])
            fresh += len(gone)
        missing = len(self._grace)
        if fresh and missing != self._missing_told:
            options = self._options
            self._tell(Disbelieved(options.source, len(self._listed), missing, options.grace_s))
        self._missing_told = missing

    async def _retell(self, found: Comparison, source: Source) -> None:
        """Show what is held as it is listed now."""
        held = self._job.held
        listed = [(one, offer) for one, offer in found.told if one in held]
        self._told.want(
            ((one, offer) for one, offer in listed if self._told.differs(one, offer)), source
        )
        await self._job.retell(
            [(one, offer) for one, offer in listed if held[one].told(offer) is not held[one]]
        )

    async def _trim(self) -> None:
        """Let go of what is listed and not wanted, once all that is wanted is here."""
        source = self._source
        if source is None or not self._chosen or not self._needs_trim:
            return
        sides = tuple(self._job.held.values()), self._listed, self._chosen
        more = await asyncio.to_thread(partial(surplus, *sides, withdraws=source.withdraws))
        self._needs_trim = bool(more)
        for held in more:
            if held.fingerprint is None:
                await self._let_go(held)
        is_all_here = await asyncio.to_thread(self._is_all_here)
        if is_all_here:
            for held in more:
                if held.infohash in self._job.held:
                    await self._let_go(held)

    def _is_all_here(self) -> bool:
        """Whether all that is wanted is; in a thread."""
        wanted = map(self._infohashes.get, self._chosen)
        return all(one is not None and self._job.is_whole(one) for one in wanted)

    async def _let_go(self, held: Held) -> None:
        try:
            await self._job.let_go(held.infohash, UNWANTED)
        except OutpourError as error:
            self._tell(Noted(error.message))

    async def _collect(self) -> None:
        """Fetch the .torrent files of what is wanted and not held, the newest first."""
        while True:
            with suppress(asyncio.TimeoutError):
                await within(AGAIN_S, self._is_wanted.wait())
            self._is_wanted.clear()
            lacking = await asyncio.to_thread(self._lacking)
            for at in range(0, len(lacking), HELD_AT_ONCE):
                await self._fetch(lacking[at : at + HELD_AT_ONCE])
                if self._is_wanted.is_set():
                    # What is newer goes before.
                    break
            else:
                outdated = await asyncio.to_thread(self._outdated)
                await self._renew(outdated[:HELD_AT_ONCE])

    async def _collect_magnets(self) -> None:
        """Ask peers for what only magnet links name; one that nobody has holds nothing else up."""
        asking: dict[str, asyncio.Task[None]] = {}

        def end(key: str) -> None:
            del asking[key]
            self._are_magnets_wanted.set()

        try:
            while True:
                with suppress(asyncio.TimeoutError):
                    await within(AGAIN_S, self._are_magnets_wanted.wait())
                self._are_magnets_wanted.clear()
                found = await asyncio.to_thread(partial(self._lacking, magnets=True))
                lacking = [one for one in found if one.key not in asking]
                for offer in lacking[: MAGNETS_AT_ONCE - len(asking)]:
                    task = asyncio.create_task(self._fetch([offer]))
                    asking[offer.key] = task
                    task.add_done_callback(lambda _, key=offer.key: end(key))  # type: ignore[misc]
        finally:
            for task in tuple(asking.values()):
                task.cancel()
            await self._magnets.close()

    def _lacking(self, *, magnets: bool = False) -> list[Offer]:
        """What is wanted, is not held, and is to be fetched now; in a thread."""
        found = []
        for key, offer in self._chosen.items():
            infohash = self._infohashes.get(key)
            is_held = infohash is not None and infohash in self._job.held
            if (
                is_held
                or self._put_off.waits(key)
                or offer.is_magnet != magnets
                or key in self._rejected
            ):
                continue
            found.append(offer)
        return found

    async def _fetch(self, offers: list[Offer]) -> None:
        waiting = iter(offers)
        taken: list[tuple[Held, Metainfo]] = []

        async def lane() -> None:
            for offer in waiting:
                metainfo = await self._metainfo(offer)
                if metainfo is not None:
                    tagged = replace(offer, tag=offer.tag or tag_of(metainfo.raw))
                    taken.append((Held.of(tagged, metainfo), metainfo))

        await asyncio.gather(*(lane() for _ in range(min(AT_ONCE, len(offers)))))
        order = {offer.key: place for place, offer in enumerate(offers)}
        taken.sort(key=lambda pair: order[pair[0].key])
        await self._hold(taken)

    async def _hold(self, taken: list[tuple[Held, Metainfo]]) -> None:
        # Each is put before all that wait.
        for held, metainfo in reversed(taken):
            try:
                await self._job.hold(held, metainfo)
            except WriteError as error:
                self._tell(Skipped(held.name, error.message, error.hint))
                break
        self._job.begin()
        for held, _ in taken:
            self._infohashes[held.key] = held.infohash
            if held.infohash not in self._job.held:
                self._put_off.fail(held.key)
                continue
            offer = self._listed.get(held.key)
            if offer is not None and self._source and self._told.differs(held.infohash, offer):
                self._told.want([(held.infohash, offer)], self._source)

    def _outdated(self) -> list[Offer]:
        """What is held, and of which the .torrent was written anew since; in a thread."""
        found = []
        for key, offer in self._chosen.items():
            infohash = self._infohashes.get(key)
            held = self._job.held.get(infohash) if infohash is not None else None
            if held is None or offer.tag is None or offer.tag == held.tag:
                continue
            if not self._put_off.waits(key):
                found.append(offer)
        return found

    async def _renew(self, offers: list[Offer]) -> None:
        waiting = iter(offers)

        async def lane() -> None:
            for offer in waiting:
                metainfo = await self._metainfo(offer)
                if metainfo is None:
                    continue
                held = self._job.held.get(metainfo.info.infohash)
                try:
                    if held is not None and held.key == offer.key:
                        await self._job.renew(replace(held, tag=offer.tag), metainfo)
                    else:
                        # Under the URL of a feed there is another torrent by now.
                        await self._hold([(Held.of(offer, metainfo), metainfo)])
                except OutpourError as error:
                    self._tell(Noted(error.message))
                    self._put_off.fail(offer.key)

        await asyncio.gather(*(lane() for _ in range(min(AT_ONCE, len(offers)))))

    async def _metainfo(self, offer: Offer) -> Metainfo | None:
        source = self._source
        assert source is not None
        name = printable(offer.name)
        if offer.torrent_url is None and not offer.is_magnet:
            self._rejected.add(offer.key)
            self._tell(Skipped(name, f"`{name}`: its .torrent is not offered", None))
            return None
        try:
            if offer.is_magnet:
                magnet = Magnet.parse(offer.key)
                known = self._job.other(magnet.infohash)
                if known is not None:
                    self._infohashes[offer.key] = known
                    return None
                metainfo = await self._magnets.metainfo(magnet)
            else:
                metainfo = await in_daemon(lambda: source.metainfo(offer), "outpour-torrent")
        except OutpourError as error:
            if offer.key not in self._put_off:
                self._tell(Skipped(name, error.message, error.hint))
            self._put_off.fail(offer.key)
            return None
        self._put_off.succeed(offer.key)
        info = metainfo.info
        # A list may tell of other names and sizes than there are.
        if not self._options.wishes.fits(info.name, info.length, offer.group):
            self._rejected.add(offer.key)
            return None
        return metainfo
