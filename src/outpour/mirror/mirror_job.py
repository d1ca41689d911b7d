"""The whole job: a publisher's list in; torrents fetched, placed, seeded and served out.

All state changes happen on one event loop. What waits for a disk, a server or the engine runs in
threads and returns values; what they found is acted upon here.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from outpour.base.errors import OutpourError, ReadError, WriteError
from outpour.base.event import Event
from outpour.base.together import together
from outpour.base.within import within
from outpour.mirror.complaints import Complaints
from outpour.mirror.fetch_queue import FetchQueue
from outpour.mirror.grace import Grace
from outpour.mirror.held_content import Look, look, mend
from outpour.mirror.held_torrents import HeldTorrents
from outpour.mirror.holdings import Held, Holdings
from outpour.mirror.mirror_events import Begun, Fetching, Mirrored, Renewed
from outpour.mirror.offer import MAGNET, Offer
from outpour.mirror.placement import Placement
from outpour.mirror.presented import Presented
from outpour.mirror.transfers import Transfers, Turn, total
from outpour.publisher.publish_events import Noted, Settled, Skipped, Turned, Withdrawn
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Given

Tell = Callable[[Event], None]

TURN_S = 1.0
BUSY_S = 0.1
AT_ONCE = 100
"""Torrents that are taken up again in one go of a thread."""
LOOKED_AT = 200
"""Torrents that are looked at in a turn: a small one need not wait for large ones."""
PEERS_MAX = 500
ANEW = "its publisher published other content under its name"
UNWANTED = "not wanted any more"
KEPT_S = 60.0
"""How often it is written down for how long torrents are missing."""


class MirrorJob:
    """Keeps what is held and what is shown of it the same.

    Args:
        holdings: What is held.
        placement: Where it lies.
        transfers: Fetch and seed.
        presented: Shows it.
        grace: Counts for how long torrents are missing.
        turns: Called each second.
        tell: Takes events, on the event loop.
        delete: Delete content that is let go of.
    """

    def __init__(
        self,
        holdings: Holdings,
        placement: Placement,
        transfers: Transfers,
        presented: Presented,
        grace: Grace,
        turns: Callable[[], None],
        tell: Tell,
        *,
        delete: bool,
    ) -> None:
        self._holdings = holdings
        self._placement = placement
        self._transfers = transfers
        self._presented = presented
        self._grace = grace
        self._each_turn = turns
        self._tell = tell
        self._delete = delete
        self.held = HeldTorrents()
        self._queue = FetchQueue()
        self._complaints = Complaints[bytes]()
        self._denied: set[bytes] = set()
        self._in_place: set[bytes] = set()
        self._unsettled: set[bytes] = set()
        self._wake = asyncio.Event()
        self._is_begun = asyncio.Event()
        self._is_in_touch = False
        self._kept_at = time.monotonic()

    async def run(self) -> None:
        """Mirror until cancelled."""
        await self._begin()
        self._is_begun.set()
        try:
            await together([self._turns])
        finally:
            await self._keep_grace()
            for note in await self._transfers.close():
                self._tell(Noted(note.message))

    async def begun(self) -> None:
        """Wait until what was held before is taken up again."""
        await self._is_begun.wait()

    def other(self, announced: bytes) -> bytes | None:
        """The infohash by which the engine knows what peers announce."""
        return self.held.other(announced)

    def touch(self, *, is_in_touch: bool) -> None:
        """Take note of whether the publisher can be asked."""
        self._is_in_touch = is_in_touch

    def hear_listed(self, infohashes: Iterable[bytes]) -> None:
        """Take note of what the publisher lists by now, and so tracks."""
        self._transfers.ask_again(infohashes)

    def whole(self) -> frozenset[bytes]:
        """The infohashes of what is in its place and served."""
        return self._presented.served()

    def is_whole(self, infohash: bytes) -> bool:
        """Whether a torrent is in its place."""
        held = self.held.get(infohash)
        return held is not None and held.fingerprint is not None

    async def hold(self, held: Held, metainfo: Metainfo) -> None:
        """Hold a torrent from now on, to be fetched before all that wait.

        Raises:
            WriteError: It cannot be written down.
        """
        if held.infohash in self.held:
            return
        try:
            self._placement.check(held, metainfo.info)
            self._refuse_twin(held)
        except OutpourError as error:
            self._complain(held, error)
            return
        await asyncio.to_thread(self._holdings.begin, held, metainfo)
        await self._show([(held, metainfo, None)])
        for rival in self.held.rivals(held):
            if rival.fingerprint is None:
                await self.let_go(rival.infohash, ANEW)
        self._queue.add_first(held.infohash)
        self._tell(Begun(held.name, held.length, held.infohash))

    def begin(self) -> None:
        """Have what waits fetched now, and not at the next turn."""
        self._wake.set()

    async def renew(self, held: Held, metainfo: Metainfo) -> None:
        """Take a .torrent in that was written anew under the infohash of what is held.

        Its trackers and web seeds are asked and handed out from now on; content stays as it is.

        Raises:
            WriteError: It cannot be written down.
        """
        before = await asyncio.to_thread(self._holdings.original, held.infohash)
        if before is not None and before.raw == metainfo.raw:
            await self.write([held])
            return
        await asyncio.to_thread(self._holdings.begin, held, metainfo)
        placed = None
        if held.fingerprint is not None:
            placed = await asyncio.to_thread(self._placement.look, held, metainfo.info)
        if held.infohash in self.held:
            await self._show([(held, metainfo, placed)])
            await self._transfers.name_sources(metainfo)
            self._tell(Renewed(held.name, held.infohash))

    async def retell(self, told: Sequence[tuple[bytes, Offer | None]]) -> None:
        """Show torrents as their publisher lists them now, or as the holdings tell of them."""
        for at in range(0, len(told), AT_ONCE):
            some = told[at : at + AT_ONCE]
            listed = [(self.held[one], offer) for one, offer in some if one in self.held]
            await self.write([held.told(offer) for held, offer in listed if offer is not None])
            rows = [self.held[held.infohash] for held, _ in listed if held.infohash in self.held]
            while rows:
                found = await asyncio.to_thread(look, self._holdings, self._placement, rows)
                await self._show([one for one in found if self.held.get(one[0].infohash) is one[0]])
                # One that came into its place meanwhile has a web seed to name.
                now = (self.held.get(held.infohash) for held in rows)
                pairs = zip(rows, now, strict=True)
                rows = [new for old, new in pairs if new is not None and new is not old]

    def _refuse_twin(self, held: Held) -> None:
        for rival in self.held.rivals(held):
            if not self._is_outdated(rival, held):
                raise ReadError(f"`{held.name}`: another torrent of this name is mirrored")

    def _is_outdated(self, old: Held, new: Held) -> bool:
        if old.infohash in self._grace:
            return True
        # A feed tells of nothing that is gone, but of what is newer.
        is_newer = (new.published_at or 0) > (old.published_at or 0)
        return old.key.startswith(("http", MAGNET)) and (is_newer or old.key == new.key)

    async def _begin(self) -> None:
        """Take up what was held before."""
        rows = await asyncio.to_thread(self._holdings.all)
        for held in rows:
            self.held.put(held)
        await asyncio.to_thread(mend, self._holdings, self._placement, self.held)
        left = {*await asyncio.to_thread(self._placement.half_there)}
        rows.sort(key=lambda held: (-(held.published_at or 0), held.name))
        length = whole = 0
        for at in range(0, len(rows), AT_ONCE):
            found = await asyncio.to_thread(self._look, rows[at : at + AT_ONCE])
            await self._show(found)
            ready = [(held, metainfo, placed) for held, metainfo, placed in found if placed]
            seeds = [(metainfo, placed.root) for _, metainfo, placed in ready]
            for trouble in await self._transfers.seed(seeds):
                self._tell(Noted(trouble))
            for held, metainfo, placed in ready:
                self._presented.serve(held, metainfo, placed)
                self._tell(Mirrored(held.name, held.length, held.infohash, fetched=False))
                length, whole = length + held.length, whole + 1
                if held.infohash in left:
                    # The last run ended before it was cleared up.
                    await asyncio.to_thread(self._placement.clear_incoming, held.infohash)
            for held, _, there in found:
                if held.missing_s is not None:
                    self._grace.begin(held.infohash, held.missing_s)
                if there is None and held.infohash not in self._denied:
                    self._queue.add(held.infohash)
        self._tell(Settled(whole, length, 0))

    def _look(self, rows: Sequence[Held]) -> list[Look]:
        """Look at what was held before, and forget what of it is lost; in a thread."""
        found = look(self._holdings, self._placement, rows)
        for held in {*rows} - {held for held, _, _ in found}:
            # Fetched again when it is listed; its content is looked at then.
            self._holdings.end(held.infohash)
            self.held.drop(held.infohash)
        return found

    async def _show(self, found: Sequence[Look]) -> None:
        """Track torrents, and hand them out."""

        def write() -> list[Given]:
            return [self._presented.written(*one) for one in found]

        denied = self._presented.denied()
        for held, metainfo, _ in found:
            self.held.put(held)
            if not denied.isdisjoint(self.held.announced(held.infohash, metainfo.info)):
                self._denied.add(held.infohash)
        given = await asyncio.to_thread(write)
        self._presented.track(given)

    async def _turns(self) -> None:
        before = time.monotonic()
        while True:
            await self._start_some()
            turn = await self._transfers.turn()
            await self._act(turn)
            now = time.monotonic()
            if now - before >= TURN_S:
                await self._pass_by(now - before)
                self._each_turn()
                self._progress(turn)
                self._tell(Turned())
                before = now
            with suppress(asyncio.TimeoutError):
                await within(TURN_S if self._transfers.is_idle else BUSY_S, self._wake.wait())
            self._wake.clear()

    def _progress(self, turn: Turn) -> None:
        if turn.statuses:
            done, length, rate = total(turn.statuses)
            self._tell(Fetching(len(turn.statuses), done, length, rate))

    async def _start_some(self) -> None:
        passed: list[bytes] = []
        for infohash in self._queue.take(LOOKED_AT):
            held = self.held.get(infohash)
            is_wanted = held is not None and infohash not in self._denied
            if held is None or not is_wanted or infohash in self._transfers:
                continue
            if not self._transfers.has_room(held.length):
                passed.append(infohash)
                continue
            metainfo = await asyncio.to_thread(self._holdings.original, infohash)
            if metainfo is None:
                continue
            try:
                await self._start(held, metainfo)
            except OutpourError as error:
                self._complain(held, error)
                self._queue.put_off(infohash)
        self._queue.give_back(passed)

    async def _start(self, held: Held, metainfo: Metainfo) -> None:
        old = [one.infohash for one in self.held.rivals(held) if one.fingerprint is not None]
        for infohash in old:
            self._presented.rest(infohash)
        incoming = self._placement.incoming(held.infohash)
        root = self._placement.root(held, metainfo.info)

        def is_there() -> bool:
            return not old and os.path.lexists(root) and not incoming.exists()

        # What lies in the place already may be the content, brought by other means.
        folder = self._placement.target(held) if await asyncio.to_thread(is_there) else incoming
        self._in_place.discard(held.infohash)
        if folder != incoming:
            self._in_place.add(held.infohash)
        await self._transfers.fetch(metainfo, folder)
        for host, port in self._presented.peers(held.infohash, PEERS_MAX):
            self._transfers.connect(held.infohash, host, port)

    async def _act(self, turn: Turn) -> None:
        for note in turn.notes:
            self._tell(Noted(note))
        for failed in turn.failed:
            held = self.held.get(failed.infohash)
            await self._transfers.drop(failed.infohash)
            if held is not None:
                self._complain(held, failed.error)
                self._queue.put_off(failed.infohash)
        for infohash, why in turn.faults.items():
            await self._lose(infohash, why)
        for infohash in turn.completed:
            await self._complete(infohash)
        for infohash in turn.moved:
            if infohash in self._transfers:
                self._unsettled.add(infohash)
                await self._try(self._settle(infohash))

    async def _complete(self, infohash: bytes) -> None:
        """Bring what is whole into its place."""
        held = self.held.get(infohash)
        if held is None:
            return
        if infohash in self._in_place:
            self._unsettled.add(infohash)
            await self._try(self._settle(infohash))
            return
        try:
            await self._make_way(held)
            await self._transfers.place(infohash, self._placement.target(held))
        except OutpourError as error:
            self._complain(held, error)

    async def _make_way(self, held: Held) -> None:
        """Take what it replaces out of its place."""
        for rival in self.held.rivals(held):
            original = await asyncio.to_thread(self._holdings.original, rival.infohash)
            await self._forget(rival, ANEW)
            if original is not None and rival.fingerprint is not None:
                await asyncio.to_thread(self._placement.put_aside, rival, original)
            await asyncio.to_thread(self._holdings.end, rival.infohash)

    async def _settle(self, infohash: bytes) -> None:
        """Serve what is whole and in its place."""
        held = self.held.get(infohash)
        metainfo = await asyncio.to_thread(self._holdings.original, infohash)
        if held is None or metainfo is None:
            self._unsettled.discard(infohash)
            return
        placed = await asyncio.to_thread(self._placement.look, held, metainfo.info)
        if placed is None:
            error = WriteError(f"`{held.name}`: not in its place, though it was put there")
            self._unsettled.discard(infohash)
            await self._transfers.drop(infohash)
            self._complain(held, error)
            self._queue.put_off(infohash)
            return
        held = replace(held, fingerprint=placed.fingerprint)
        await asyncio.to_thread(self._holdings.put, [held])
        await self._show([(held, metainfo, placed)])
        await self._transfers.finish(infohash)
        self._unsettled.discard(infohash)
        self._presented.serve(held, metainfo, placed)
        self._queue.succeed(infohash)
        self._complaints.forget(infohash)
        self._tell(Mirrored(held.name, held.length, infohash, fetched=True))
        await asyncio.to_thread(self._clear_up, infohash)

    def _clear_up(self, infohash: bytes) -> None:
        self._placement.clear_incoming(infohash)
        for old in self._placement.unfinished():
            if old not in self.held:
                self._placement.clear_aside(old)

    async def _lose(self, infohash: bytes, why: str) -> None:
        """Fetch content anew that can no longer be read."""
        held = self.held.get(infohash)
        if held is None:
            return
        self._tell(Noted(f"{why}; `{held.name}` is fetched again"))
        self._presented.stop_serving(infohash)
        await self._transfers.drop(infohash)
        held = replace(held, fingerprint=None)
        self.held.put(held)
        await asyncio.to_thread(self._holdings.put, [held])
        self._queue.put_off(infohash)

    async def let_go(self, infohash: bytes, why: str) -> None:
        """Mirror a torrent no longer; its content is deleted only where that is wanted."""
        held = self.held.get(infohash)
        if held is None:
            return
        original = await asyncio.to_thread(self._holdings.original, infohash)
        await self._forget(held, why)
        await asyncio.to_thread(self._holdings.end, infohash)
        if self._delete and held.fingerprint is not None and original is not None:
            await asyncio.to_thread(self._placement.delete, held, original.info)
        await asyncio.to_thread(self._placement.clear_incoming, infohash)

    async def _forget(self, held: Held, why: str) -> None:
        infohash = held.infohash
        self.held.drop(infohash)
        self._grace.forget(infohash)
        self._presented.withdraw(infohash, is_published=why == UNWANTED)
        incoming = self._placement.incoming(infohash)
        await self._transfers.drop(infohash, None if held.fingerprint else incoming)
        self._denied.discard(infohash)
        self._tell(Withdrawn(held.name, infohash, why))

    async def obey(self) -> None:
        """Stop what an administrator of the mirror wants none of, and go on with the rest."""
        denied = self._presented.denied()
        now = {one for alias in denied if (one := self.held.other(alias)) is not None}
        before, self._denied = self._denied, now
        for infohash in now - before:
            self._presented.stop_serving(infohash)
            await self._transfers.drop(infohash)
            name = self.held[infohash].name
            self._tell(Withdrawn(name, infohash, "withdrawn by an administrator"))
        for infohash in before - now:
            if infohash in self.held:
                self._queue.add_first(infohash)
        self._wake.set()

    async def _pass_by(self, seconds: float) -> None:
        if self._is_in_touch and len(self._grace):
            for infohash in self._grace.pass_by(seconds):
                await self._try(self.let_go(infohash, "its publisher lists it no longer"))
        for infohash in tuple(self._unsettled):
            await self._try(self._settle(infohash))
        if time.monotonic() - self._kept_at >= KEPT_S:
            await self._keep_grace()

    async def _keep_grace(self) -> None:
        self._kept_at = time.monotonic()
        changed = []
        for infohash in tuple(self._grace.all()):
            held = self.held.get(infohash)
            if held is not None:
                changed.append(replace(held, missing_s=self._grace.of(infohash)))
        await self.write(changed)

    async def write(self, changed: list[Held]) -> None:
        """Write changed rows down; where that fails, the next start knows what this one did."""
        for held in changed:
            self.held.put(held)
        if changed:
            try:
                await asyncio.to_thread(self._holdings.put, changed)
            except WriteError as error:
                self._tell(Noted(error.message))

    async def _try(self, work: Coroutine[None, None, None]) -> None:
        """Do what a full disk may keep us from; it is tried again by itself."""
        try:
            await work
        except OutpourError as error:
            if self._complaints.is_new(b"", error):
                self._tell(Noted(error.message))

    def _complain(self, held: Held, error: OutpourError) -> None:
        if self._complaints.is_new(held.infohash, error):
            self._tell(Skipped(held.name, error.message, error.hint))
