"""A year of history: minutes for a day, hours for 92 days, days after that, and gaps in all."""

from __future__ import annotations

import random
import sqlite3

import pytest

from outpour.tracker.figures import Extremes, Stretch
from outpour.tracker.state import history_queries
from outpour.tracker.state.bucket_block import (
    DAY_S,
    HOUR_S,
    NUMBER_MAX,
    Bucket,
    pack,
    unpack,
)
from outpour.tracker.state.history import Sampler
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.sample_table import TOTALS
from outpour.tracker.state.store import Store
from outpour.tracker.views.swarm_history import SwarmHistory

A, B = b"a" * 20, b"b" * 20
NOW = 20_000 * DAY_S + 12 * HOUR_S


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tracker.sqlite"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def stretches(store, infohash, step_s, after=-1):
    return store.read(lambda file: history_queries.stretches(file, infohash, step_s, after))


def fill(store, began, ended, step_s=HOUR_S, keys=(A,), numbers=lambda at: (5, 2, at // DAY_S)):
    store.samples.add_points(
        (key, at, *numbers(at)) for at in range(began, ended, step_s) for key in keys
    )


def all_of(store, table):
    return store.read(lambda file: file.execute(f"SELECT * FROM {table}").fetchall())


@pytest.mark.parametrize("seed", range(20))
def test_a_block_is_unpacked_as_it_was_packed(seed):
    chance = random.Random(seed)

    def extremes():
        low, high = sorted(chance.sample(range(1 << chance.randrange(4, 31)), 2))
        return Extremes(chance.randint(low, high), low, high, chance.randint(low, high))

    slots = chance.sample(range(32), chance.randint(1, 32))
    block = {slot: Bucket(extremes(), extremes(), chance.randrange(1 << 31)) for slot in slots}
    assert unpack(pack(block)) == block


def test_numbers_beyond_what_a_block_holds_are_kept_as_the_largest(store):
    of = Extremes(-1, -1, 1 << 40, 1 << 40)
    found = unpack(pack({3: Bucket(of, of, 1 << 50)}))[3]
    assert found.complete == Extremes(0, 0, NUMBER_MAX, NUMBER_MAX)
    assert found.downloaded == NUMBER_MAX


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"x",
        pack({})[:-1] + b"x",
        pack({1: Bucket(Extremes(1, 1, 1, 1), Extremes(1, 1, 1, 1), 1)})[:12],
    ],
)
def test_what_is_no_block_is_told_from_one(packed):
    with pytest.raises(ValueError, match="not a block"):
        unpack(packed)


def test_what_leaves_the_day_becomes_hours_with_first_least_most_and_last(store):
    at = NOW - 2 * DAY_S
    for minute, complete in ((0, 5), (10, 2), (20, 9), (50, 4)):
        store.samples.add(at + minute * 60, [(A, complete, complete + 1, minute)])
    assert store.samples.prune(NOW, 366)
    assert all_of(store, "samples") == []
    assert stretches(store, A, HOUR_S) == [
        Stretch(at, at + 3599, Extremes(5, 2, 9, 4), Extremes(6, 3, 10, 5), 50)
    ]


def test_a_second_part_of_an_hour_is_joined_with_the_first(store):
    at = NOW - 2 * DAY_S
    store.samples.add(at, [(A, 5, 1, 0)])
    store.samples.prune(NOW, 366)
    store.samples.add(at + 600, [(A, 9, 0, 3), (B, 1, 1, 1)])
    store.samples.prune(NOW, 366)
    (found,) = stretches(store, A, HOUR_S)
    assert found.complete == Extremes(5, 5, 9, 9)
    assert found.downloaded == 3
    assert len(stretches(store, B, HOUR_S)) == 1


def test_hours_become_days_and_days_last_for_a_year(store):
    fill(store, NOW - 400 * DAY_S, NOW, keys=(TOTALS, A))
    while not store.samples.prune(NOW, 366):
        pass
    year = stretches(store, A, DAY_S, NOW - 366 * DAY_S)
    assert [one.began // DAY_S for one in year] == list(range(20_000 - 365, 20_001))
    assert not any(one.is_after_gap for one in year)
    assert {one.complete for one in year} == {Extremes(5, 5, 5, 5)}
    assert [one.downloaded for one in year[:3]] == [20_000 - 365, 20_000 - 364, 20_000 - 363]
    hours = stretches(store, A, HOUR_S, NOW - 90 * DAY_S)
    assert len(hours) == 90 * 24 - 1
    oldest = min(block for step, block, *_ in all_of(store, "buckets") if step == HOUR_S)
    assert oldest == 20_000 - 92
    before = stretches(store, A, HOUR_S)
    assert before[0].ended - before[0].began == DAY_S - 1
    assert min(one.began for one in before) >= NOW - 366 * DAY_S - 32 * DAY_S


def test_each_day_is_folded_once_whether_or_not_the_tracker_was_started_anew(path):
    for hour in range(0, 10 * 24, 7):
        store = Store(path)
        began = NOW - 11 * DAY_S + hour * HOUR_S
        fill(store, began, began + 7 * HOUR_S, keys=(TOTALS, A))
        store.samples.prune(began + 7 * HOUR_S + DAY_S, 366)
        store.close()
    store = Store(path)
    store.samples.prune(NOW + DAY_S, 366)
    days = stretches(store, A, DAY_S)
    store.close()
    assert [one.began // DAY_S for one in days] == list(range(20_000 - 11, 20_000))
    assert not any(one.is_after_gap for one in days)


def test_what_many_samples_of_an_earlier_outpour_wait_for_is_done_in_turns(store, monkeypatch):
    monkeypatch.setattr("outpour.tracker.state.sample_table.PRUNE_S", 0.0)
    fill(store, NOW - 30 * DAY_S, NOW)
    turns = 1
    while not store.samples.prune(NOW, 366):
        turns += 1
    assert turns > 30
    assert len(stretches(store, A, HOUR_S)) == 30 * 24
    assert len(stretches(store, A, DAY_S)) == 31


def test_hours_of_which_nothing_is_known_are_a_gap_in_every_tier(store):
    gap = (NOW - 50 * DAY_S, NOW - 47 * DAY_S)
    fill(store, NOW - 60 * DAY_S, gap[0])
    fill(store, gap[1], NOW)
    store.samples.prune(NOW, 366)
    for step_s in (HOUR_S, 8 * HOUR_S, DAY_S):
        found = stretches(store, A, step_s)
        (after,) = [one for one in found if one.is_after_gap]
        assert after.began == gap[1] // DAY_S * DAY_S if step_s == DAY_S else after.began == gap[1]


def test_a_year_of_gaps_is_read_as_a_year_of_gaps(store):
    for day in range(365):
        at = NOW - (365 - day) * DAY_S
        fill(store, at, at + HOUR_S)
        if day % 2:
            fill(store, at + 5 * HOUR_S, at + 6 * HOUR_S)
    while not store.samples.prune(NOW, 366):
        pass
    found = stretches(store, A, HOUR_S, NOW - 90 * DAY_S)
    assert len(found) == 90 + 45 - 1
    assert all(one.is_after_gap for one in found[1:])


def test_a_time_in_which_the_tracker_did_not_run_is_a_gap_and_a_quiet_one_is_not(path):
    first = Store(path)
    first.samples.add(NOW, [(A, 5, 2, 0)])
    for minute in range(1, 40):
        first.samples.add(NOW + minute * 60, [])
    first.samples.end(NOW + 40 * 60)
    first.close()
    second = Store(path)
    second.samples.add(NOW + 55 * 60, [(A, 6, 2, 0)])
    second.samples.add(NOW + 90 * 60, [(A, 7, 2, 0)])
    found = stretches(second, A, 360)
    second.close()
    assert [one.is_after_gap for one in found] == [False, True, False]
    assert found[0].ended == NOW + 40 * 60, "it stood still up to the end of that run"


def test_a_restart_of_a_minute_is_no_gap(path):
    for began in (0, 60):
        store = Store(path)
        store.samples.add(NOW + began, [(A, 5, 2, 0)])
        store.close()
    store = Store(path)
    found = stretches(store, A, 60)
    store.close()
    assert [one.is_after_gap for one in found] == [False, False]


def test_a_torrent_that_came_back_has_a_gap_though_the_tracker_ran(store):
    for minute in range(0, 300, 10):
        store.samples.add(NOW + minute * 60, [(TOTALS, minute, 0, 0)])
    store.samples.add(NOW, [(A, 1, 1, 1)])
    store.samples.add(NOW + 200 * 60, [(A, 2, 1, 1)])
    assert [one.is_after_gap for one in stretches(store, A, 360)] == [False, True]


def test_a_chart_begins_with_what_was_true_when_its_time_began(path):
    keeper = Keeper(path, clock=lambda: NOW)
    for at, complete in ((NOW - DAY_S - 1800, 3), (NOW - DAY_S + 1200, 4)):
        keeper.sample(at, [(A, complete, 0, 0)])
    history = SwarmHistory(keeper, 366, lambda: NOW)
    found = history._since(A, NOW - DAY_S, 360)
    history.close()
    keeper.close()
    assert (found[0].began, found[0].complete.last) == (NOW - DAY_S, 3)
    assert found[1].complete.first == 4


def test_a_damaged_block_is_passed_over_and_taken_out(path):
    store = Store(path)
    fill(store, NOW - 5 * DAY_S, NOW, keys=(TOTALS, A, B))
    store.samples.prune(NOW, 366)
    store.close()
    other = sqlite3.connect(path)
    other.execute(
        "UPDATE buckets SET bytes = (SELECT bytes FROM buckets WHERE infohash = ?1 "
        "AND block = ?2 - 1 AND step = 3600) WHERE infohash = ?1 AND block = ?2",
        (A, NOW // DAY_S - 3),
    )
    other.commit()
    other.close()
    store = Store(path)
    days = {one.began // DAY_S for one in stretches(store, A, HOUR_S)}
    assert NOW // DAY_S - 3 not in days
    assert store.samples.drop_damaged() == 1
    assert store.samples.drop_damaged() == 0
    assert len(stretches(store, B, HOUR_S)) == 5 * 24
    store.close()


def test_the_history_of_a_damaged_file_is_taken_over(path):
    store = Store(path)
    fill(store, NOW - 40 * DAY_S, NOW, keys=(TOTALS, A))
    store.samples.prune(NOW, 366)
    wanted = stretches(store, A, HOUR_S)
    store.close()
    other = sqlite3.connect(path)
    other.execute("DROP TABLE facts")
    other.commit()
    other.close()
    keeper = Keeper(path, clock=lambda: NOW)
    nothing: list[Stretch] = []
    found = keeper.read(lambda file: history_queries.stretches(file, A, HOUR_S, -1), nothing)
    keeper.close()
    assert len(wanted) == 40 * 24
    assert found == wanted


def test_strange_values_among_the_samples_are_dropped_when_they_are_folded(path):
    store = Store(path)
    fill(store, NOW - 3 * DAY_S, NOW - 2 * DAY_S)
    store.close()
    other = sqlite3.connect(path)
    other.execute("INSERT INTO samples VALUES ('text', ?, 'x', NULL, 1.5, 0)", (NOW - 2 * DAY_S,))
    other.commit()
    other.close()
    store = Store(path)
    store.samples.prune(NOW, 366)
    assert all_of(store, "samples") == []
    assert len(stretches(store, A, HOUR_S)) == 24
    store.close()


def test_a_swarm_that_stands_still_costs_little(store):
    sampler = Sampler()
    assert sampler is not None
    fill(store, NOW - 366 * DAY_S, NOW, keys=(TOTALS, A))
    while not store.samples.prune(NOW, 366):
        pass
    kept = [len(packed) for _, _, key, packed, _ in all_of(store, "buckets") if key == A]
    assert sum(kept) < 16_000
