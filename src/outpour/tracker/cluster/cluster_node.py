"""One node of a cluster: swarms, counters and lists of this tracker and of the others together.

All is called on the thread of the event loop. What the core does with swarms takes a moment and is
done on threads beside it, and so is what waits for the disk.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from outpour import _core
from outpour.base.errors import WriteError
from outpour.base.event import Event
from outpour.tracker.cluster import swarm_exchange
from outpour.tracker.cluster.cluster_events import (
    CountsFound,
    MemoryDamaged,
    NameTaken,
    NobodyAnswered,
    ServerLost,
    ServerReached,
    SwarmsGiven,
    SwarmsTaken,
)
from outpour.tracker.cluster.cluster_figures import ClusterFigures, NodeFigures
from outpour.tracker.cluster.cluster_frame import EVERYBODY, Frame, SnapshotNote
from outpour.tracker.cluster.cluster_memory import ClusterMemory
from outpour.tracker.cluster.cluster_saver import ClusterSaver, last_read
from outpour.tracker.cluster.joining import HOPE_S, Joining
from outpour.tracker.cluster.last_words import say_within
from outpour.tracker.cluster.node_identity import FACT, identity_of, name_of
from outpour.tracker.cluster.node_registry import NodeRegistry
from outpour.tracker.cluster.node_report import NodeReport
from outpour.tracker.cluster.redis_server import ServerError
from outpour.tracker.cluster.server_keys import ServerKeys
from outpour.tracker.cluster.shared_base import COUNTERS, SharedBase
from outpour.tracker.cluster.shared_counts import SharedCounts, TooManyNodesError, copy_of, pages_of
from outpour.tracker.cluster.shared_lists import Origin, SharedLists
from outpour.tracker.cluster.shared_map import Statement
from outpour.tracker.cluster.shared_names import SharedNames
from outpour.tracker.cluster.statement_book import StatementBook
from outpour.tracker.cluster.stream_link import Beginning, StreamLink
from outpour.tracker.lists.admission import Admission
from outpour.tracker.lists.allowed_set import AllowedChange, AllowedSet
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state.keeper import Keeper

if TYPE_CHECKING:
    from outpour._core import Tracker

T = TypeVar("T")

EVENT_BYTES = 1 << 18
COUNTS_AT_ONCE = 2000
STATEMENTS_AT_ONCE = 2000
TURN_S = 0.1
FAREWELL_S = 3.0
UNHEARD_S = 16.0
"""What was said so shortly before a gap may be known to nobody else."""


class ClusterNode:
    """This tracker as one of several.

    Args:
        settings: Where the servers are, and what this node is called.
        clock: Unix time in seconds, for names of files alone.
        tell: Told what happens.

    Attributes:
        id: The 8 bytes of this node.
        name: What it is called.
        counts: Completed downloads of all nodes.

    Raises:
        ReadError, WriteError: What is remembered of the cluster cannot be used.
    """

    def __init__(
        self, settings: TrackerSettings, clock: Callable[[], float], tell: Callable[[Event], None]
    ) -> None:
        self._tell = tell
        self.memory = ClusterMemory(settings.state_path, clock)
        self.id = identity_of(settings.state_path, self.memory)
        self.name = name_of(settings)
        keys = ServerKeys(settings.cluster_name)
        # A peer that falls silent lives for half a timeout more where its last word was no news.
        retention_s = 1.5 * settings.peer_timeout_in_effect_s
        self._links = [
            StreamLink(url, keys, part, self.id, retention_s, self, last_read(self.memory, part))
            for part, url in enumerate(settings.cluster_servers)
        ]
        self._keys = keys
        self._shows_names = settings.show_names
        control = self._links[0].server
        self._base = SharedBase(control, keys, self._links[0].send)
        token = secrets.token_hex(8)
        former = (self.memory.fact("token") or b"").decode("ascii", "replace")
        self._registry = NodeRegistry(control, keys, self.id, token, former)
        self._token = token.encode()
        self.book = StatementBook(self.id, self._links[0].time)
        self._joining = {link.part: Joining() for link in self._links}
        self._threads = [
            ThreadPoolExecutor(1, thread_name_prefix=f"outpour-cluster-{link.part}")
            for link in self._links
        ]
        self._saver = ClusterSaver(self.id, self.memory, tell)
        self._wishes: dict[int, set[bytes]] = {link.part: set() for link in self._links}
        self._report = NodeReport(self.id, self.name, keys.name, self._links, self._registry)
        self._refused = 0
        self._was_ready = self._is_name_told = False

    @property
    def parts(self) -> int:
        """Ranges of infohashes, each with a server of its own."""
        return len(self._links)

    def begin(
        self,
        core: Tracker,
        keeper: Keeper,
        allowed: AllowedSet,
        admission: Admission,
        enforce: Callable[[AllowedChange], None],
        *,
        is_given: bool = False,
    ) -> None:
        """Take up what was known when the tracker was last running, before it serves.

        Args:
            core: Has the swarms.
            keeper: Has the counters.
            allowed: Has the torrents.
            admission: Has addresses, clients and keys.
            enforce: Has the core told of what is allowed now.
            is_given: Torrents of before are given again after the start, until `settle`.
        """
        self._core = core
        self._report.begin(core)
        self._swarms = _core.Cluster(core)
        self.counts = SharedCounts(self.id, keeper.ledger, self._swarms.set_foreign)
        for node, kind, pairs in self.memory.counts():
            with suppress(TooManyNodesError):
                self.counts.merge(node, kind, pairs, is_kept=True)
        keeper.others = self.counts
        keeper.set_number(FACT, int.from_bytes(self.id, "big"))
        self._at_start: _core.Ledger | None = copy_of(keeper.ledger)
        self._is_clean = self.memory.fact("is_clean") in (None, self.id)
        names = SharedNames(allowed, keeper, is_told=self._shows_names)
        lists = SharedLists(
            allowed, admission, enforce, core.set_origins, self.memory.said(), names
        )
        is_first = self.memory.fact("is_told") is None
        self.book.begin(lists, self.memory.statements(), is_first=is_first, is_given=is_given)
        self._saver.begin(
            self.counts, self._swarms, self.book, self._links, keeper, is_clean=self._is_clean
        )
        self.memory.set_facts(
            {"node": self.id, "is_clean": b"", "is_told": b"1", "token": self._token}
        )
        if self.memory.set_aside is not None:
            self._tell(MemoryDamaged(self.memory.set_aside))

    def works(self) -> list[Callable[[], Awaitable[None]]]:
        """What is to run until it is cancelled."""
        return [*(link.keep_up for link in self._links), self._turns, self._saver.keep_up]

    def set_origins(self, origins: Sequence[Origin]) -> None:
        """Have these given first in every answer, at all nodes."""
        self.book.set_origins(origins)

    def settle(self, *, is_for_all: bool) -> None:
        """Remove what was given when the tracker was last running and was not since."""
        self.book.settle(is_for_all=is_for_all)

    def forget(self, infohashes: Iterable[bytes]) -> None:
        """Have nobody told that these are allowed here no longer."""
        self.book.forget(infohashes)

    def unready(self) -> str | None:
        """Why this node is not to be asked yet; None once it holds all, or goes on alone."""
        if self._was_ready:
            return None
        for link in self._links:
            is_alone = link.was_tried and link.trouble is not None
            if not (self._joining[link.part].is_done or is_alone):
                return "joining the cluster"
        self._was_ready = True
        return None

    def figures(self) -> ClusterFigures:
        """The cluster as it is seen from here."""
        refused = (self._refused, self.book.refused, self._base.refused)
        levels = {
            "cluster_unsent_counters": self.counts.unsent,
            "cluster_statements": len(self.book.map),
        }
        return self._report.figures(self._own(), self._was_ready, sum(refused), levels)

    def stop(self) -> None:
        """Tell what is left, once the core answers no more and all counters are saved."""
        self.book.set_origins(())
        for thread in self._threads:
            thread.shutdown(wait=True)
        is_saved = self._saver.finish()
        is_clean = all(link.is_up or link.was_up for link in self._links) and say_within(
            FAREWELL_S, self._farewell
        )
        if is_saved:
            with suppress(WriteError):
                self.memory.set_facts({"is_clean": self.id if is_clean else b""})
        self.memory.close()

    # What the links ask for.

    async def begin_link(self, link: StreamLink, found: Beginning) -> None:
        """Become a node of the server, and find out what is to be made up for."""
        if link.part == 0:
            await self._registry.begin()
            if found.is_first or found.has_lost_in or found.has_lost_out:
                await self._exchange_base()
            await self._registry.tell(self._own(), link.time.ms or 0)
        joining = self._joining[link.part]
        if found.has_lost_in:
            joining.begin(found.silent_s)
        if found.has_lost_out:
            await link.send_again()
        if found.has_lost_out or (found.is_first and not self._is_clean):
            self._wishes[link.part].add(EVERYBODY)
        await self._go_on_joining(link)

    async def fill(self, link: StreamLink) -> Frame | None:
        """What is to be told over this link."""
        return await self._fill(link.part, self._base)

    async def heed(self, link: StreamLink, frame: Frame, age_s: float) -> None:
        """Take in what another node told."""
        if frame.node == self.id:
            return
        if frame.events and age_s <= link.retention_s:
            await self._apply(link.part, frame.events, age_s)
        try:
            for kind, pairs in zip(COUNTERS, (frame.counts, frame.withdrawn), strict=True):
                if pairs:
                    merge = partial(self.counts.merge, frame.node, kind, pairs)
                    await self._beside(link.part, merge)
        except TooManyNodesError:
            self._refused += 1
        if frame.statements:
            await self.book.hear(frame.statements)
        if frame.asked == self.id:
            self._wishes[link.part].add(frame.node)
            link.look_soon()
        if frame.snapshot is not None and frame.snapshot.wanted_by in (EVERYBODY, self.id):
            await self._take_swarms(link, frame, frame.snapshot, age_s)

    async def look(self, link: StreamLink) -> None:
        """Say that this node is there, and go on with what takes its time."""
        seconds, micros = await link.server.ask("TIME")
        link.time.note(int(seconds) * 1000 + int(micros) // 1000)
        link.entries = int(await link.server.ask("XLEN", self._keys.events))
        await self._report.look(link)
        if link.part == 0:
            await self._registry.tell(self._own(), link.time.ms or 0)
            self._check_name()
        await self._go_on_joining(link)
        wishes, self._wishes[link.part] = self._wishes[link.part], set()
        if wishes:
            await self._give_swarms(link, wishes)

    def changed(self, link: StreamLink, trouble: ServerError | None) -> None:
        """Tell that a server is reached or lost."""
        if trouble is not None:
            self._tell(ServerLost(str(link.url), trouble.why))
        else:
            others = sum(node.is_alive and not node.is_self for node in self._registry.nodes)
            self._tell(ServerReached(str(link.url), self._keys.name, others))

    # Swarms.

    async def _apply(self, part: int, blob: bytes, age_s: float) -> int:
        try:
            return await self._beside(part, partial(self._swarms.apply, blob, max(0.0, age_s)))
        except ValueError:
            self._refused += 1
            return 0

    async def _take_swarms(
        self, link: StreamLink, frame: Frame, note: SnapshotNote, age_s: float
    ) -> None:
        began = time.monotonic()
        changes = 0

        async def apply(blob: bytes) -> None:
            nonlocal changes
            changes += await self._apply(link.part, blob, age_s + time.monotonic() - began)

        joining = self._joining[link.part]
        if note.wanted_by == self.id and joining.missed_since_s is not None:
            # Of who stopped meanwhile nobody says anything any more.
            silent_s = began - joining.missed_since_s + UNHEARD_S
            await self._beside(link.part, partial(self._swarms.make_old, silent_s))
        is_whole = await swarm_exchange.take(link.server, self._keys, note, apply)
        if is_whole and note.wanted_by == self.id and joining.is_open:
            if joining.missed_since_s is not None:
                await self._beside(link.part, self._swarms.drop_old)
            joining.end()
            link.look_soon()
            name = next((n.name for n in self._registry.nodes if n.id == frame.node.hex()), "?")
            self._tell(SwarmsTaken(name, changes))

    async def _give_swarms(self, link: StreamLink, wishes: set[bytes]) -> None:
        began = time.monotonic()
        try:
            note = await swarm_exchange.give(
                link.server, self._keys, self._swarms, partial(self._beside, link.part)
            )
            for wanted_by in wishes:
                age_ms = int((time.monotonic() - began) * 1000)
                told = SnapshotNote(note.name, note.parts, wanted_by)
                await link.send(Frame(self.id, age_ms, snapshot=told))
        except ServerError:
            self._wishes[link.part] |= wishes
            raise
        self._tell(SwarmsGiven(is_to_all=EVERYBODY in wishes))

    async def _go_on_joining(self, link: StreamLink) -> None:
        """Ask a node for its swarms, and the next one if it gives none."""
        joining = self._joining[link.part]
        if not joining.is_open:
            return
        if link.part and not self._links[0].is_up and not self._links[0].trouble:
            return
        if joining.is_reading:
            if link.is_caught_up:
                if not joining.was_tried and self._registry.has_silent(HOPE_S):
                    joining.hope()
                else:
                    joining.end()
                link.look_soon()
            return
        ready = self._registry.others_ready()
        if joining.is_waiting(ready) or (joining.is_hoping and not ready and joining.may_hope):
            return
        if not ready and self._registry.has_others_joining and joining.is_patient:
            return
        target = joining.next_of(ready)
        if target is not None:
            await link.send(Frame(self.id, asked=target))
            return
        if joining.was_tried:
            self._tell(NobodyAnswered())
        if joining.is_hoping:
            joining.end()
            return
        # Nobody is there; what they said is, as far as the stream goes back.
        link.rewind()
        joining.is_reading = True

    # Counters and lists.

    async def _exchange_base(self) -> None:
        self._base.forget()
        there = await self._base.exchange_counts(self.counts)
        torrents, downloads = self._count_again(there)
        if downloads:
            self._tell(CountsFound(torrents, downloads))
            await asyncio.to_thread(self.counts.own.tell, self._core)
        await self._base.write_own(self.counts, there)
        statements = await self._base.read_statements()
        await self.book.hear(statements)
        await self._base.write_map(self.id, self.book.map, statements)

    def _count_again(self, there: _core.Ledger) -> tuple[int, int]:
        """Count what the server has of this node and its state lacks: it is an older copy.

        What was counted since the start is not in it, so both together is what there was.
        """
        at_start, self._at_start = self._at_start, None
        if at_start is None:
            return 0, 0
        torrents = downloads = 0
        for page in pages_of(there):
            more = [(one, count - at_start.get(one)) for one, count in page]
            lacking = [(one, count) for one, count in more if count > 0]
            self.counts.own.add(lacking)
            torrents += len(lacking)
            downloads += sum(count for _, count in lacking)
        return torrents, downloads

    async def _fill(self, part: int, base: SharedBase) -> Frame | None:
        events = self._swarms.take(EVENT_BYTES, part)
        counted: list[tuple[bytes, int]] = []
        withdrawn: list[tuple[bytes, int]] = []
        statements: list[Statement] = []
        if part == 0:
            taken = self.counts.take_unsent(COUNTS_AT_ONCE)
            for kind, infohash, count in taken:
                (counted if kind == "counted" else withdrawn).append((infohash, count))
            statements = self.book.take_unsent(STATEMENTS_AT_ONCE)
            try:
                if counted:
                    await base.write_counts(self.id, "counted", counted)
                if withdrawn:
                    await base.write_counts(self.id, "withdrawn", withdrawn)
                if statements:
                    await base.write_statements(statements)
            except BaseException:
                self.counts.put_back(taken)
                self.book.put_back(statements)
                self._links[part].say_later(Frame(self.id, events=events))
                raise
        if not (events or counted or withdrawn or statements):
            return None
        return Frame(self.id, 0, events, counted, withdrawn, statements)

    async def _turns(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            await self.book.turn()
            self._saver.take_back()

    async def _farewell(self) -> None:
        """Tell what is left, over connections of their own."""
        for old in self._links:
            link = StreamLink(old.url, self._keys, old.part, self.id, old.retention_s, self)
            link.time = old.time
            try:
                base = SharedBase(link.server, self._keys, link.send)
                if old.pending is not None:
                    await link.send(old.pending)
                while (frame := await self._fill(link.part, base)) is not None:
                    await link.send(frame)
                if link.part == 0:
                    registry = NodeRegistry(
                        link.server, self._keys, self.id, self._token.decode(), ""
                    )
                    await registry.leave(self._own(), link.time.ms or 0)
            finally:
                await link.server.close()

    def _own(self) -> NodeFigures:
        is_whole = self.unready() is None and all(one.is_done for one in self._joining.values())
        return self._report.own(is_ready=is_whole)

    def _check_name(self) -> None:
        if not self._is_name_told and any(
            node.name == self.name and node.is_alive and not node.is_self
            for node in self._registry.nodes
        ):
            self._is_name_told = True
            self._tell(NameTaken(self.name))

    async def _beside(self, part: int, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads[part], work)
