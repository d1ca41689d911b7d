"""The history of the tracker as a whole, and its events: kept, thinned out, and read again."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import zlib
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from outpour.base.event import Event
from outpour.tracker.event_log import ALIKE_MAX, KEPT_MAX, EventLog
from outpour.tracker.operation import Operation
from outpour.tracker.state import event_table, moment_table
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.operation_tiers import (
    DAY_S,
    TIERS,
    Moment,
    joined,
    moment_of,
    stretched,
    text_of,
    tier_for,
)
from outpour.tracker.state.store import Store
from outpour.tracker.tracker_events import Completed, ListChanged, StateDamaged
from tests.said import Said
from tests.waiting import until

NOON = 1_795_003_200


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tracker.sqlite"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def minute(at, count, level=0.0, seconds=60.0):
    levels = {"peers": level} if level else {}
    return Moment(at, seconds, {"refused": count} if count else {}, levels, levels)


def moments(store, now, since, step_s):
    return store.read(lambda file: moment_table.moments(file, now, since, step_s))


def test_a_moment_reads_as_it_was_written():
    moment = Moment(NOON, 12.5, {"a": 3, "b": 0.25}, {"c": 2.5}, {"c": 7})
    assert moment_of(NOON, text_of(moment)) == moment


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"s":1,"c":[],"l":{}}', '{"s":1,"c":{},"l":{"a":[1]}}', "[" * 99_999]
)
def test_what_is_no_moment_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        moment_of(NOON, text)


def test_moments_join_by_the_time_that_was_seen_of_them():
    first, second = minute(NOON, 30, 10, seconds=20), minute(NOON + 60, 10, 4, seconds=60)
    both = joined(NOON, first, second)
    assert both.seconds == 80
    assert both.rate("refused", "other") == 0.5
    assert both.levels["peers"] == pytest.approx((10 * 20 + 4 * 60) / 80)
    assert both.highest["peers"] == 10


def test_stretches_that_nothing_is_known_of_lack():
    found = stretched([minute(NOON, 1), minute(NOON + 60, 2), minute(NOON + 1200, 4)], 600)
    assert [(one.at - NOON, one.counts["refused"], one.seconds) for one in found] == [
        (0, 3, 120), (1200, 4, 60),
    ]  # fmt: skip


def test_each_tier_holds_what_it_keeps_and_its_sums_are_those_of_the_minutes(store):
    days = 5
    for day in range(days):
        store.moments.add([minute(NOON + day * DAY_S + at * 60, 1, at + 1) for at in range(30)])
    now = NOON + (days - 1) * DAY_S + 1800
    for tier in TIERS:
        found = moments(store, now, now - tier.kept_s, tier.step_s)
        seen = min(days, -(-tier.kept_s // DAY_S))
        assert sum(one.counts["refused"] for one in found) == 30 * seen, tier
    rows = store.read(
        lambda file: file.execute("SELECT tier, count(*) FROM moments GROUP BY tier").fetchall()
    )
    assert dict(rows)[60] <= 2 * DAY_S // 60
    yearly = moments(store, now, now - 366 * DAY_S, DAY_S)
    assert len(yearly) == days
    assert {one.highest["peers"] for one in yearly} == {30}


def test_a_long_look_back_is_answered_by_the_tier_that_reaches_so_far():
    now = NOON
    assert tier_for(now, now - 3600, 60).step_s == 60
    assert tier_for(now, now - 7 * DAY_S, 3600).step_s == 3600
    assert tier_for(now, now - 7 * DAY_S, 3599).step_s == 600
    assert tier_for(now, now - 365 * DAY_S, DAY_S).step_s == DAY_S
    assert tier_for(now, now - 30 * DAY_S, 60).step_s == 60


def test_a_second_half_of_a_minute_joins_the_first_after_a_restart(path):
    for seconds in (20, 40):
        store = Store(path)
        store.moments.add([minute(NOON, seconds, seconds=seconds)])
        store.close()
    with closing(Store(path)) as store:
        (found,) = moments(store, NOON + 60, NOON, 60)
        assert (found.seconds, found.counts["refused"]) == (60, 60)


def test_a_damaged_moment_is_a_gap_and_not_a_number(path, store):
    store.moments.add([minute(NOON + at * 60, 7) for at in range(3)])
    with closing(sqlite3.connect(path)) as other:
        where = "FROM moments WHERE tier = 60 AND at = ?"
        (numbers,) = other.execute(f"SELECT numbers {where}", (NOON + 60,)).fetchone()
        flipped = zlib.compress(zlib.decompress(numbers).replace(b"7", b"8"))
        other.execute(
            "UPDATE moments SET numbers = ? WHERE tier = 60 AND at = ?", (flipped, NOON + 60)
        )
        other.commit()
    assert [one.at - NOON for one in moments(store, NOON + 180, NOON, 60)] == [0, 120]


def test_moments_and_events_outlive_a_damaged_file(path):
    keeper = Keeper(path)
    keeper.ledger.add([(b"a" * 20, 1)])
    keeper.save_all()
    assert keeper.keep_moments([minute(NOON + at * 60, at + 1) for at in range(200)])
    keeper.close()
    raw = bytearray(path.read_bytes())
    raw[28:100] = bytes(72)
    path.write_bytes(raw)
    again = Keeper(path)
    try:
        assert any(isinstance(event, StateDamaged) for event in again.events)
        nothing: list[Moment] = []
        found = again.read(
            lambda file: moment_table.moments(file, NOON + 12_000, NOON, 60), nothing
        )
        assert [one.counts["refused"] for one in found] == [*range(1, 201)]
    finally:
        again.close()


def test_the_log_tells_the_latest_first_and_of_one_kind_where_asked():
    clock = Clock()
    log = EventLog(clock)
    told: list[Event] = []
    hear = log.listening(told.append)
    for number in range(5):
        clock.now += 60
        hear(Said(f"said {number}"))
        hear(Completed(b"a" * 20, f"file {number}", 1))
    assert len(told) == 10
    assert log.kinds == ("downloads", "torrents")
    assert [one.text for one in log.latest(2, kind="torrents")] == ["said 4", "said 3"]
    first, *_ = log.latest(1)
    assert (first.kind, first.at) == ("downloads", clock.now)
    following = log.latest(3, before=first.number)
    assert [one.number for one in following] == [9, 8, 7]
    around = log.between(NOON + 60, NOON + 180, 100)
    assert [one.text for one in around] == ["said 0", "said 1", "said 2"]


def test_one_kind_of_event_takes_no_other_kinds_place_and_a_flood_is_summed_up():
    clock = Clock()
    log = EventLog(clock)
    log.note(Said("the one that matters"))
    for number in range(10 * KEPT_MAX):
        clock.now += 0.001
        log.note(Completed(b"a" * 20, str(number), 1))
    clock.now += 61
    log.turn()
    assert [one.text for one in log.latest(9, kind="torrents")] == ["the one that matters"]
    told = log.latest(KEPT_MAX * 2, kind="downloads")
    assert len(told) == ALIKE_MAX + 1
    assert told[0].text.startswith(f"and {10 * KEPT_MAX - ALIKE_MAX} more of these, the last:")
    for _ in range(KEPT_MAX):
        clock.now += 61
        log.note(Completed(b"a" * 20, "x", 1))
    assert len(log.latest(KEPT_MAX * 2, kind="downloads")) == KEPT_MAX
    assert log.oldest("downloads") > 2


def test_events_are_there_after_a_restart_and_old_ones_are_not(path):
    log = EventLog(Clock())
    for number in range(3):
        log.note(Said(f"said \udcff {number}"))
    keeper = Keeper(path)
    assert keeper.keep_events(log.take_unsaved(), {})
    assert keeper.keep_events((), {"torrents": 2})
    keeper.close()
    with closing(Store(path)) as store:
        again = EventLog(Clock())
        again.load(store.read(event_table.happenings))
        again.note(Said("new"))
        assert [one.text for one in again.latest(9)] == ["new", "said ? 2", "said ? 1"]
        assert [one.number for one in again.latest(9)] == [4, 3, 2]


def test_what_cannot_be_kept_is_kept_later():
    log = EventLog(Clock())
    log.note(Said("a"))
    taken = log.take_unsaved()
    log.note(Said("b"))
    log.put_back(taken)
    assert [one.text for one in log.take_unsaved()] == ["a", "b"]


class SlowDisk:
    """Core, keeper and reader of an operation; what is kept is there before the keeper says so."""

    def __init__(self):
        self.answered, self.asked = 0, 0
        self.rows: list[Moment] = []
        self.is_written, self.goes_on = threading.Event(), threading.Event()
        self.ledger, self.named = SimpleNamespace(total=int), {}

    def counters(self):
        return {"answered": self.answered}

    def read(self, _, nothing):
        return nothing

    def keep_moments(self, moments):
        self.rows += moments
        self.is_written.set()
        return self.goes_on.wait(60)

    async def ask(self, _, __):
        self.asked += 1
        return [*self.rows]


def test_a_minute_on_its_way_to_the_disk_is_told_once():
    disk: Any = SlowDisk()
    clock = Clock()
    operation = Operation(clock)
    operation.begin(disk, disk, disk)
    disk.answered, clock.now = 5, NOON + 60

    async def ask() -> list[Moment]:
        asking = asyncio.ensure_future(operation.moments(NOON - 60, 60))
        await until(lambda: disk.asked, what="a look while it is in both places")
        disk.goes_on.set()
        return [*await asking, *await operation.moments(NOON - 60, 60)]

    keeping = threading.Thread(target=operation.sampling())
    keeping.start()
    assert disk.is_written.wait(60)
    found = asyncio.run(ask())
    keeping.join()
    assert sum(one.counts.get("answered", 0) for one in found) == 2 * 5


def test_a_list_says_how_it_changed(tmp_path):
    assert str(ListChanged(tmp_path, 2, 0, 5)) == f"`{tmp_path}`: read again, 2 more, 5 now"
    assert "2 more and 1 less, 5 now" in str(ListChanged(tmp_path, 2, 1, 5))
