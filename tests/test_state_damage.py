"""Damage of the state file: what is kept of it, and that it is told, whatever the damage is."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.base.errors import FormatError, OutpourError, WriteError
from outpour.tracker.state import history_queries, write_ahead_log
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.mark_table import MARKS_MAX
from outpour.tracker.state.raw_rows import rows_of_file, rows_of_log
from outpour.tracker.state.row_sums import sample_sum
from outpour.tracker.state.salvage import Salvaged, salvage
from outpour.tracker.state.schema import COLUMNS, MIGRATIONS
from outpour.tracker.state.state_file import COPIES, StateDamagedError
from outpour.tracker.state.store import Store
from outpour.tracker.tracker_events import (
    HistoryDamaged,
    SavingFailed,
    SavingResumed,
    StateDamaged,
    StateGone,
    StateLost,
)
from tests.saved_counts import batch, counts_in, counts_of, marks_of

VECTORS = Path(__file__).parent / "vectors" / "state"
A, B = b"a" * 20, b"b" * 20
BAD: Any = object()
EMPTIED = ";".join(f"DROP TABLE {table}" for table in COLUMNS[len(MIGRATIONS)])


def infohash(number):
    return number.to_bytes(4, "big") * 5


COUNTS = {infohash(number): 1000 + number for number in range(300)}
NAMES = {key: (f"Датасет {count}.iso", count << 30) for key, count in COUNTS.items()}
POINTS = [(key, at, 3, 2, 1) for key in list(COUNTS)[:5] for at in range(60, 1260, 60)]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tracker.sqlite"


def fill(path, *, is_closed=True):
    store = Store(path)
    store.save(batch(COUNTS))
    store.keep_marks(marks_of(*range(1, 50)))
    store.name([(key, *named) for key, named in NAMES.items()])
    store.samples.add_points(POINTS)
    store.save(None, swarms=store.write_swarms([b"swarms"], 77))
    if is_closed:
        store.close()
    return store


def read(keeper):
    """All that a keeper has."""
    counts, _ = keeper.ledger.page(0, 10_000)
    keeper.check_history()
    points = {
        (key, sample.at, sample.complete, sample.downloading, sample.downloaded)
        for key in COUNTS
        for sample in keeper.read(lambda file, key=key: history_queries.samples(file, key), ())
    }
    return dict(counts), dict(keeper.named), points


def changed(path, *statements):
    """Let another program change the file."""
    other = sqlite3.connect(path)
    for statement in statements:
        other.executescript(statement)
    other.commit()
    other.close()


def damage_counter(path):
    """Make one counter another one."""
    with contextlib.closing(sqlite3.connect(path)) as other:
        page = bytearray(other.execute("SELECT bytes FROM counts WHERE number = 2").fetchone()[0])
        page[20] ^= 1
        other.execute("UPDATE counts SET bytes = ? WHERE number = 2", (bytes(page),))
        other.commit()


def told(keeper, *kinds):
    return [event for event in keeper.events if isinstance(event, kinds)]


def test_no_flipped_bit_keeps_the_tracker_from_starting_or_changes_a_number_in_silence(tmp_path):
    sound = tmp_path / "sound.sqlite"
    fill(sound)
    raw = sound.read_bytes()
    draw = random.Random(7)
    # Every bit of the header, then some of all the pages.
    bits = [*range(0, 800, 11), *(draw.randrange(len(raw) * 8) for _ in range(100))]
    silent, kept = [], 0
    for bit in bits:
        folder = tmp_path / str(bit)
        folder.mkdir(exist_ok=True)
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        path = folder / "tracker.sqlite"
        path.write_bytes(changed)
        keeper = Keeper(path)
        try:
            counts, names, points = read(keeper)
            is_whole = counts == COUNTS and names == NAMES and points == set(POINTS)
            if not (is_whole or keeper.events):
                silent.append(bit)
            # Never a number that was not counted.
            assert counts.items() <= COUNTS.items(), bit
            assert names.items() <= NAMES.items(), bit
            assert points <= set(POINTS), bit
            kept += len(counts)
        finally:
            keeper.close()
        shutil.rmtree(folder)
    assert silent == []
    assert kept > 0.99 * len(bits) * len(COUNTS)


@pytest.mark.parametrize("name", ["state-bitflip-30534.sqlite", "state-bitflip-63513.sqlite"])
def test_files_of_an_earlier_release_with_a_flipped_bit_start_with_what_can_be_read(tmp_path, name):
    path = tmp_path / "tracker.sqlite"
    shutil.copy(VECTORS / name, path)
    keeper = Keeper(path)
    try:
        (event,) = told(keeper, StateDamaged)
        assert "counters" in str(event)
        assert "function" not in str(event)
        assert len(keeper.ledger) >= 2999
        assert [one.name for one in tmp_path.glob("*damaged*")] == [event.aside.name]
    finally:
        keeper.close()


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE samples",
        "DROP TABLE facts",
        "PRAGMA user_version = 0",
        "PRAGMA user_version = -1",
        f"PRAGMA user_version = {len(MIGRATIONS)}0",
        "PRAGMA user_version = 1",
        "PRAGMA application_id = 1",
        "UPDATE counts SET number = number + 1 WHERE number = 3",
        "UPDATE counts SET bytes = substr(bytes, 1, 83) WHERE number = 3",
        "UPDATE names SET name = 'other' WHERE length >> 30 = 1007",
        "UPDATE names SET name = CAST(x'ff80' AS TEXT) WHERE length >> 30 = 1007",
        "UPDATE names SET sum = 'text' WHERE length >> 30 = 1007",
        "UPDATE OR IGNORE names SET infohash = 'text' WHERE length >> 30 = 1007",
        "DELETE FROM facts",
        "UPDATE facts SET value = 'text'",
        "ALTER TABLE counts RENAME TO other",
    ],
)
def test_whatever_is_wrong_in_it_the_file_is_set_aside_and_its_rows_are_kept(path, change):
    fill(path)
    changed(path, change)
    keeper = Keeper(path)
    try:
        assert told(keeper, StateDamaged)
        counts, _, _ = read(keeper)
        assert counts.items() <= COUNTS.items()
        # Nothing counts of a page of 12 that stands under another number.
        assert len(counts) >= len(COUNTS) - 12 * ("number = 3" in change)
        found = keeper.snapshot()
        assert found is None or found[0] == b"swarms"
    finally:
        keeper.close()


def test_the_swarms_of_a_damaged_file_are_taken_over_where_they_are_sound(path):
    fill(path)
    damage_counter(path)
    keeper = Keeper(path, clock=lambda: 100.0)
    try:
        assert told(keeper, StateDamaged)
        assert keeper.snapshot() == (b"swarms", 23)
        assert len(keeper.ledger) == len(COUNTS) - 1
    finally:
        keeper.close()


@pytest.mark.parametrize("change", ["bytes = 'text'", "taken_at = 'text'", "taken_at = 1.5"])
def test_kept_swarms_of_other_types_are_told_and_left_out(path, change):
    fill(path)
    changed(path, f"UPDATE swarms SET {change}")
    keeper = Keeper(path)
    try:
        assert keeper.snapshot() is None
        assert told(keeper, StateDamaged)
        assert read(keeper)[0] == COUNTS
    finally:
        keeper.close()


def test_marks_of_other_types_are_left_out(path):
    fill(path)
    store = Store(path)
    store.keep_marks(marks_of(*range(50, 1000)))
    store.close()
    changed(
        path,
        "UPDATE mark_rows SET bytes = x'01' WHERE number = 1",
        f"INSERT INTO mark_rows VALUES ({(1 << 63) - 1}, x'0102030405060708', 7)",
    )
    keeper = Keeper(path)
    try:
        assert keeper.marks == marks_of(*range(501, 1000))
        assert keeper._store is not None
        keeper._store.keep_marks(marks_of(1, 2))
        assert keeper._store.marks() == marks_of(*range(501, 1000), 1, 2)
    finally:
        keeper.close()


def test_a_schema_that_becomes_unreadable_while_the_file_is_open_is_damage(path):
    fill(path)
    keeper = Keeper(path)
    try:
        changed(
            path,
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET name = CAST(x'ff80' AS TEXT), "
            "tbl_name = CAST(x'ff80' AS TEXT), sql = 'CREATE TABLE' WHERE name = 'samples'; "
            "PRAGMA schema_version = 999",
        )
        keeper.ledger.add([(A, 3)])
        assert keeper.save()
        assert told(keeper, StateDamaged)
    finally:
        keeper.close()
    again = Keeper(path)
    assert read(again)[0] == {**COUNTS, A: 3}
    again.close()


def test_what_is_lost_of_the_file_is_taken_from_the_older_copy(path):
    fill(path)
    keeper = Keeper(path)
    keeper.copy()
    keeper.ledger.add([(A, 5)])
    assert keeper.save_all()
    keeper.close()
    copy = path.with_name(f"{path.name}.{COPIES[0]}")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    raw = path.read_bytes()
    # Half of the pages are gone.
    damaged = b"".join(
        raw[at : at + 4096] if at // 4096 % 2 else os.urandom(4096)
        for at in range(0, len(raw), 4096)
    )
    path.write_bytes(damaged)
    again = Keeper(path)
    try:
        counts, names, _ = read(again)
        counts.pop(A, None)
        assert (counts, names) == (COUNTS, NAMES)
        (event,) = told(again, StateDamaged)
        assert "an older copy" in str(event)
    finally:
        again.close()


def test_a_file_whose_tables_are_gone_is_told_and_made_anew_from_its_copy(path):
    fill(path)
    keeper = Keeper(path)
    keeper.copy()
    keeper.close()
    changed(path, EMPTIED)
    again = Keeper(path)
    try:
        assert read(again)[0] == COUNTS
        (event,) = told(again, StateDamaged)
        assert "has no tables" in str(event)
    finally:
        again.close()


@pytest.mark.parametrize("loss", ["removed", "empty"])
def test_a_file_that_is_gone_or_empty_is_made_anew_from_its_copy(path, loss):
    fill(path)
    keeper = Keeper(path)
    keeper.copy()
    keeper.close()
    path.unlink() if loss == "removed" else path.write_bytes(b"")
    again = Keeper(path)
    try:
        assert read(again)[0] == COUNTS
        (event,) = told(again, StateLost)
        assert "300 counters" in str(event)
    finally:
        again.close()


def test_copies_rotate_and_are_made_only_of_what_changed(path):
    now = 1e9
    keeper = Keeper(path, clock=lambda: now)
    latest, older = (path.with_name(f"{path.name}.{name}") for name in COPIES)
    try:
        keeper.ledger.add([(A, 1)])
        keeper.save_all()
        keeper.copy()
        assert salvage(latest).completed == {A: 1}
        os.utime(latest, (now, now))
        keeper.ledger.add([(A, 1)])
        keeper.save_all()
        keeper.copy()
        assert not older.exists()
        now += 3600
        keeper.copy()
        assert (salvage(latest).completed, salvage(older).completed) == ({A: 2}, {A: 1})
        os.utime(latest, (now, now))
        now += 3600
        keeper.copy()
        assert salvage(older).completed == {A: 1}
    finally:
        keeper.close()


def killed(path, code=""):
    """A state file as `kill -9` leaves it."""
    program = (
        "import os, sys, signal; from pathlib import Path\n"
        "from outpour.tracker.state.keeper import Keeper\n"
        "now = 1e9\n"
        "keeper = Keeper(Path(sys.argv[1]), clock=lambda: now)\n"
        "def count(infohash):\n"
        "    keeper.ledger.add([(infohash, 1)]); assert keeper.save()\n"
        f"count(b'a' * 20)\n{code}\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=False)
    return path.with_name(path.name + "-wal")


def test_a_lost_journal_costs_some_seconds_and_is_told(path):
    log = killed(path, "now += 11; count(b'b' * 20); count(b'c' * 20)")
    log.unlink()
    keeper = Keeper(path)
    try:
        assert keeper.ledger.get(A) == keeper.ledger.get(B) == 1
        assert keeper.ledger.get(b"c" * 20) == 0
        (event,) = told(keeper, StateLost)
        assert "journal is missing" in str(event)
        assert "after 2001-09-09 01:46:51 UTC is lost" in str(event)
    finally:
        keeper.close()


@pytest.mark.parametrize("place", [3, 30, 60, 5000])
def test_a_damaged_journal_is_told(path, place):
    log = killed(path, "count(b'b' * 20); count(b'd' * 20)")
    raw = bytearray(log.read_bytes())
    assert write_ahead_log.damage_of(bytes(raw)) is None
    raw[place] ^= 4
    assert write_ahead_log.damage_of(bytes(raw)) is not None
    log.write_bytes(raw)
    keeper = Keeper(path)
    try:
        assert told(keeper, StateLost)
        assert not told(keeper, StateDamaged)
    finally:
        keeper.close()


def test_a_journal_as_it_was_written_is_not_complained_of(path):
    killed(path, "count(b'b' * 20)")
    keeper = Keeper(path)
    try:
        assert keeper.ledger.get(B) == 1
        assert not keeper.events
    finally:
        keeper.close()


def test_a_file_of_an_earlier_release_whose_journal_is_gone_is_told(path):
    old = sqlite3.connect(path)
    old.execute("PRAGMA journal_mode = WAL")
    old.close()
    keeper = Keeper(path)
    try:
        assert told(keeper, StateLost)
    finally:
        keeper.close()


def test_a_file_of_an_earlier_release_is_taken_over_whole(path):
    old = sqlite3.connect(path)
    old.executescript(
        f"{MIGRATIONS[0]} PRAGMA user_version = 1; PRAGMA application_id = 1869968496;"
    )
    old.executemany("INSERT INTO torrents VALUES (?, 'x', 3, ?)", COUNTS.items())
    old.executemany("INSERT INTO samples VALUES (?, ?, ?, ?, ?)", POINTS)
    old.execute("INSERT INTO snapshot VALUES (0, 77, x'00ff')")
    old.commit()
    old.close()
    keeper = Keeper(path)
    try:
        counts, names, points = read(keeper)
        assert (counts, points) == (COUNTS, set(POINTS))
        assert set(names.values()) == {("x", 3)}
        found = keeper.snapshot()
        assert found is not None
        assert found[0] == b"\0\xff"
        assert not keeper.events
    finally:
        keeper.close()


def test_a_pipe_or_a_folder_is_no_state_file_and_nobody_waits_for_it(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FormatError, match="not a file"):
        Store(pipe)
    with pytest.raises(OutpourError):
        Store(tmp_path)


def test_the_state_is_for_its_owner_alone(path):
    path.touch(0o644)
    path.chmod(0o644)
    store = Store(path)
    try:
        store.save(batch({A: 1}))
        modes = {
            stat.S_IMODE(one.stat().st_mode)
            for one in path.parent.glob("tracker.sqlite*")
            if not one.name.endswith(".lock")
        }
        assert modes == {0o600}
    finally:
        store.close()


def test_a_state_folder_that_is_removed_is_made_again_with_all_counters(tmp_path):
    path = tmp_path / "state" / "tracker.sqlite"
    keeper = Keeper(path)
    try:
        keeper.ledger.add([(A, 3)])
        keeper.name([(A, "a", 1)])
        keeper.save_all()
        shutil.rmtree(path.parent)
        assert keeper.save()
        assert [type(event) for event in keeper.events] == [StateGone]
        assert counts_in(path) == {A: 3}
        with contextlib.closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT name FROM names").fetchall() == [("a",)]
        keeper.events.clear()
        shutil.rmtree(path.parent)
        path.parent.write_text("in the way")
        assert not keeper.save()
        keeper.ledger.add([(A, 1)])
        assert not keeper.save()
        assert [type(event) for event in keeper.events] == [SavingFailed]
        path.parent.unlink()
        assert keeper.save()
        assert SavingResumed in [type(event) for event in keeper.events]
    finally:
        keeper.close()
    again = Keeper(path)
    assert again.ledger.get(A) == 4
    again.close()


def test_the_sum_of_forgotten_counters_is_in_a_file_that_is_made_again(tmp_path):
    path = tmp_path / "state" / "tracker.sqlite"
    keeper = Keeper(path)
    try:
        keeper.ledger.add([(A, 3)])
        keeper.save_all()
        keeper.forget([(A, 3)])
        shutil.rmtree(path.parent)
        assert keeper.look()
    finally:
        keeper.close()
    again = Store(path)
    assert again.forgotten == 3
    again.close()


def test_damaged_points_of_history_are_left_out_and_told(path):
    fill(path)
    other = sqlite3.connect(path)
    other.execute("UPDATE samples SET complete = 4000 WHERE at = 120")
    other.commit()
    other.close()
    keeper = Keeper(path)
    try:
        assert read(keeper)[2] == {point for point in POINTS if point[1] != 120}
        (event,) = told(keeper, HistoryDamaged)
        assert "5 damaged points" in str(event)
    finally:
        keeper.close()


def test_the_latest_downloads_are_kept_in_their_order_and_no_more_of_them_than_fit(path):
    store = Store(path)
    try:
        store.keep_marks(marks_of(5, -6, 7))
        store.keep_marks(marks_of(8))
        assert store.marks() == marks_of(5, -6, 7, 8)
        store.keep_marks(marks_of(*range(100, 100 + MARKS_MAX)))
        assert store.marks() == marks_of(*range(100, 100 + MARKS_MAX))
    finally:
        store.close()
    again = Store(path)
    try:
        again.keep_marks(marks_of(9))
        assert again.marks()[-16:] == marks_of(99 + MARKS_MAX, 9)
        assert (
            again._writer.connection.execute("SELECT count(*) FROM mark_rows").fetchone()[0] <= 133
        )
    finally:
        again.close()


def test_swarms_are_in_force_with_the_counters_or_not_at_all(path):
    store = Store(path)
    store.save(batch({A: 1}), swarms=store.write_swarms([b"old"], 1))
    written = store.write_swarms([b"new ", b"ones"], 2)
    assert store.snapshot() == (b"old", 1)
    with pytest.raises(WriteError):
        store.save(batch({A: 2}), swarms=BAD)
    assert (store.snapshot(), counts_of(store)) == ((b"old", 1), {A: 1})
    store.save(batch({A: 2}), swarms=written)
    assert store.snapshot() == (b"new ones", 2)
    store.drop_old_swarms()
    store.close()
    again = Store(path)
    assert (again.snapshot(), counts_of(again)) == ((b"new ones", 2), {A: 2})
    again.close()


def test_counters_never_go_down_in_the_file(path):
    store = Store(path)
    store.save(batch({A: 9}))
    store.save(batch({A: 3}))
    assert counts_of(store) == {A: 9}
    store.close()


@given(
    st.binary(max_size=3000), st.sampled_from([b"", b"SQLite format 3\0\x02\x00\1\1\0\x40\x20\x20"])
)
def test_no_bytes_make_the_reader_of_raw_rows_fail(raw, start):
    page = b"\x0a" + raw
    for data in (start + raw, start + bytes(84) + page + bytes(600)):
        found = Salvaged()
        found.add([*rows_of_file(data), *rows_of_log(data)])
        write_ahead_log.damage_of(data)


def test_a_row_whose_sum_was_cut_off_is_not_taken_for_one_of_an_earlier_release():
    sound: list[Any] = [A, 60, 1, 2, 3, sample_sum(A, 60, 1, 2, 3)]
    found = Salvaged()
    found.add([sound, [B, 60, 1, 2, 3], [B, "x", 1, 7]])
    assert (found.samples, found.completed, found.named) == ({(A, 60, 1, 2, 3)}, {}, {})
    old = Salvaged()
    old.add([[B, 60, 1, 2, 3], [B, "x", 1, 7]])
    assert (old.samples, old.completed, old.named) == ({(B, 60, 1, 2, 3)}, {B: 7}, {B: ("x", 1)})


def test_rows_longer_than_a_page_are_found(path):
    store = Store(path)
    name = "я" * 4000
    store.name([(A, name, 1)])
    store.close()
    assert salvage(path).named == {A: (name, 1)}


def test_a_damaged_file_is_never_half_taken_over(path, monkeypatch):
    """What salvage saves is in the new file before the tracker starts."""
    fill(path)
    path.write_bytes(path.read_bytes()[:16] + os.urandom(84) + path.read_bytes()[100:])
    with pytest.raises(StateDamagedError):
        Store(path)
    Keeper(path).close()
    again = Keeper(path)
    try:
        assert read(again) == (COUNTS, NAMES, set(POINTS))
        assert not told(again, StateDamaged)
    finally:
        again.close()
