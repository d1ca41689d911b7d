"""Counters in the state file: pages behind one another, and what is cleared away of them."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from outpour import _core
from outpour.tracker.core import bind
from outpour.tracker.state import count_table
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.row_sums import counter_sum, name_sum, register
from outpour.tracker.state.salvage import salvage
from outpour.tracker.state.schema import APPLICATION_ID, MIGRATIONS
from outpour.tracker.tracker_events import SavingFailed, StateDamaged
from tests.saved_counts import counts_in, marks_of
from tests.test_service import settings

A, B = b"a" * 20, b"b" * 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tracker.sqlite"


@pytest.fixture
def keeper(path):
    keeper = Keeper(path)
    yield keeper
    keeper.close()


@pytest.fixture
def core():
    """A tracker without peers."""
    core = bind(settings(open=True))
    yield core
    core.stop()


def infohash(number):
    return number.to_bytes(4, "big") * 5


def count(keeper, numbers):
    keeper.ledger.add([(infohash(number), 1) for number in numbers])
    assert keeper.save()


def held(ledger):
    return dict(ledger.page(0, 1 << 20)[0])


def test_what_later_values_have_replaced_is_cleared_away_while_counting_goes_on(
    keeper, path, monkeypatch
):
    monkeypatch.setattr(count_table, "PAGES_AT_ONCE", 8)
    monkeypatch.setattr(count_table, "SPARE_BYTES", 1 << 10)
    draw = [infohash(number) for number in range(2000)]
    keeper.ledger.add([(key, 1) for key in draw])
    for turn in range(100):
        some = {draw[(7 * turn + at * 13) % 2000]: 1 for at in range(100 + turn)}
        keeper.ledger.add([*some.items(), (draw[5], 1)])
        assert keeper.save()
        if turn % 20 == 0:
            assert counts_in(path) == held(keeper.ledger)
    assert counts_in(path) == held(keeper.ledger)
    with contextlib.closing(sqlite3.connect(path)) as file:
        size, first = file.execute("SELECT sum(length(bytes)), min(number) FROM counts").fetchone()
    assert first > 1
    assert size < 28 * 3 * 2000 + (1 << 10)


def test_a_counter_that_seldom_changes_leaves_little_behind(keeper, path, monkeypatch):
    monkeypatch.setattr(count_table, "SPARE_BYTES", 140)
    for _ in range(30):
        count(keeper, [1])
    with contextlib.closing(sqlite3.connect(path)) as file:
        assert file.execute("SELECT count(*) FROM counts").fetchone()[0] < 9
    assert counts_in(path) == {infohash(1): 30}


def test_what_is_forgotten_stays_so_over_clearing_and_restarts(keeper, path, core, monkeypatch):
    monkeypatch.setattr(count_table, "SPARE_BYTES", 0)
    count(keeper, range(400))
    gone = [(infohash(number), 1) for number in range(300)]
    assert keeper.ledger.forget(core, gone) == gone
    assert keeper.forget(gone)
    assert counts_in(path) == {infohash(number): 1 for number in range(300, 400)}
    # Counted anew, it begins anew.
    count(keeper, [7])
    for _ in range(20):
        count(keeper, range(390, 400))
    keeper.close()
    again = Keeper(path)
    try:
        assert held(again.ledger)[infohash(7)] == 1
        assert len(again.ledger) == 101
        assert again.ledger.total() == 400 + 1 + 200
    finally:
        again.close()


def test_one_that_is_counted_anew_before_it_is_forgotten_in_the_file_counts(keeper, path, core):
    count(keeper, [1])
    gone = keeper.ledger.forget(core, [(infohash(1), 1)])
    count(keeper, [1])
    keeper.forget(gone)
    assert keeper.save()
    assert counts_in(path) == {infohash(1): 1}


def test_what_cannot_be_forgotten_now_is_later_and_is_not_cleared_away(
    keeper, path, core, monkeypatch
):
    monkeypatch.setattr(count_table, "SPARE_BYTES", -(1 << 20))
    keeper.ledger.add([(infohash(number), 1) for number in range(4)])
    assert keeper.save()
    total = keeper.ledger.total()
    store = keeper._store
    assert store is not None
    store._writer.connection.execute(
        "CREATE TRIGGER refused BEFORE INSERT ON counts BEGIN SELECT RAISE(FAIL, 'no'); END"
    )
    gone = keeper.ledger.forget(core, [(infohash(1), 1)])
    assert not keeper.forget(gone)
    assert [type(event) for event in keeper.events] == [SavingFailed]
    assert not keeper.save()
    assert len(counts_in(path)) == 4
    store._writer.connection.execute("DROP TRIGGER refused")
    assert keeper.save_all()
    assert len(counts_in(path)) == 3
    keeper.close()
    again = Keeper(path)
    assert again.ledger.total() == total
    again.close()


def test_damage_that_is_met_while_clearing_costs_no_counter(keeper, path, monkeypatch):
    count(keeper, range(500))
    with contextlib.closing(sqlite3.connect(path)) as file:
        (page,) = file.execute("SELECT bytes FROM counts WHERE number = 1").fetchone()
        file.execute("UPDATE counts SET bytes = ? WHERE number = 1", (b"x" + page[1:],))
        file.commit()
    monkeypatch.setattr(count_table, "SPARE_BYTES", -(1 << 20))
    count(keeper, [1])
    assert [type(event) for event in keeper.events] == [StateDamaged]
    assert counts_in(path) == held(keeper.ledger)
    assert len(keeper.ledger) == 500


def test_counters_names_and_marks_of_an_earlier_release_are_taken_over(path):
    counts = {infohash(number): 1 + number for number in range(9000)}
    with contextlib.closing(sqlite3.connect(path)) as old:
        register(old)
        for number, script in enumerate(MIGRATIONS[:4], 1):
            old.executescript(script)
            old.execute(f"PRAGMA user_version = {number}")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        rows = [
            (key, "ш", 7, n, counter_sum(key, n), name_sum(key, "ш", 7))
            for key, n in counts.items()
        ]
        old.executemany("INSERT INTO torrents VALUES (?, ?, ?, ?, ?, ?)", rows)
        old.execute("INSERT INTO torrents VALUES (?, 'b', 1, 0, NULL, ?)", (A, name_sum(A, "b", 1)))
        old.executemany("INSERT INTO marks VALUES (?, ?)", [(0, 30), (1, 10), (2, -20)])
        old.execute("UPDATE facts SET value = 1 WHERE name = 'next_mark'")
        old.execute("UPDATE facts SET value = 5 WHERE name = 'forgotten'")
        old.commit()
    keeper = Keeper(path)
    try:
        assert held(keeper.ledger) == counts == counts_in(path)
        assert keeper.ledger.total() == sum(counts.values()) + 5
        assert keeper.named == dict.fromkeys(counts, ("ш", 7)) | {A: ("b", 1)}
        assert keeper.marks == marks_of(10, -20, 30)
        assert not keeper.events
    finally:
        keeper.close()


def test_a_damaged_counter_of_an_earlier_release_is_not_taken_over(path):
    with contextlib.closing(sqlite3.connect(path)) as old:
        register(old)
        for script in MIGRATIONS[:4]:
            old.executescript(script)
        old.execute("PRAGMA user_version = 4")
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("INSERT INTO torrents VALUES (?, NULL, NULL, 5, 1, NULL)", (A,))
        old.execute(
            "INSERT INTO torrents VALUES (?, NULL, NULL, 6, ?, NULL)", (B, counter_sum(B, 6))
        )
        old.commit()
    keeper = Keeper(path)
    try:
        (event,) = keeper.events
        assert isinstance(event, StateDamaged)
        assert held(keeper.ledger) == {B: 6}
        with contextlib.closing(sqlite3.connect(event.aside)) as aside:
            assert aside.execute("PRAGMA user_version").fetchone() == (4,)
    finally:
        keeper.close()


def test_of_a_file_whose_schema_is_gone_the_latest_values_are_saved(keeper, path, core):
    """Pages lie in it in any order, those that were dropped among them."""
    count(keeper, range(300))
    keeper.forget(keeper.ledger.forget(core, [(infohash(3), 1)]))
    count(keeper, range(100, 300))
    keeper.close()
    raw = path.read_bytes()
    path.write_bytes(raw[:100] + bytes(4096 - 100) + raw[4096:])
    expected = {infohash(number): 1 + (number >= 100) for number in range(300) if number != 3}
    assert salvage(path).completed == expected


def test_a_ledger_takes_its_pages_in_order_and_tells_of_damage():
    ledger = _core.Ledger()
    ledger.add([(A, 2), (B, 1)])
    ((number, page),) = ledger.take(9).pages(5)
    read = _core.Ledger()
    assert read.read_page(number, page) == 0
    assert (held(read), read.unsaved()) == ({A: 2, B: 1}, 0)
    assert read.read_page(6, _core.CountBatch.forgetting([A]).pages(6)[0][1]) == 0
    assert (held(read), read.total()) == ({B: 1}, 1)
    assert read.read_page(7, page) == 2
    with pytest.raises(ValueError, match="damaged"):
        read.last_of([(5, page), (7, page)])
    with pytest.raises(ValueError, match="20 bytes"):
        _core.CountBatch.forgetting([b"short"])
