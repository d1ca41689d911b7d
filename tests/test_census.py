"""Counting the swarms: few or a million, hybrids once, and nobody kept waiting for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from outpour.tracker.figures import TorrentRow, Totals
from outpour.tracker.lists.listed_torrent import Given, Listing
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.views.census import ROWS_MAX, Census, walk
from outpour.tracker.views.current_census import AT_ONCE_MAX, CurrentCensus
from tests.waiting import until
from tests.web.conftest import make_metainfo

FIRST, SECOND = b"1" * 20, b"2" * 32
MANY = ROWS_MAX + 1500


@pytest.fixture
def start():
    services = []

    def begin(**given):
        chosen = TrackerSettings(listen=("127.0.0.1:0",), workers=1, **given)
        services.append(TrackerService(chosen))
        services[-1].start()
        return services[-1]

    yield begin
    for service in services:
        service.stop()


def numbered(number):
    return number.to_bytes(4, "big") * 5


def fill(service, count):
    """Torrents of one leecher, but for the first, which has a seeder and two leechers."""
    service._core.insert(numbered(0), [("127.0.0.1", port, port == 9) for port in (7, 8, 9)])
    for number in range(1, count):
        service._core.insert(numbered(number), [("127.0.0.2", 7, False)])


def walked(service, limit):
    rows: list[TorrentRow] = []
    cursor: str | None = ""
    parts = 0
    while cursor is not None:
        part, cursor = service.walk(cursor, limit)
        rows += part
        parts += 1
    return [row.infohash for row in rows], parts


def test_of_very_many_torrents_the_largest_are_listed_and_all_are_counted_and_walked(start):
    service = start(open=True)
    fill(service, MANY)
    census = service._counter.take()
    assert len(census.rows) == ROWS_MAX
    assert not census.is_whole
    assert (census.index[numbered(0)].complete, census.index[numbered(0)].downloading) == (1, 2)
    totals = census.totals
    assert (totals.torrents, totals.complete, totals.downloading) == (MANY, 1, MANY + 1)
    infohashes, parts = walked(service, 1000)
    assert parts > 2
    assert sorted(infohashes) == [numbered(number) for number in range(MANY)]


def test_a_torrent_too_small_to_be_listed_has_its_numbers(start):
    service = start(open=True)
    fill(service, MANY)
    listed = {row.infohash for row in service._counter.take().rows}
    other = next(numbered(n) for n in range(MANY) if numbered(n) not in listed)
    row = service.row(other)
    assert row is not None
    assert (row.complete, row.downloading) == (0, 1)
    assert service.row(b"x" * 20) is None


def test_few_torrents_are_walked_in_the_order_of_their_infohashes(start):
    service = start(open=True)
    fill(service, 25)
    service._census.forget()
    assert walked(service, 10) == ([numbered(number) for number in range(25)], 3)


@pytest.mark.parametrize("cursor", ["x", "m", "m-1", "mx", "h0", "m" + "9" * 19, "5", "m\u0661"])
def test_what_is_no_cursor_is_refused(start, cursor):
    service = start(open=True)
    with pytest.raises(ValueError, match=r"."):
        service.walk(cursor, 10)


def test_a_cursor_beyond_the_end_ends(start):
    service = start(open=True)
    fill(service, 3)
    assert walk(None, service._counter, "m999999999999999999", 10) == ((), None)


@pytest.fixture
def hybrid(start):
    service = start()
    listing = Listing(
        FIRST, SECOND, (FIRST, SECOND[:20]), "x", 9, 1, "hybrid", False, "", None, None, (), None
    )
    service._put(service._allowed.give([listing]))
    service._hand_down_all()
    return service


def peers(*ports, seeding=()):
    return [("127.0.0.1", 20_000 + port, port in seeding) for port in ports]


def numbers(service):
    (row,) = service._counter.take().rows
    return row.complete, row.downloading


def test_a_hybrid_adds_up_its_swarms_and_counts_nobody_twice(hybrid):
    hybrid._core.insert(FIRST, peers(1, 2, 3, seeding=(1,)))
    assert numbers(hybrid) == (1, 2)
    hybrid._core.insert(SECOND[:20], peers(2, 3, 4, 5, seeding=(5,)))
    assert numbers(hybrid) == (2, 3)
    # It has told one of its two swarms so far that it is complete.
    hybrid._core.insert(FIRST, peers(6))
    assert numbers(hybrid) == (2, 4)
    hybrid._core.insert(SECOND[:20], peers(6, seeding=(6,)))
    assert numbers(hybrid) == (3, 3)
    totals = hybrid._counter.take().totals
    assert (totals.torrents, totals.complete, totals.downloading) == (1, 3, 3)


def test_a_hybrid_known_by_its_second_infohash_only_is_counted(hybrid):
    hybrid._core.insert(SECOND[:20], peers(4, 5, seeding=(5,)))
    assert numbers(hybrid) == (1, 1)


def test_a_large_hybrid_is_looked_at_again_when_a_number_changes(hybrid):
    hybrid._core.insert(FIRST, peers(*range(1, 2001)))
    hybrid._core.insert(SECOND[:20], peers(*range(1001, 3001)))
    assert numbers(hybrid) == numbers(hybrid) == (0, 3000)
    hybrid._core.insert(SECOND[:20], peers(3001))
    assert numbers(hybrid) == (0, 3001)


class Slow:
    """A census that takes until it is let go."""

    def __init__(self):
        self.taken = 0
        self.may_end = threading.Event()
        self.may_end.set()
        self.threads: set[int] = set()

    def take(self):
        self.threads.add(threading.get_ident())
        assert self.may_end.wait(60)
        self.taken += 1
        return Census(totals=Totals(torrents=self.taken))


def test_many_torrents_are_counted_beside_the_event_loop():
    async def scenario():
        slow = Slow()
        showing = CurrentCensus(slow.take, lambda: AT_ONCE_MAX + 1)
        assert showing.get().totals.torrents == 1
        work = asyncio.create_task(showing.keep_up())
        slow.may_end.clear()

        def is_counting():
            assert showing.get().totals.torrents == 1
            return len(slow.threads) >= 2

        await until(is_counting)
        # While it is counted the one of before is shown, and the loop runs.
        assert showing.get().totals.torrents == 1
        slow.may_end.set()
        await until(lambda: showing.get().totals.torrents >= 2)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(scenario())


def test_few_torrents_are_counted_when_somebody_looks():
    slow = Slow()
    now = [0.0]
    showing = CurrentCensus(slow.take, lambda: AT_ONCE_MAX, clock=lambda: now[0])
    assert showing.get().totals.torrents == 1
    now[0] += 1
    assert showing.get().totals.torrents == 2
    assert len(slow.threads) == 1


def test_many_torrents_are_not_counted_while_nobody_looks(monkeypatch):
    monkeypatch.setattr("outpour.tracker.views.current_census.TURN_S", 0.01)

    async def scenario():
        slow = Slow()

        showing = CurrentCensus(slow.take, lambda: AT_ONCE_MAX + 1)
        showing.get()
        work = asyncio.create_task(showing.keep_up())
        showing.forget()
        assert not showing._is_wanted
        showing.get()
        await until(lambda: slow.taken >= 2)
        # Nobody has looked since.
        showing.forget()
        assert not showing._is_wanted
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(scenario())


def test_torrents_that_are_listed_and_have_no_swarm_are_counted_beside_the_event_loop_too(
    start, tmp_path
):
    listed = tmp_path / "allow.txt"
    listed.write_text("".join(f"{number:040x}\n" for number in range(AT_ONCE_MAX + 1)))
    service = start(allow_list=listed)
    assert service.totals().torrents == AT_ONCE_MAX + 1
    takers = []
    was_taken = asyncio.Event()
    take = service._census._take

    def noted():
        takers.append(threading.current_thread())
        loop.call_soon_threadsafe(was_taken.set)
        return take()

    service._census._take = noted
    loop: asyncio.AbstractEventLoop

    async def main():
        nonlocal loop
        loop = asyncio.get_running_loop()
        running = asyncio.ensure_future(service.run())
        service._census.forget()
        assert len(service.rows()) == AT_ONCE_MAX + 1
        await asyncio.wait_for(was_taken.wait(), 60)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())
    assert takers
    assert threading.main_thread() not in takers


def test_a_torrent_that_was_just_listed_is_shown_at_once_among_however_many(start):
    service = start()
    metainfos = [make_metainfo(f"{number:05}".encode(), b"x") for number in range(AT_ONCE_MAX + 2)]
    service.allow_all(Given(one) for one in metainfos[:-1])
    assert len(service.rows()) == AT_ONCE_MAX + 1
    assert service.totals().torrents == AT_ONCE_MAX + 1
    # From now on a census is taken beside the event loop, which does not run here.
    service._census._has_many()
    last = metainfos[-1]
    service.allow(last)
    service.allow(metainfos[0])
    rows = service.rows()
    assert [row.name for row in rows] == sorted(row.name or "" for row in rows)
    assert len({row.infohash for row in rows}) == len(rows) == AT_ONCE_MAX + 2
    row = service.row(last.info.infohash)
    assert row is not None
    assert (row.name, row.length) == (last.info.name, 1)
    totals = service.totals()
    assert (totals.torrents, totals.length) == (AT_ONCE_MAX + 2, AT_ONCE_MAX + 2)
    # One that is gone again before anybody looks is not.
    other = make_metainfo(b"other", b"x")
    service.allow(other)
    service.withdraw(other.info.infohash)
    assert service.row(other.info.infohash) is None


def test_what_comes_while_a_census_is_taken_is_in_it(monkeypatch):
    monkeypatch.setattr("outpour.tracker.views.current_census.TURN_S", 0.01)
    before, meanwhile = (Listing.of(make_metainfo(name, b"x")) for name in (b"one", b"two"))
    joined: list[Listing] = []

    def join(census: Census, new: Sequence[Listing]) -> Census:
        joined.extend(new)
        return census

    async def scenario():
        slow = Slow()
        showing = CurrentCensus(slow.take, lambda: AT_ONCE_MAX + 1, join)
        showing.get()
        showing.get()
        showing.forget([before])
        slow.may_end.clear()
        work = asyncio.create_task(showing.keep_up())
        await until(lambda: len(slow.threads) >= 2)
        showing.forget([meanwhile])
        showing.get()
        slow.may_end.set()
        await until(lambda: slow.taken >= 2 and showing._new == [meanwhile])
        joined.clear()
        showing.get()
        assert joined == [meanwhile]
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    asyncio.run(scenario())
