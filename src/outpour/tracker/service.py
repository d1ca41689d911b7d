"""The tracker as a service: joins the core that answers announces with the set, state and views.

Everything is called on one thread, that of the event loop; what blocks runs in others. The core
knows nothing of this: it is given whole sets and asked for counts, once a second.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from outpour.base.errors import WriteError
from outpour.base.event import Event
from outpour.base.open_files import raise_limit
from outpour.base.together import together
from outpour.base.within import within
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.core import bind, connections_of, until_fault
from outpour.tracker.dfile_contents import DfileContents
from outpour.tracker.lists.admission import Admission, AdmissionReading
from outpour.tracker.lists.allowed_set import AllowedChange, AllowedReading, AllowedSet
from outpour.tracker.lists.listed_torrent import Given, Listing
from outpour.tracker.lists.metainfo_file import status_of
from outpour.tracker.operation import Operation
from outpour.tracker.own_seeder import OwnSeeder
from outpour.tracker.rates import Rates
from outpour.tracker.ruling import Ruling
from outpour.tracker.saver import Saver
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.shown_tracker import ShownTracker
from outpour.tracker.source_watch import watch_sources
from outpour.tracker.state.history import LARGEST_MAX
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.tracker_events import (
    Completed,
    ConnectionsAllowed,
    MoreCompleted,
    ProxyNotTrusted,
    SnapshotRefused,
    StateRestored,
)
from outpour.tracker.views.census import Census, Counter
from outpour.tracker.views.current_census import CurrentCensus
from outpour.tracker.views.sample_points import SamplePoints
from outpour.tracker.views.swarm_history import SwarmHistory
from outpour.tracker.views.usage_book import UsageBook

if TYPE_CHECKING:
    from outpour.tracker.cluster.cluster_node import ClusterNode


TURN_S = 1.0
UNSETTLED_S = 1.0
TOLD_MAX = 10
"""Completed torrents that one turn of a second tells of, as strangers may make up any number; all
are counted."""
HANDED_MAX = 5000
"""Infohashes handed down to the core at once: a few milliseconds without letting others run."""
PEERS_MAX = 1_000_000


class TrackerService(ShownTracker):
    """A tracker with its memory; what it shows is `ShownTracker`.

    Args:
        settings: What the operator chose.
        clock: Unix time in seconds.
        on_event: Told what happens, on the thread of the event loop.
        log_max: How many answered requests wait for `logged`; 0 for none.
        is_given: Torrents are given after the start, those of the last run again until `settle`.

    Attributes:
        operation: What operators want to know of it.

    Example:
        service = TrackerService(settings)
        service.start()
        try:
            await service.run()
        finally:
            service.stop()
    """

    def __init__(
        self,
        settings: TrackerSettings,
        *,
        clock: Callable[[], float] = time.time,
        on_event: Callable[[Event], None] | None = None,
        log_max: int = 0,
        is_given: bool = False,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self.operation = Operation(clock)
        self._on_event = self.operation.log.listening(on_event or (lambda _: None))
        self._log_max = log_max
        self._is_given = is_given
        self._allowed = AllowedSet(settings.allowed_dir, settings.allow_list, settings.deny_list)
        self._admission = Admission(settings)
        self._raw: dict[bytes, bytes] = {}
        self._wake = asyncio.Event()
        self._reading = asyncio.Lock()
        self._forwarder: str | None = None
        self.cluster: ClusterNode | None = None

    def start(self) -> None:
        """Bind the addresses, read set and state, and begin to answer.

        Raises:
            NetworkError: An address cannot be bound.
            ReadError, WriteError: The allowed set cannot be read, or the state not used.
        """
        open_files = raise_limit()
        if self.settings.cluster:
            self.cluster = self._cluster_node()
        try:
            self._start(open_files)
        except BaseException:
            if self.cluster is not None:
                self.cluster.memory.close()
            raise

    def _cluster_node(self) -> ClusterNode:
        # Nobody else waits for its client of the servers to be loaded.
        from outpour.tracker.cluster.cluster_node import ClusterNode
        from outpour.tracker.cluster.protocol_check import check_protocol

        for url in self.settings.cluster_servers[:1]:
            check_protocol(url, self.settings.cluster_name)
        return ClusterNode(self.settings, self._clock, self.tell)

    def _start(self, open_files: int) -> None:
        node = None if self.cluster is None else self.cluster.id
        self._core = bind(self.settings, log_max=self._log_max, node=node)
        try:
            found = self._read()
            self.ruling = Ruling(
                self.settings.state_path, self._allowed, self._admission, self._enforce
            )
            self._keeper = Keeper(self.settings.state_path, clock=self._clock)
            self._counter = Counter(self.settings, self._core, self._allowed, self._keeper)
            counter = self._counter
            self._census = CurrentCensus(counter.take, self._torrents_listed, counter.with_new)
            self._usage = UsageBook.of(self.settings, self._core, self._clock, self._on_event)
            self._points = SamplePoints(self._core, self._keeper)
            self._past = SwarmHistory(self._keeper, self.settings.history_retention_d, self._clock)
            self.operation.begin(self._core, self._keeper, self._past)
            self._saver = Saver(
                self.settings, self._core, self._keeper, self._clock, self._drain, self._sampling
            )
            try:
                self._begin(*found)
            except BaseException:
                self._keeper.close()
                raise
            self._on_event(
                ConnectionsAllowed(connections_of(self.settings, open_files), open_files)
            )
        except BaseException:
            self._core.stop()
            raise

    def _begin(self, torrents: AllowedReading, lists: AdmissionReading) -> None:
        events = self._admission.take(lists)
        self._put(self._allowed.apply(torrents))
        self._put(self.ruling.begin())
        self._hand_down_whole()
        self._admission.begin(self._core, self._clock())
        for event in events:
            self._on_event(event)
        self._restore()
        if self.cluster is not None:
            self.cluster.begin(
                self._core, self._keeper, self._allowed, self._admission, self._enforce,
                is_given=self._is_given,
            )  # fmt: skip
        self._tell_kept()
        # Nobody waits yet, however many swarms were restored.
        self._census.get()
        self._core.start()

    async def run(self) -> None:
        """Keep set, counters, history and snapshot up to date, until cancelled.

        Raises:
            OutpourError, Exception: One of these works ended, and the tracker is to end with it.
        """
        works: list[Callable[[], Awaitable[None]]]
        works = [partial(until_fault, self._core), self._turns, self._follow, self._census.keep_up]
        works += [self._usage.keep_up, *self._saver.works()]
        works += self.cluster.works() if self.cluster is not None else []
        if self._allowed.folders or self._allowed.files or self._admission.files:
            works.append(self._watch)
        await together(works)

    def stop(self) -> None:
        """Stop answering, and save counters, history and swarms.

        Raises:
            WriteError: Not all could be saved.
        """
        self._past.close()
        self._core.stop()
        self._usage.keys.finish()
        is_saved = self._saver.finish()
        if self.cluster is not None:
            self.cluster.stop()
        self._tell_kept()
        self._keeper.close()
        if not is_saved:
            raise WriteError(
                f"`{self.settings.state_path}`: could not be saved at the end; counts since the "
                "last time are lost",
                hint="make room on the disk, or check who owns the file",
            )

    def reload(self) -> None:
        """Look through folder and lists now."""
        self._wake.set()

    def allow(self, metainfo: Metainfo, *, path: Path | None = None) -> None:
        """Track a torrent from now on; `path` is its .torrent file, if there is one."""
        self.allow_all([Given(metainfo, path)])

    def allow_all(self, torrents: Iterable[Given]) -> None:
        """Track many torrents from now on, at the cost of one change."""
        listings = []
        for one in torrents:
            listing = Listing.given(one, status_of(one.path))
            listings.append(listing)
            self._raw.pop(listing.infohash, None)
            if one.path is None:
                self._raw[listing.infohash] = one.metainfo.raw
        self._put(self._allowed.give(listings))
        self._hand_down_all()

    def withdraw(self, infohash: bytes, *, is_for_all: bool = True) -> None:
        """No longer track a torrent that was given to `allow`.

        Args:
            infohash: The 20 bytes of its row.
            is_for_all: The other nodes of a cluster are to do so too; else it stays theirs.
        """
        self._raw.pop(infohash, None)
        listing = self._allowed.find(infohash)
        self._put(self._allowed.withdraw([infohash]))
        if self.cluster is not None and not is_for_all:
            self.cluster.forget((infohash,) if listing is None else listing.aliases)
        self._hand_down_all()

    def settle(self, *, is_for_all: bool) -> None:
        """Take note that all that is given again after a start was given.

        Args:
            is_for_all: The other nodes of a cluster are not to track the rest either.
        """
        if self.cluster is not None:
            self.cluster.settle(is_for_all=is_for_all)

    @property
    def http_addresses(self) -> list[tuple[str, int]]:
        """Host and port of each TCP socket."""
        return self._core.http_addresses

    @property
    def udp_addresses(self) -> list[tuple[str, int]]:
        """Host and port of each UDP socket."""
        return self._core.udp_addresses

    @property
    def handoff_fd(self) -> int:
        """Readable when connections wait for `take_connections`."""
        return self._core.handoff_fd

    def take_connections(self) -> list[tuple[int, bytes]]:
        """Connections that are not the tracker's: descriptor, and what was read from it."""
        return self._core.take_connections()

    def give_back(self, fd: int, read: bytes) -> None:
        """Go on with a connection that was taken, once its request is answered.

        Args:
            fd: The descriptor, which belongs to the tracker from now on.
            read: What was read from it and not answered.
        """
        self._core.give_back(fd, read)

    def dfile_contents(self) -> DfileContents:
        """What a classic state file holds of this tracker."""
        is_tracked = (lambda _: True) if self.settings.open else self._allowed.__contains__
        return DfileContents(self._core, self._keeper.ledger, is_tracked, self._census.forget)

    def own_seeder(self) -> OwnSeeder:
        """Lists the seeder of this process."""
        lead = self._core.set_origins if self.cluster is None else self.cluster.set_origins
        return OwnSeeder(self._core, lead)

    async def _turns(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            self._admission.apply(self._core, self._clock())
            if self._forwarder is None and (host := self._core.forwarder()):
                self._forwarder = host
                self._on_event(ProxyNotTrusted(host))
            self._tell_kept()

    async def _follow(self) -> None:
        while True:
            is_settled = self._allowed.is_settled and self._admission.is_settled
            wait_s = self.settings.rescan_interval_s if is_settled else UNSETTLED_S
            with suppress(asyncio.TimeoutError):
                await within(wait_s, self._wake.wait())
            self._wake.clear()
            await self.refresh()

    async def refresh(self) -> None:
        """Look through folder and lists now, and return once what they say is in force."""
        async with self._reading:
            found = await asyncio.get_running_loop().run_in_executor(None, self._read)
            self._take(*found)
            is_more = True
            while is_more:
                is_more = self._hand_down(HANDED_MAX)
                await asyncio.sleep(0)

    def _read(self) -> tuple[AllowedReading, AdmissionReading]:
        return self._allowed.read(), self._admission.read()

    def _take(self, torrents: AllowedReading, lists: AdmissionReading) -> None:
        events = self._admission.take(lists)
        self._put(self._allowed.apply(torrents))
        self._admission.apply(self._core, self._clock())
        for event in events:
            self._on_event(event)

    def _put(self, change: AllowedChange) -> None:
        self._keeper.name((one.infohash, one.name, one.length) for one in change.listings)
        if self.settings.torrent_notices and change.has_notices:
            self._core.set_notices(self._allowed.notices)
        if self.settings.open and change.is_denied_new:
            self._core.deny(list(self._allowed.denied))
        for event in change.events:
            self._on_event(event)
        self._census.forget(change.listings)

    def _enforce(self, change: AllowedChange) -> None:
        self._put(change)
        self._hand_down_all()
        self._admission.apply(self._core, self._clock())

    def set_rates(self, rates: Rates) -> None:
        """Ask something else of peers from now on."""
        self._core.set_pace(rates.interval_s, rates.min_interval_s, rates.peers_per_answer)
        self._core.set_rate(rates.requests_per_address_per_s, rates.requests_per_address_burst)

    def tell(self, event: Event) -> None:
        """Have somebody hear of something; on the event loop."""
        self._on_event(event)

    def _hand_down_whole(self) -> None:
        self._allowed.hand_down(sys.maxsize)
        self._core.allow(None if self.settings.open else list(self._allowed.infohashes))

    def _hand_down_all(self) -> None:
        while self._hand_down(HANDED_MAX):
            pass

    def _hand_down(self, limit: int) -> bool:
        """Tell the core what may be announced now and what no longer; say if more is to be told."""
        joined, left = self._allowed.hand_down(limit)
        if not self.settings.open:
            if joined:
                self._core.allow_more(joined)
            if left:
                self._core.disallow(left)
        return len(joined) + len(left) == limit

    def _restore(self) -> None:
        found = self._keeper.snapshot()
        if found and found[1] < self.settings.peer_timeout_in_effect_s:
            try:
                peers = self._core.restore(*found)
            except ValueError as error:
                self._on_event(SnapshotRefused(str(error)))
            else:
                if peers:
                    self._on_event(StateRestored(peers, found[1]))
        self._keeper.ledger.tell(self._core)
        self._core.recall_counted(self._keeper.marks)
        self._keeper.recent = self._core.counted

    def _drain(self) -> None:
        ledger = self._keeper.ledger
        before = ledger.total()
        told = ledger.absorb(self._core, TOLD_MAX)
        for infohash, count in told:
            self._on_event(Completed(infohash, self._name(infohash), count))
        more = ledger.total() - before - sum(count for _, count in told)
        if more:
            self._on_event(MoreCompleted(more))

    def _name(self, infohash: bytes) -> str | None:
        """Tell what a row would be called, without working out all of them."""
        if not self.settings.show_names:
            return None
        listing = self._allowed.find(infohash)
        return listing.name if listing else self._keeper.named.get(infohash, (None, 0))[0]

    def _census_to_sample(self) -> Census | None:
        # Nobody may be looking, so the rows of a large open tracker are not worked out for this.
        is_small = not self.settings.open or self._torrents_held() <= LARGEST_MAX
        return self._census.get() if is_small and self._is_whole() else None

    def _sampling(self, at: int) -> Callable[[], bool]:
        census, keep = self._census_to_sample(), self.operation.sampling()
        return lambda: self._keep_sample(at, census) & keep()

    def _keep_sample(self, at: int, census: Census | None) -> bool:
        is_kept = self._points.keep(at, census)
        self._past.advance()
        return is_kept

    async def _watch(self) -> None:
        files = (*self._allowed.files, *self._admission.files)
        rescan_s = self.settings.rescan_interval_s
        await watch_sources(self._allowed.folders, files, rescan_s, self._wake.set, self.tell)

    def _tell_kept(self) -> None:
        while self._keeper.events:
            self._on_event(self._keeper.events.popleft())
