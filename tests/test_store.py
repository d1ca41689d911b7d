"""The state file: what survives, and what is said when it cannot be used."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outpour.base.errors import FormatError, ReadError, WriteError
from outpour.tracker.figures import Sample
from outpour.tracker.state import history_queries
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.sample_table import TOTALS
from outpour.tracker.state.schema import MIGRATIONS
from outpour.tracker.state.state_file import StateDamagedError, set_aside
from outpour.tracker.state.store import Store
from outpour.tracker.tracker_events import SavingFailed, SavingResumed, StateDamaged
from tests.saved_counts import batch, counts_of

ROOT = Path(__file__).parents[1]
A, B = b"a" * 20, b"b" * 20
BAD: Any = object()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "tracker.sqlite"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def history(store, infohash, *otherwise):
    return store.read(lambda file: history_queries.samples(file, infohash), *otherwise)


def keep(store, parts, taken_at):
    store.save(None, swarms=store.write_swarms(parts, taken_at))


def reopened(store, path):
    store.close()
    return Store(path)


def test_counters_names_and_snapshot_are_there_after_reopening(store, path):
    store.save(batch({A: 3}))
    store.save(batch({A: 4, B: 1}))
    store.name([(A, "big.iso", 12)])
    keep(store, [b"old"], 50)
    keep(store, [bytes(6_000_000), bytes(4_000_000)], 100)
    again = reopened(store, path)
    try:
        assert counts_of(again) == {A: 4, B: 1}
        assert again.named() == {A: ("big.iso", 12)}
        assert again.snapshot() == (bytes(10_000_000), 100)
    finally:
        again.close()


def test_a_commit_survives_kill_9(path):
    code = (
        "import sys, os, signal; from pathlib import Path\n"
        "from outpour.tracker.state.store import Store\n"
        "from outpour._core import Ledger\n"
        "store = Store(Path(sys.argv[1])); ledger = Ledger(); ledger.add([(b'a' * 20, 7)])\n"
        "store.save(ledger.take(9))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(path)], check=False, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL
    again = Store(path)
    try:
        assert counts_of(again) == {A: 7}
    finally:
        again.close()


def test_a_transaction_that_fails_leaves_everything_as_it_was(store):
    store.save(batch({A: 1}))
    with pytest.raises(WriteError):
        store.save(batch({A: 2}), swarms=BAD)
    assert counts_of(store) == {A: 1}
    store.save(batch({B: 5}))
    assert counts_of(store) == {A: 1, B: 5}


def test_names_that_are_not_unicode_are_kept_readable(store):
    store.name([(A, "caf\udce9.iso", 1)])
    assert store.named()[A] == ("caf?.iso", 1)


def test_history_is_given_back_by_torrent_oldest_first(store):
    store.samples.add(120, [(A, 1, 2, 3), (TOTALS, 9, 9, 9)])
    store.samples.add(60, [(A, 0, 1, 2), (B, 5, 5, 5)])
    assert history(store, A) == (Sample(60, 0, 1, 2), Sample(120, 1, 2, 3))
    assert history(store, TOTALS) == (Sample(120, 9, 9, 9),)
    assert history(store, b"x" * 20) == ()


def test_pruning_keeps_a_day_whole_and_the_end_of_each_hour_before_that(store):
    now = 10 * 86_400
    for at in range(now - 3 * 86_400, now, 600):
        store.samples.add(at, [(A, at, 0, 0)])
    store.samples.prune(now, retention_d=2)
    kept = [(sample.at, sample.complete) for sample in history(store, A)]
    hours = range(now - 2 * 86_400, now - 86_400, 3600)
    assert kept[:24] == [(at + 3599, at + 3000) for at in hours]
    assert [at for at, _ in kept[24:]] == list(range(now - 86_400, now, 600))


def test_pruning_again_thins_what_left_the_day_since(store):
    now = 10 * 86_400
    for at in range(now - 86_400, now, 600):
        store.samples.add(at, [(A, 0, 0, 0)])
    store.samples.prune(now, retention_d=30)
    assert len(history(store, A)) == 144
    store.samples.prune(now + 7200, retention_d=30)
    assert len(history(store, A)) == 144 - 10


def test_a_second_tracker_cannot_have_the_same_file(store, path):
    with pytest.raises(ReadError, match="another tracker is using it"):
        Store(path)
    store.close()
    Store(path).close()
    assert not path.with_name(path.name + ".lock").exists()


def test_a_file_locked_by_a_tool_is_a_clear_error(store, path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(WriteError, match="locked by another program"):
        store.save(batch({A: 1}))
    other.close()
    store.save(batch({A: 1}))


@pytest.mark.parametrize(
    "damage",
    [
        (lambda raw: b"", 0),
        (lambda raw: b"not a database at all, but something else", 0),
        (lambda raw: raw[:8192] + b"\xff" * 4096 + raw[12288:], 1800),
        (lambda raw: raw[:16] + os.urandom(4000) + raw[4016:], 2000),
        (lambda raw: raw[:16] + b"\x20\0" + raw[18:60] + b"\xff" * 3956 + raw[4016:], 2000),
        (lambda raw: raw[:20] + b"\x07" + raw[21:60] + b"\xff" * 3956 + raw[4016:], 2000),
    ],
    ids=["empty", "other", "page", "header", "page size", "unused bytes"],
)
def test_a_damaged_file_is_set_aside_and_the_tracker_starts_with_what_is_readable(path, damage):
    store = Store(path)
    store.save(batch({os.urandom(20): n + 1 for n in range(2000)}))
    store.close()
    damaging, kept_min = damage
    broken = damaging(path.read_bytes())
    path.write_bytes(broken)
    keeper = Keeper(path)
    try:
        told = [event for event in keeper.events if isinstance(event, StateDamaged)]
        assert kept_min <= len(keeper.ledger) <= 2000
        keeper.ledger.add([(A, 1)])
        assert keeper.save()
        if broken:
            assert len(told) == 1
            assert told[0].aside.name.startswith("tracker.sqlite.damaged-")
            assert told[0].aside.read_bytes() == broken
        else:
            assert told == []
    finally:
        keeper.close()


def test_setting_aside_twice_in_a_second_loses_neither(tmp_path):
    path = tmp_path / "s"
    names = []
    for content in (b"1", b"2"):
        path.write_bytes(content)
        names.append(set_aside(path, lambda: 0.0))
    assert [name.read_bytes() for name in names] == [b"1", b"2"]
    assert names[0].name == "s.damaged-19700101T000000Z"


def test_a_database_of_another_program_or_a_later_outpour_is_left_alone(tmp_path):
    path = tmp_path / "notes.sqlite"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.close()
    with pytest.raises(FormatError, match="another program"):
        Store(path)
    later = tmp_path / "later.sqlite"
    Store(later).close()
    other = sqlite3.connect(later)
    other.execute("CREATE TABLE news (text)")
    other.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    other.close()
    with pytest.raises(FormatError, match="later outpour"):
        Store(later)
    assert later.exists()


def test_a_classic_state_file_is_not_taken_for_a_damaged_one(tmp_path):
    path = tmp_path / "bttrack.state"
    shutil.copy(Path(__file__).parent / "vectors" / "classic" / "342.dfile", path)
    with pytest.raises(FormatError, match="classic bttrack") as caught:
        Store(path)
    assert "--dfile" in (caught.value.hint or "")


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(WriteError) as caught:
        Store(tmp_path / "file" / "tracker.sqlite")
    assert "--state" in (caught.value.hint or "")


def full_disk(store):
    """Let the file grow no more, as on a full disk."""
    pages = store._writer.connection.execute("PRAGMA page_count").fetchone()[0]
    store._writer.connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_is_told_once_counts_wait_and_are_saved_when_there_is_room(path):
    keeper = Keeper(path)
    try:
        store = keeper._store
        assert store is not None
        full_disk(store)
        many = [(os.urandom(20), 1) for _ in range(5000)]
        for _ in range(2):
            keeper.ledger.add(many)
            assert not keeper.save()
        assert [type(event) for event in keeper.events] == [SavingFailed]
        assert "full" in str(keeper.events[0])
        store._writer.connection.execute("PRAGMA max_page_count = 100000")
        assert keeper.save_all()
        assert [type(event) for event in keeper.events] == [SavingFailed, SavingResumed]
        assert counts_of(store) == {infohash: 2 for infohash, _ in many}
    finally:
        keeper.close()


def test_damage_while_serving_costs_no_counter(path):
    keeper = Keeper(path)
    try:
        keeper.ledger.add([(A, 3)])
        assert keeper.save_all()
        keeper.name([(A, "a.iso", 5)])

        def damaged(store):
            if store is first:
                raise StateDamagedError(f"`{path}`: database disk image is malformed")

        first = keeper._store
        assert keeper._attempt("counters", damaged)
        assert [type(event) for event in keeper.events] == [StateDamaged]
    finally:
        keeper.close()
    again = Keeper(path)
    try:
        assert again.ledger.get(A) == 3
        assert again.named == {A: ("a.iso", 5)}
    finally:
        again.close()


def test_without_a_path_everything_works_in_memory():
    keeper = Keeper(None)
    try:
        keeper.ledger.add([(A, 1)])
        assert keeper.save_all()
        assert keeper.sample(60, [(A, 1, 2, 3)])
        assert history(keeper, A, ()) == (Sample(60, 1, 2, 3),)
        written = keeper.write_swarms(lambda: [b"x"], 1)
        assert written is not None
        assert keeper.put_in_force(written)
        found = keeper.snapshot()
        assert found is not None
        assert found[0] == b"x"
    finally:
        keeper.close()
