"""The tracker as a service: joins the core that answers announces with the set, state and views.

Everything is called on one thread, that of the event loop; what blocks runs in others. The core
knows nothing of this: it is given whole sets and asked for counts, once a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from outpour import _core
from outpour.errors import ReadError, WriteError
from outpour.metainfo import Metainfo
from outpour.tracker import board, history
from outpour.tracker.allowed import AllowedSet
from outpour.tracker.board import Kept
from outpour.tracker.core import bind
from outpour.tracker.dfile import Dfile
from outpour.tracker.events import Completed, Event, SnapshotRefused, StateRestored
from outpour.tracker.history import Point
from outpour.tracker.keeper import Keeper
from outpour.tracker.listing import Listing
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.views import Peer, Sample, TorrentRow, Totals
from outpour.tracker.watcher import watch

T = TypeVar("T")

TURN_S = 1.0
UNSETTLED_S = 1.0
TOLD_MAX = 1000
"""Completed torrents that one turn tells of; all are counted."""
MINUTE_S = 60
HOUR_S = 3600
PEERS_MAX = 1_000_000
ROWS_MAX = 20_000
"""Torrents of a tracker for everybody that are listed: of more, those with the most peers."""
PAGE_ROWS = 4096


class TrackerService:
    """A tracker with its memory.

    Args:
        settings: What the operator chose.
        clock: Unix time in seconds.
        on_event: Told what happens, on the thread of the event loop.

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
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._on_event = on_event or (lambda _: None)
        self._allowed = AllowedSet(
            settings.allowed_dir, settings.allow_list, settings.deny_list, settings.key_list
        )
        self._raw: dict[bytes, bytes] = {}
        self._wake = asyncio.Event()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="outpour-state")
        self._is_snapshot_empty = False
        self._is_cut = settings.open
        self._sampler = history.Sampler()
        self._rows = Kept(self._work_out_rows)
        self._index = Kept(self._work_out_index)
        self._totals = Kept(self._work_out_totals)

    def start(self) -> None:
        """Bind the addresses, read set and state, and begin to answer.

        Raises:
            NetworkError: An address cannot be bound.
            ReadError, WriteError: The allowed set cannot be read, or the state not used.
        """
        self._core = bind(self.settings)
        try:
            events = self._allowed.read()
            self._keeper = Keeper(self.settings.state_path, clock=self._clock)
            try:
                self._begin(events)
            except BaseException:
                self._keeper.close()
                raise
        except BaseException:
            self._core.stop()
            raise

    def _begin(self, events: list[Event]) -> None:
        self._merge(events)
        self._apply()
        self._keeper.name(self._listed())
        self._restore()
        self._minute = self._clock() // MINUTE_S
        self._tell_kept()
        self._core.start()

    async def run(self) -> None:
        """Keep set, counters, history and snapshot up to date, until cancelled."""
        parts = [asyncio.ensure_future(self._turns()), asyncio.ensure_future(self._follow())]
        folders, files = self._allowed.folders, self._allowed.files
        if folders or files:
            retry_s = self.settings.rescan_interval_s
            parts.append(asyncio.ensure_future(watch(folders, files, self._wake, retry_s)))
        try:
            await asyncio.gather(*parts)
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    def stop(self) -> None:
        """Stop answering, and save counters, history and swarms.

        Raises:
            WriteError: Not all could be saved.
        """
        # A job under way ends first; none comes after it.
        self._writing.shutdown(wait=True)
        self._core.stop()
        self._drain()
        now = int(self._clock())
        is_saved = self._keeper.save_all()
        is_saved &= self._keeper.sample(now, self._sample(now))
        is_saved &= self._keeper.save_snapshot(self._core.snapshot, now)
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
        self.allow_all([(metainfo, path)])

    def allow_all(self, torrents: Iterable[tuple[Metainfo, Path | None]]) -> None:
        """Track many torrents from now on, at the cost of one change."""
        for metainfo, path in torrents:
            listing = Listing.of(metainfo, path)
            self._allowed.give(listing)
            self._raw.pop(listing.infohash, None)
            if path is None:
                self._raw[listing.infohash] = metainfo.raw
        self._merge([])
        self._in_background(self._keeper.name, self._listed())

    def withdraw(self, infohash: bytes) -> None:
        """No longer track a torrent that was given to `allow`."""
        self._allowed.take(infohash)
        self._raw.pop(infohash, None)
        self._merge([])

    @property
    def version(self) -> str:
        """Version of outpour."""
        return _core.__version__

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

    def now(self) -> float:
        """Server time in Unix seconds."""
        return self._clock()

    def rows(self) -> tuple[TorrentRow, ...]:
        """The torrents listed, by name and then by infohash."""
        return self._rows.get()

    def row(self, infohash: bytes) -> TorrentRow | None:
        """One torrent by the 20 bytes of either of its infohashes, None if it is not listed."""
        found = self._index.get().get(infohash)
        return self._work_out_row(infohash) if found is None and self._is_cut else found

    def totals(self) -> Totals:
        """Sums over the torrents listed."""
        return self._totals.get()

    def history(self, infohash: bytes) -> tuple[Sample, ...]:
        """Samples of one swarm, oldest first; of all together for `store.TOTALS`."""
        row = self.row(infohash)
        samples = self._keeper.history(row.infohash if row else infohash)
        return history.expand(samples, row, int(self._clock()))

    def metainfo_bytes(self, infohash: bytes) -> bytes | None:
        """The .torrent to hand out, None if there is none or none may be."""
        row = self.row(infohash)
        listing = self._allowed.listings.get(row.infohash) if row else None
        if listing is None or not self.settings.serve_torrents:
            return None
        if listing.path is None:
            return self._raw.get(listing.infohash)
        try:
            return Metainfo.read(listing.path).raw
        except ReadError:
            # It is being replaced or removed; the next scan tells.
            return None

    def content(self, infohash: bytes) -> Path | None:
        """None: a tracker alone serves no content."""
        del infohash
        return None

    def counters(self) -> Mapping[str, int]:
        """Counters since start, by name."""
        return self._core.counters()

    def peers(self, infohash: bytes, limit: int = PEERS_MAX) -> tuple[Peer, ...]:
        """Peers of one swarm, at most `limit`."""
        return tuple(Peer(*peer) for peer in self._core.peers(infohash, limit))

    def completed(self) -> Mapping[bytes, int]:
        """Completed downloads by announced infohash, gone torrents included."""
        counts: dict[bytes, int] = {}
        at: int | None = 0
        while at is not None:
            page, at = self._keeper.ledger.page(at, PAGE_ROWS)
            counts.update(page)
        return counts

    def swarms(self) -> list[bytes]:
        """Infohashes of the swarms that have peers."""
        return [torrent[0] for torrent in self._core.torrents() if torrent[1] or torrent[2]]

    def adopt(self, found: Dfile) -> None:
        """Take over counters and peers of a classic tracker; no counter goes down."""
        ledger = self._keeper.ledger
        more = ((key, count - ledger.get(key)) for key, count in found.completed.items())
        ledger.add([(key, count) for key, count in more if count > 0])
        ledger.tell(self._core)
        for infohash, peers in found.peers.items():
            if self.settings.open or infohash in self._allowed.infohashes:
                self._core.insert(
                    infohash, [(peer.host, peer.port, peer.is_seeder) for peer in peers]
                )
        for kept in (self._rows, self._index, self._totals):
            kept.forget()

    async def _turns(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + TURN_S
        while True:
            await asyncio.sleep(due - loop.time())
            due = max(due + TURN_S, loop.time())
            self._drain()
            if self._keeper.ledger.unsaved():
                await self._blocking(self._keeper.save)
            minute = self._clock() // MINUTE_S
            if minute != self._minute:
                self._minute = minute
                await self._each_minute(int(minute) * MINUTE_S)
            self._tell_kept()

    async def _each_minute(self, at: int) -> None:
        await self._blocking(self._keeper.sample, at, self._sample(at))
        counters = self._core.counters()
        is_empty = counters["peers_v4"] + counters["peers_v6"] == 0
        # A tracker without peers lets the disk sleep.
        if not (is_empty and self._is_snapshot_empty):
            is_saved = await self._blocking(
                self._keeper.save_snapshot, self._core.snapshot, int(self._clock())
            )
            self._is_snapshot_empty = is_empty and is_saved
        if at % HOUR_S == 0:
            await self._blocking(self._keeper.prune, self.settings.history_retention_d)

    async def _follow(self) -> None:
        while True:
            wait_s = self.settings.rescan_interval_s if self._allowed.is_settled else UNSETTLED_S
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), wait_s)
            self._wake.clear()
            events = await asyncio.get_running_loop().run_in_executor(None, self._allowed.read)
            self._merge(events)
            await self._blocking(self._keeper.name, self._listed())

    def _merge(self, events: list[Event]) -> None:
        if self._allowed.has_changed:
            events += self._allowed.merge()
            self._apply()
        for event in events:
            self._on_event(event)

    def _apply(self) -> None:
        keys = self._allowed.keys
        self._core.set_keys(None if keys is None else list(keys))
        if self.settings.open:
            self._core.allow(None)
            self._core.deny(list(self._allowed.denied))
        else:
            self._core.allow(list(self._allowed.infohashes))
        for kept in (self._rows, self._index, self._totals):
            kept.forget()

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

    def _drain(self) -> None:
        for infohash, count in self._keeper.ledger.absorb(self._core, TOLD_MAX):
            self._on_event(Completed(infohash, self._name(infohash), count))

    def _sample(self, at: int) -> list[Point]:
        if self._is_cut:
            largest = self._core.largest(history.LARGEST_MAX)
            points = [(*one[:3], self._keeper.ledger.get(one[0])) for one in largest]
        else:
            points = [
                (row.infohash, row.complete, row.downloading, row.downloaded) for row in self.rows()
            ]
        return self._sampler.take(at, points, self.totals())

    def _name(self, infohash: bytes) -> str | None:
        """Tell what a row would be called, without working out all of them."""
        if not self.settings.show_names:
            return None
        listing = self._allowed.find(infohash)
        return listing.name if listing else self._keeper.named.get(infohash, (None, 0))[0]

    def _tell_kept(self) -> None:
        while self._keeper.events:
            self._on_event(self._keeper.events.popleft())

    def _listed(self) -> list[tuple[bytes, str, int]]:
        return [(key, one.name, one.length) for key, one in self._allowed.listings.items()]

    async def _blocking(self, work: Callable[..., T], *args: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, work, *args)

    def _in_background(self, work: Callable[..., object], *args: object) -> None:
        self._writing.submit(work, *args)

    def _work_out_rows(self) -> tuple[TorrentRow, ...]:
        """All that are allowed, or, of a tracker for everybody and of a long list, the largest."""
        others = dict.fromkeys(self._allowed.infohashes)
        self._is_cut = self.settings.open or len(others) > ROWS_MAX
        if self._is_cut:
            others = dict.fromkeys(one[0] for one in self._core.largest(ROWS_MAX))
            if self.settings.keep_dead:
                dead, _ = self._keeper.ledger.page(0, ROWS_MAX)
                others.update(dict.fromkeys(infohash for infohash, _ in dead))
        return self._rows_of(self._allowed.listings, others)

    def _work_out_row(self, infohash: bytes) -> TorrentRow | None:
        """The row of a torrent that is not among the largest."""
        is_known = self._core.counts(infohash) or self._keeper.ledger.get(infohash)
        if not is_known or (self.settings.open and infohash in self._allowed.denied):
            return None
        return next(iter(self._rows_of({}, [infohash])))

    def _rows_of(
        self, listings: Mapping[bytes, Listing], others: Iterable[bytes]
    ) -> tuple[TorrentRow, ...]:
        return board.rows(
            listings,
            others,
            self._numbers,
            self._keeper.named,
            show_names=self.settings.show_names,
        )

    def _numbers(self, infohash: bytes) -> tuple[int, int, int]:
        """Complete, downloading and, as no swarm remembers it for ever, downloaded."""
        complete, downloading, _ = self._core.counts(infohash) or (0, 0, 0)
        return complete, downloading, self._keeper.ledger.get(infohash)

    def _work_out_index(self) -> dict[bytes, TorrentRow]:
        index = {row.infohash: row for row in self.rows()}
        for row in self.rows():
            if row.infohash_v2 is not None:
                index.setdefault(row.infohash_v2[:20], row)
        return index

    def _work_out_totals(self) -> Totals:
        rows, ledger = self.rows(), self._keeper.ledger
        totals = board.totals(rows, self._core.unique_ips(), ledger.get, ledger.total())
        if not self._is_cut or len(rows) < ROWS_MAX:
            return totals
        held = self._core.counters()
        peers = held["peers_v4"] + held["peers_v6"]
        return replace(
            totals,
            torrents=held["torrents"],
            complete=held["seeders"],
            downloading=peers - held["seeders"],
            downloaded=totals.downloaded_all,
        )
