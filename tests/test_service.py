"""The tracker as a service: the real core, real sockets, real SQLite."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.base.errors import NetworkError, OutpourError, ReadError
from outpour.base.event import Event
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.figures import Peer, Sample, TorrentRow, Totals
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.saver import Saver
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state import dfile, history_queries
from outpour.tracker.state.dfile import Dfile
from outpour.tracker.state.dfile_mirror import DfileMirror
from outpour.tracker.state.history import Sampler, expand
from outpour.tracker.state.salvage import salvage
from outpour.tracker.state.sample_table import TOTALS
from outpour.tracker.state.store import Store
from outpour.tracker.tracker_events import (
    Completed,
    FileSkipped,
    MoreCompleted,
    NotificationBack,
    NotificationLost,
    SnapshotRefused,
    StateRestored,
)
from tests.saved_counts import batch, counts_in, counts_of
from tests.waiting import until, wait_for

VECTORS = Path(__file__).parent / "vectors" / "classic"
HELLO = bytes.fromhex("e25d7c06d525617193e405c30a3c6a77b2e56510")
BIG = bytes.fromhex("d436a9ec0bd2d9273fe0b0ce8fc52d51ff91278f")
PORTS = 20_000


def settings(**given):
    given.setdefault("listen", ("127.0.0.1:0",))
    given.setdefault("workers", 1)
    return TrackerSettings(**given)


@contextmanager
def still(service, *threads):
    """Keep threads of the saver from writing, so that what lies on the disk is of one moment."""
    goes_on = threading.Event()
    begun = [threading.Event() for _ in threads]
    for thread, has_begun in zip(threads, begun, strict=True):
        executor = getattr(service._saver, thread)
        executor.submit(lambda has_begun=has_begun: (has_begun.set(), goes_on.wait(60)))
    try:
        assert all(has_begun.wait(60) for has_begun in begun)
        yield
    finally:
        goes_on.set()


class Clock:
    def __init__(self, now=1_000_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "torrents"
    root.mkdir()
    for name in ("hello", "big"):
        shutil.copy(VECTORS / f"{name}.torrent", root / f"{name}.torrent")
    return root


@contextmanager
def tracker(given, **more):
    service = TrackerService(given, **more)
    service.start()
    try:
        yield service
    finally:
        service.stop()


@asynccontextmanager
async def running(given, **more):
    with tracker(given, **more) as service:
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            results = await asyncio.gather(task, return_exceptions=True)
            assert isinstance(results[0], asyncio.CancelledError)


def announce(service, infohash, peer, *, left=0, event="", host="127.0.0.1", key=""):
    """Announce as peer number `peer` of a host, which is at this port above `PORTS`."""
    address = service.http_addresses[0]
    connection = http.client.HTTPConnection(
        address[0], address[1], timeout=60, source_address=(host, 0)
    )
    try:
        path = (
            f"{key}/announce?info_hash={quote(infohash)}&peer_id=-AA0000-{peer:012}"
            f"&port={PORTS + peer}&uploaded=0&downloaded=0&left={left}&compact=1"
        )
        connection.request("GET", path + (f"&event={event}" if event else ""))
        return bencode.decode(connection.getresponse().read(), strict=False)
    finally:
        connection.close()


def now(service):
    """The service, about to count anew instead of showing what it counted some moments ago."""
    service._census.forget()
    return service


def torrent(name, length=5):
    info = {
        "length": length,
        "name": name,
        "piece length": 16384,
        "pieces": hashlib.sha1().digest(),
    }
    return bencode.encode({"announce": "http://127.0.0.1:1/announce", "info": info})


def test_rows_and_totals_mean_what_the_classic_page_means(folder):
    with tracker(settings(allowed_dir=folder)) as service:
        for port in (6881, 6882):
            announce(service, HELLO, port, left=12, event="started")
            announce(service, HELLO, port, event="completed" if port == 6882 else "")
        announce(service, BIG, 6883, left=300_000)
        announce(service, BIG, 6883, left=300_000, host="127.0.0.2")
        service._drain()
        big, hello = now(service).rows()
        assert (big.name, big.complete, big.downloading, big.downloaded) == ("big.bin", 0, 2, 0)
        assert (hello.name, hello.complete, hello.downloading) == ("hello.txt", 2, 0)
        assert hello.magnet is not None
        assert HELLO.hex() in hello.magnet
        assert hello.downloaded >= 1
        assert hello.transferred == 12 * hello.downloaded
        totals = now(service).totals()
        assert (totals.torrents, totals.length) == (2, 300_012)
        assert (totals.complete_ips, totals.complete) == (1, 2)
        assert (totals.downloading_ips, totals.downloading) == (2, 2)
        assert totals.downloaded == totals.downloaded_all == hello.downloaded


def test_a_torrent_that_is_not_allowed_is_refused_with_the_known_words(folder):
    with tracker(settings(allowed_dir=folder)) as service:
        answer = announce(service, b"x" * 20, 1)
        assert answer == {
            b"failure reason": b"Requested download is not authorized for use with this tracker."
        }
        assert {row.infohash for row in now(service).rows()} == {HELLO, BIG}


def test_an_open_tracker_lists_what_was_announced_and_refuses_the_denied(tmp_path):
    deny = tmp_path / "deny.txt"
    deny.write_text(b"d".hex() * 20)
    with tracker(settings(open=True, deny_list=deny)) as service:
        announce(service, b"x" * 20, 1)
        assert b"failure reason" in announce(service, b"d" * 20, 1)
        (row,) = now(service).rows()
        assert row == TorrentRow(b"x" * 20, complete=1)


def test_a_new_torrent_is_tracked_while_the_tracker_runs_and_a_removed_one_is_not(folder):
    raw = torrent("new.iso")
    infohash = Metainfo.parse(raw).info.infohash

    async def main():
        events: list[Event] = []
        given = settings(allowed_dir=folder, rescan_interval_s=1)
        async with running(given, on_event=events.append) as service:
            assert b"failure reason" in announce(service, infohash, 1)
            (folder / "new.torrent").write_bytes(raw)
            (folder / "bad.torrent").write_bytes(raw[:30])
            await until(lambda: b"peers" in announce(service, infohash, 1))
            assert now(service).row(infohash).name == "new.iso"
            assert service.metainfo_file(infohash).read() == raw
            await until(lambda: any(isinstance(event, FileSkipped) for event in events))
            (folder / "new.torrent").unlink()
            await until(lambda: b"failure reason" in announce(service, infohash, 1))
            assert now(service).row(infohash) is None
            assert service.metainfo_file(infohash) is None

    asyncio.run(main())


def test_a_folder_is_followed_through_every_kind_of_change(folder, tmp_path, monkeypatch):
    # Half of a file is no bad one, however long this test takes to write the rest.
    monkeypatch.setattr("outpour.tracker.lists.torrent_folder.SETTLE_S", 600.0)
    outside = tmp_path / "outside"
    outside.mkdir()

    async def scenario():
        events: list[Event] = []
        async with running(
            settings(allowed_dir=folder, rescan_interval_s=1), on_event=events.append
        ) as service:

            async def answers(infohash):
                got = await asyncio.to_thread(announce, service, infohash, 7)
                return b"peers" in got

            async def allows(*raws):
                wanted = {Metainfo.parse(raw).info.infohash for raw in raws} | {HELLO, BIG}
                await until(lambda: service._allowed.infohashes == wanted)
                for infohash in wanted:
                    assert await answers(infohash)

            one, two = torrent("one", 1), torrent("two", 2)
            (folder / "one.torrent").write_bytes(one)
            await allows(one)
            replacement = folder / ".hidden"
            replacement.write_bytes(two)
            replacement.rename(folder / "one.torrent")
            await allows(two)
            assert not await answers(Metainfo.parse(one).info.infohash)
            # Half of a file leaves in force what was there, and the whole counts.
            (folder / "one.torrent").write_bytes(one[: len(one) // 2])
            assert await answers(Metainfo.parse(two).info.infohash)
            (folder / "one.torrent").write_bytes(one)
            await allows(one)
            (folder / "new" / "deep").mkdir(parents=True)
            (folder / "new" / "deep" / "two.torrent").write_bytes(two)
            await allows(one, two)
            shutil.rmtree(folder / "new")
            await allows(one)
            (outside / "two.torrent").write_bytes(two)
            (folder / "link.torrent").symlink_to(outside / "two.torrent")
            await allows(one, two)
            (folder / "link.torrent").unlink()
            (folder / "link").symlink_to(outside)
            await allows(one, two)
            (outside / "two.torrent").unlink()
            await allows(one)
            (folder / "one.torrent").unlink()
            await allows()
            assert not [event for event in events if event.is_trouble]

    asyncio.run(scenario())


def test_names_that_are_not_utf8_neither_end_the_tracker_nor_its_watch(folder, tmp_path):
    allow = tmp_path / "lists" / "allow.txt"
    allow.parent.mkdir()
    allow.write_text("")
    bad = [
        Path(os.fsdecode(os.fsencode(place) + b"/bad\xff.torrent"))
        for place in (folder, allow.parent)
    ]

    async def main():
        events: list[Event] = []
        given = settings(allowed_dir=folder, allow_list=allow, rescan_interval_s=3600)
        async with running(given, on_event=events.append) as service:

            def tracks(raw):
                return Metainfo.parse(raw).info.infohash in service._allowed.infohashes

            def told(kind):
                return sum(isinstance(event, kind) for event in events)

            def lost_twice():
                for path in bad:
                    path.write_bytes(torrent("bad"))
                return told(NotificationLost) >= 2

            await until(lost_twice)
            await until(lambda: tracks(torrent("bad")))
            await until(lambda: told(NotificationBack) == 2)
            (folder / "good.torrent").write_bytes(torrent("good"))
            await until(lambda: tracks(torrent("good")))

    asyncio.run(main())


def test_reload_looks_at_once(folder, monkeypatch):
    async def nothing(*_):
        await asyncio.Event().wait()

    monkeypatch.setattr("outpour.tracker.source_watch.watch", nothing)

    async def main():
        async with running(settings(allowed_dir=folder, rescan_interval_s=3600)) as service:
            (folder / "big.torrent").unlink()
            await asyncio.sleep(0)
            service.reload()
            await until(lambda: now(service).row(BIG) is None)

    asyncio.run(main())


def test_a_completion_is_in_the_state_file_within_two_seconds(folder, tmp_path):
    state = tmp_path / "s.sqlite"

    async def main():
        events: list[Event] = []
        given = settings(allowed_dir=folder, state=state)
        async with running(given, on_event=events.append) as service:
            announce(service, HELLO, 1, left=12, event="started")
            announce(service, HELLO, 1, event="completed")
            await until(lambda: counts_in(state) == {HELLO: 1})
            await until(lambda: Completed(HELLO, "hello.txt", 1) in events)

    asyncio.run(main())


def test_counters_and_swarms_are_back_after_a_restart(folder, tmp_path):
    given = settings(allowed_dir=folder, state=tmp_path / "s.sqlite")
    clock = Clock()
    with tracker(given, clock=clock) as service:
        announce(service, HELLO, 1, left=12, event="started")
        announce(service, HELLO, 1, event="completed")
        announce(service, BIG, 2, left=7, host="127.0.0.2")
    clock.now += 100
    events: list[Event] = []
    with tracker(given, clock=clock, on_event=events.append) as service:
        assert StateRestored(2, 100) in events
        assert service.peers(BIG) == (Peer("127.0.0.2", PORTS + 2, False),)
        row = now(service).row(HELLO)
        assert (row.complete, row.downloaded) == (1, 1)
        answer = announce(service, BIG, 3, left=7)
        assert answer[b"incomplete"] == 2
        announce(service, HELLO, 9, left=12, event="started")
        announce(service, HELLO, 9, event="completed")
        service._drain()
        wait_for(lambda: now(service).row(HELLO).downloaded == 2)


def test_a_download_counted_before_a_crash_is_not_counted_again_after_it(folder, tmp_path):
    """Nothing is saved in the end, as with `kill -9`."""
    state = tmp_path / "s.sqlite"
    given = settings(allowed_dir=folder, state=state)

    async def main():
        async with running(given) as service:
            announce(service, HELLO, 1, left=12, event="started")
            announce(service, HELLO, 1, event="completed")
            await until(lambda: service._keeper.ledger.get(HELLO) == 1)
            await until(lambda: not service._keeper.unsaved)
            await asyncio.to_thread(service._keeper.look)
            with still(service, "_counters", "_swarms"):
                shutil.copytree(tmp_path, tmp_path.with_name("killed"))

    asyncio.run(main())
    with tracker(settings(allowed_dir=folder, state=tmp_path.with_name("killed") / "s.sqlite")) as (
        service
    ):
        for left, event in ((0, "stopped"), (12, "started"), (0, "completed"), (0, "stopped")):
            announce(service, HELLO, 1, left=left, event=event)
        service._drain()
        assert now(service).row(HELLO).downloaded == 1
        announce(service, HELLO, 2, left=0, event="completed")
        service._drain()
        assert now(service).row(HELLO).downloaded == 2


def test_swarms_and_counters_agree_after_a_crash_right_after_a_snapshot(folder, tmp_path):
    """What was completed while the snapshot was written is in the swarms, so in the counters."""
    clock = Clock(1_000_000_020.0)
    state = tmp_path / "live" / "s.sqlite"
    killed = tmp_path / "killed"

    async def main():
        async with running(settings(allowed_dir=folder, state=state), clock=clock) as service:
            put_in_force = service._keeper.put_in_force
            write_swarms = service._keeper.write_swarms

            def late(swarms, taken_at):
                # A last download before the snapshot, which nobody has taken over from the core.
                announce(service, HELLO, 7, left=12, event="started")
                announce(service, HELLO, 7, event="completed")
                return write_swarms(swarms, taken_at)

            def crash(generation):
                done = put_in_force(generation)
                # It is the thread of the counters that does this.
                with still(service, "_swarms"):
                    shutil.copytree(state.parent, killed)
                return done

            service._keeper.write_swarms = late
            service._keeper.put_in_force = crash
            announce(service, HELLO, 1, left=12, event="started")
            clock.now += 60
            await until(killed.exists)
            service._keeper.write_swarms = write_swarms
            service._keeper.put_in_force = put_in_force

    asyncio.run(main())
    shutil.rmtree(state.parent)
    with tracker(settings(allowed_dir=folder, state=killed / "s.sqlite"), clock=clock) as service:
        row = now(service).row(HELLO)
        counts = service._core.counts([HELLO])
        assert counts is not None
        assert (row.downloaded, counts[2]) == (1, 1)
        assert (row.complete, row.downloading) == (1, 1)


def test_a_completion_is_committed_while_a_snapshot_takes_its_time(folder, tmp_path):
    clock = Clock(1_000_000_020.0)
    state = tmp_path / "s.sqlite"
    begun, is_committed = threading.Event(), threading.Event()

    def parts():
        yield b"the first part"
        begun.set()
        is_committed.wait()
        yield b"the last part"

    async def committed(service):
        announce(service, HELLO, 1, left=12, event="started")
        clock.now += 60
        await until(begun.is_set)
        announce(service, HELLO, 1, event="completed")
        other = sqlite3.connect(state)
        try:
            await until(lambda: counts_in(other) == {HELLO: 1})
        finally:
            other.close()

    async def main():
        async with running(settings(allowed_dir=folder, state=state), clock=clock) as service:
            service._saver._parts = parts
            try:
                await committed(service)
                assert service._keeper.snapshot() is None
            finally:
                # Whatever went wrong, the thread that waits goes on.
                is_committed.set()
            await until(lambda: service._keeper.snapshot() is not None)
            assert service._keeper.snapshot()[0] == b"the first partthe last part"

    asyncio.run(main())


class Counting:
    """A core that tells when its counters are looked at."""

    def __init__(self, core, tell):
        self._core = core
        self._tell = tell

    def __getattr__(self, name):
        return getattr(self._core, name)

    def counters(self):
        self._tell()
        return self._core.counters()


def test_a_tracker_that_runs_makes_copies_of_its_counters(folder, tmp_path):
    clock = Clock(1_000_000_020.0)
    state = tmp_path / "s.sqlite"
    copy = state.with_name("s.sqlite.copy")

    async def main():
        async with running(settings(allowed_dir=folder, state=state), clock=clock) as service:
            await until(copy.exists)
            announce(service, HELLO, 1, left=12, event="started")
            announce(service, HELLO, 1, event="completed")
            await until(lambda: service._keeper.ledger.get(HELLO) == 1)
            await until(lambda: not service._keeper.unsaved)
            os.utime(copy, (clock.now - 3600, clock.now - 3600))
            clock.now += 60
            await until(state.with_name("s.sqlite.copy-2").exists)

    asyncio.run(main())
    assert salvage(copy).completed == {HELLO: 1}


def test_swarms_that_nobody_touched_are_not_written_again(folder, tmp_path):
    clock = Clock(1_000_000_020.0)

    async def main():
        given = settings(allowed_dir=folder, state=tmp_path / "s.sqlite")
        async with running(given, clock=clock) as service:
            written: list[int] = []
            write = service._keeper.write_swarms

            def counted(swarms, taken_at):
                written.append(taken_at)
                return write(swarms, taken_at)

            service._keeper.write_swarms = counted
            announce(service, HELLO, 1)
            clock.now += 60
            await until(lambda: len(written) == 1 and service._saver._kept is not None)
            rounds = []
            service._saver._core = Counting(service._core, lambda: rounds.append(1))
            for number in (1, 2):
                clock.now += 60
                await until(partial(lambda number: len(rounds) == number, number))
            assert len(written) == 1

    asyncio.run(main())


def test_however_many_downloads_strangers_make_up_a_turn_tells_of_few_and_counts_all(tmp_path):
    events: list[Event] = []
    with tracker(settings(open=True), on_event=events.append) as service:
        for number in range(25):
            announce(service, bytes([number]) * 20, number, left=9, event="started")
            announce(service, bytes([number]) * 20, number, event="completed")
        service._drain()
        told = [event for event in events if isinstance(event, Completed)]
        assert len(told) == 10
        assert [event for event in events if isinstance(event, MoreCompleted)] == [
            MoreCompleted(15)
        ]
        assert service._keeper.ledger.total() == 25


def pollers():
    """Descriptors of this process that wait for events."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(entry.readlink()) == "anon_inode:[eventpoll]":
                found.add(int(entry.name))
    return found


def exchange(descriptor):
    """Put another file into the place of a descriptor."""
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), descriptor)


def test_a_thread_of_the_data_plane_that_ends_ends_the_tracker_with_a_line(folder, tmp_path):
    state = tmp_path / "s.sqlite"

    async def main():
        before = pollers()
        with tracker(settings(allowed_dir=folder, state=state)) as service:
            running = asyncio.ensure_future(service.run())
            announce(service, HELLO, 1, left=12, event="started")
            announce(service, HELLO, 1, event="completed")
            assert service.fault() is None
            (poller,) = pollers() - before
            exchange(poller)
            # It waits at the old descriptor, and has to be woken up once unless it woke by itself.
            with suppress(OSError, http.client.HTTPException):
                announce(service, HELLO, 2)
            await asyncio.wait_for(running, 60)

    with pytest.raises(OutpourError, match="no announce is answered any more: the thread") as told:
        asyncio.run(main())
    assert told.value.exit_code == 1
    store = Store(state)
    assert counts_of(store) == {HELLO: 1}
    store.close()


@pytest.mark.parametrize("work", ["_turns", "_follow", "_watch"])
def test_a_work_that_ends_ends_the_tracker(folder, work, monkeypatch):
    async def broken(self):
        raise LookupError("lost")

    monkeypatch.setattr(TrackerService, work, broken)

    async def main():
        with tracker(settings(allowed_dir=folder)) as service:
            await asyncio.wait_for(service.run(), 60)

    with pytest.raises(LookupError, match="lost"):
        asyncio.run(main())


@pytest.mark.parametrize("work", ["_save_counters", "_save_history", "_save_swarms"])
def test_saving_that_ends_ends_the_tracker(folder, work, monkeypatch):
    async def ended(self):
        return

    monkeypatch.setattr(Saver, work, ended)

    async def main():
        with tracker(settings(allowed_dir=folder)) as service:
            await asyncio.wait_for(service.run(), 60)

    with pytest.raises(RuntimeError, match="ended"):
        asyncio.run(main())


def test_swarms_older_than_the_timeout_are_not_restored(folder, tmp_path):
    given = settings(allowed_dir=folder, state=tmp_path / "s.sqlite")
    clock = Clock()
    with tracker(given, clock=clock) as service:
        announce(service, BIG, 2, left=7)
    clock.now += given.peer_timeout_in_effect_s
    with tracker(given, clock=clock) as service:
        assert service.peers(BIG) == ()


def test_a_damaged_snapshot_is_told_and_the_tracker_starts(folder, tmp_path):
    store = Store(tmp_path / "s.sqlite")
    store.save(batch({HELLO: 5}))
    store.save(None, swarms=store.write_swarms([b"no snapshot"], int(time.time())))
    store.close()
    events: list[Event] = []
    given = settings(allowed_dir=folder, state=tmp_path / "s.sqlite")
    with tracker(given, on_event=events.append) as service:
        assert any(isinstance(event, SnapshotRefused) for event in events)
        assert now(service).row(HELLO).downloaded == 5


def test_downloads_of_torrents_that_are_gone_are_in_the_sum_of_all(folder, tmp_path):
    store = Store(tmp_path / "s.sqlite")
    store.save(batch({HELLO: 5, b"g" * 20: 7}))
    store.close()
    with tracker(settings(allowed_dir=folder, state=tmp_path / "s.sqlite")) as service:
        totals = now(service).totals()
        assert (totals.downloaded, totals.downloaded_all) == (5, 12)


def test_a_torrent_whose_file_is_gone_keeps_its_name_on_an_open_tracker(folder, tmp_path):
    state = tmp_path / "s.sqlite"
    with tracker(settings(allowed_dir=folder, state=state)):
        pass
    with tracker(settings(open=True, state=state)) as service:
        announce(service, HELLO, 1)
        (row,) = now(service).rows()
        assert (row.name, row.length) == ("hello.txt", 12)


def test_an_open_tracker_keeps_dead_torrents_if_asked(tmp_path):
    state = tmp_path / "s.sqlite"
    store = Store(state)
    store.save(batch({b"g" * 20: 7}))
    store.close()
    with tracker(settings(open=True, state=state)) as service:
        assert now(service).rows() == ()
    with tracker(settings(open=True, state=state, keep_dead=True)) as service:
        assert now(service).rows() == (TorrentRow(b"g" * 20, downloaded=7),)


def test_a_publisher_allows_and_withdraws():
    raw = torrent("mine.iso", 5)
    metainfo = Metainfo.parse(raw)
    infohash = metainfo.info.infohash
    with tracker(settings()) as service:
        assert b"failure reason" in announce(service, infohash, 1)
        service.allow(metainfo)
        assert b"peers" in announce(service, infohash, 1)
        assert now(service).row(infohash).name == "mine.iso"
        assert service.metainfo_file(infohash).read() == raw
        service.withdraw(infohash)
        assert b"failure reason" in announce(service, infohash, 1)
        assert now(service).rows() == ()


def test_every_torrent_that_is_listed_is_tracked_whoever_else_adds_some(folder):
    """A publisher allows torrents while a new folder is looked through in another thread."""

    async def main():
        async with running(settings(allowed_dir=folder, rescan_interval_s=3600)) as service:
            for number in range(30):
                (folder / f"{number}.torrent").write_bytes(torrent(f"file {number}"))
                looking = asyncio.ensure_future(service.refresh())
                while not looking.done():
                    more = Metainfo.parse(torrent(f"given {number}"))
                    service.allow(more)
                    await asyncio.sleep(0)
                await looking
            for number in range(30):
                for name in (f"file {number}", f"given {number}"):
                    infohash = Metainfo.parse(torrent(name)).info.infohash
                    answer = await asyncio.to_thread(announce, service, infohash, 7)
                    assert b"peers" in answer, name

    asyncio.run(main())


def test_publishing_costs_the_same_however_much_is_published(monkeypatch):
    """Counted in infohashes that go down to the core, not in time."""

    class Counted:
        def __init__(self, core):
            self.core = core
            self.handed = 0

        def __getattr__(self, name):
            if name in ("allow", "allow_more", "disallow"):
                return lambda infohashes: self.hand(name, infohashes)
            return getattr(self.core, name)

        def hand(self, name, infohashes):
            self.handed += len(infohashes)
            getattr(self.core, name)(infohashes)

    with tracker(settings()) as service:
        core = service._core = Counted(service._core)
        many = [Metainfo.parse(torrent(f"{number}", 1 + number)) for number in range(500)]
        for metainfo in many:
            service.allow(metainfo)
        for metainfo in many[100:]:
            service.withdraw(metainfo.info.infohash)
        assert core.handed == 900
        service._core = core.core
        answers = [b"peers" in announce(service, one.info.infohash, 7) for one in many[95:105]]
        assert answers == [True] * 5 + [False] * 5


def test_names_are_hidden_where_the_operator_wants_it(folder):
    with tracker(settings(allowed_dir=folder, show_names=False)) as service:
        assert [(row.name, row.length, row.magnet) for row in now(service).rows()] == [
            (None, None, None),
            (None, None, None),
        ]
        assert service.metainfo_file(HELLO) is not None
    with tracker(settings(allowed_dir=folder, serve_torrents=False)) as service:
        assert service.metainfo_file(HELLO) is None


def test_a_hybrid_is_one_row_and_its_peers_count_once():
    second = b"2" * 32
    listing = Listing(
        HELLO, second, (HELLO, second[:20]), "x", 9, 1, "hybrid", False, "", None, None, (), None
    )
    with tracker(settings()) as service:
        service._put(service._allowed.give([listing]))
        service._hand_down_all()
        for infohash in (HELLO, second[:20]):
            announce(service, infohash, 1, left=9, event="started")
            announce(service, infohash, 1, event="completed")
        service._drain()
        (row,) = now(service).rows()
        assert (row.complete, row.downloaded) == (1, 1)
        assert now(service).row(second[:20]) == row
        assert now(service).totals().downloaded_all == 1


def test_a_taken_port_is_one_clear_error(folder):
    with tracker(settings(open=True)) as service:
        host, port = service.http_addresses[0]
        with pytest.raises(NetworkError) as caught:
            TrackerService(settings(open=True, listen=(f"{host}:{port}",))).start()
        assert caught.value.message == f"`{host}:{port}`: address already in use"
        assert "--listen" in (caught.value.hint or "")


def test_an_address_of_another_machine_is_one_clear_error():
    with pytest.raises(NetworkError, match=r"192\.0\.2\.1:0") as caught:
        TrackerService(settings(open=True, listen=("192.0.2.1:0",))).start()
    assert caught.value.hint


def test_a_start_that_fails_frees_its_port(tmp_path):
    with tracker(settings(open=True)) as service:
        listen = ("{}:{}".format(*service.http_addresses[0]),)
    with pytest.raises(ReadError):
        TrackerService(settings(listen=listen, allowed_dir=tmp_path / "none")).start()
    with tracker(settings(open=True, listen=listen)):
        pass


def test_both_families_share_a_port_and_a_swarm():
    with tracker(settings(open=True, listen=(":0",))) as service:
        hosts = {host for host, _ in service.http_addresses}
        if "::" not in hosts:
            pytest.skip("no IPv6 here")
        assert hosts == {"0.0.0.0", "::"}
        assert len({port for _, port in service.http_addresses + service.udp_addresses}) == 1


def kept(service):
    return len(service._keeper.read(lambda file: history_queries.samples(file, HELLO), ()))


def test_history_is_sampled_each_minute_and_kept(folder, tmp_path):
    clock = Clock(1_000_000_020.0)
    state = tmp_path / "s.sqlite"

    async def main():
        async with running(settings(allowed_dir=folder, state=state), clock=clock) as service:
            announce(service, HELLO, 1)
            clock.now += 60
            await until(lambda: kept(service) == 1)
            announce(service, HELLO, 2)
            clock.now += 60
            await until(lambda: kept(service) == 2)
            clock.now += 30
            line = await service.history(HELLO)
            assert [sample.complete for sample in line] == [1, 2, 2]
            assert line[-1].at == int(clock.now)
            await until(lambda: service._keeper.snapshot() is not None)
            assert (await service.history(TOTALS))[-1].complete == 2

    asyncio.run(main())


def test_a_swarm_that_stands_still_is_sampled_once_an_hour():
    sampler = Sampler()
    still = [(HELLO, 1, 0, 0)]
    kept = [len(sampler.take(at, still, Totals())) for at in range(0, 7200, 60)]
    assert kept == [2] + [0] * 59 + [2] + [0] * 59
    moved = [(HELLO, 2, 0, 0)]
    assert sampler.take(7200 - 30, moved, Totals()) == moved


def test_a_line_is_flat_until_just_before_a_change_and_ends_now():
    row = TorrentRow(HELLO, complete=3)
    line = expand([Sample(0, 1, 0, 0), Sample(600, 3, 0, 0)], row, 900)
    assert line == (
        Sample(0, 1, 0, 0),
        Sample(540, 1, 0, 0),
        Sample(600, 3, 0, 0),
        Sample(900, 3, 0, 0),
    )
    assert expand([], None, 900) == ()


def test_a_classic_state_file_is_taken_over_and_counters_never_go_down(folder, tmp_path):
    with tracker(settings(allowed_dir=folder, state=tmp_path / "s.sqlite")) as service:
        service.dfile_contents().adopt(dfile.read(VECTORS / "342.dfile"))
        assert now(service).row(HELLO).downloaded == 1
        assert (now(service).row(HELLO).complete, now(service).row(BIG).downloading) == (2, 2)
        assert Peer("127.0.0.2", 6883, False) in service.peers(BIG)
        service.dfile_contents().adopt(Dfile({HELLO: 9, BIG: 2**40}))
        service.dfile_contents().adopt(Dfile({HELLO: 3}))
        assert now(service).row(HELLO).downloaded == 9
        assert now(service).row(BIG).downloaded == 2**31 - 1
    with tracker(settings(allowed_dir=folder, state=tmp_path / "s.sqlite")) as service:
        assert now(service).row(HELLO).downloaded == 9


def test_a_classic_state_file_follows_the_tracker(folder, tmp_path):
    path = tmp_path / "dfile"

    async def main():
        async with running(settings(allowed_dir=folder)) as service:
            mirror = DfileMirror(service.dfile_contents(), path, 0.05, lambda event: None)
            mirror.load()
            task = asyncio.create_task(mirror.run())
            announce(service, HELLO, 1, left=12, event="started")
            announce(service, HELLO, 1, event="completed")
            announce(service, BIG, 2, left=7)
            await until(
                lambda: (
                    path.exists()
                    and dfile.read(path)
                    == Dfile(
                        {HELLO: 1},
                        {
                            HELLO: (Peer("127.0.0.1", PORTS + 1, True),),
                            BIG: (Peer("127.0.0.1", PORTS + 2, False),),
                        },
                    )
                )
            )
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())


def test_a_classic_state_file_that_is_cut_short_is_set_aside_and_its_counters_are_kept(
    folder, tmp_path
):
    path = tmp_path / "dfile"
    path.write_bytes((VECTORS / "342.dfile").read_bytes()[:200])
    events: list[Event] = []
    with tracker(settings(allowed_dir=folder)) as service:
        DfileMirror(service.dfile_contents(), path, 1, events.append).load()
        assert now(service).row(HELLO).downloaded == 1
    assert "2 counters in it are kept" in str(events[0])
    assert not path.exists()


def test_a_damaged_classic_state_file_is_set_aside(folder, tmp_path):
    path = tmp_path / "dfile"
    path.write_bytes(b"d9:comple")
    events: list[Event] = []
    with tracker(settings(allowed_dir=folder)) as service:
        mirror = DfileMirror(service.dfile_contents(), path, 1, events.append)
        assert mirror.load() == Dfile()
    assert len(events) == 1
    assert not path.exists()
    assert [entry.name.startswith("dfile.damaged-") for entry in tmp_path.glob("dfile*")] == [True]


def test_of_more_torrents_than_are_listed_the_largest_are_and_the_rest_is_found_and_counted(
    tmp_path, monkeypatch
):
    for module in ("shown_tracker", "views.census"):
        monkeypatch.setattr(f"outpour.tracker.{module}.ROWS_MAX", 2)
    with tracker(settings(open=True, state=tmp_path / "s.sqlite")) as service:
        for number in range(1, 4):
            infohash = bytes([number]) * 20
            for port in range(1, number + 1):
                announce(service, infohash, port, left=port - 1, event="started")
            announce(service, infohash, 1, event="completed")
        service._drain()
        wait_for(lambda: len(now(service).rows()) == 2)
        assert {row.infohash[0] for row in now(service).rows()} == {2, 3}
        smallest = now(service).row(b"\1" * 20)
        assert smallest is not None
        assert (smallest.complete, smallest.downloading, smallest.downloaded) == (1, 0, 1)
        assert now(service).row(b"\4" * 20) is None
        totals = now(service).totals()
        assert (totals.torrents, totals.complete, totals.downloading) == (3, 3, 3)
        assert totals.downloaded_all == 3
        assert len(service._points.take(0, service._census_to_sample())) == 4


def test_the_limit_of_open_files_is_raised_as_far_as_it_goes_and_said():
    """In a process of its own, as nobody else is to have fewer files."""
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2000))\n"
        "from outpour.tracker.service import TrackerService\n"
        "from outpour.tracker.settings import TrackerSettings\n"
        "settings = TrackerSettings(listen=('127.0.0.1:0',), workers=2, open=True)\n"
        "service = TrackerService(settings, on_event=print)\n"
        "service.start(); service.stop()\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "up to 1000 connections at once, 2000 open files" in done.stdout
    assert "(2000, 2000)" in done.stdout


def test_an_open_tracker_forgets_the_smallest_counters_and_keeps_the_sum(tmp_path):
    clock = Clock(1_000_000_020.0)
    given = settings(open=True, state=tmp_path / "s.sqlite", counters_max=1000)
    many = {number.to_bytes(2, "big") * 10: 1 + number % 7 for number in range(1100)}

    async def main():
        async with running(given, clock=clock) as service:
            ledger = service._keeper.ledger
            busy = min(many, key=lambda infohash: many[infohash])
            announce(service, busy, 1, left=9)
            ledger.add(list(many.items()))
            await until(lambda: not service._keeper.unsaved)
            clock.now += 60
            await until(lambda: len(ledger) <= 1000)
            await until(lambda: service._keeper._forgotten)
            kept = dict(ledger.page(0, 2000)[0])
            assert kept.items() <= many.items()
            assert busy in kept
            gone = [count for infohash, count in many.items() if infohash not in kept]
            assert max(gone) <= min(count for infohash, count in kept.items() if infohash != busy)
            assert ledger.total() == sum(many.values())
            return kept

    kept = asyncio.run(main())
    with tracker(given) as service:
        assert dict(service._keeper.ledger.page(0, 2000)[0]) == kept
        assert service.totals().downloaded_all == sum(many.values())
