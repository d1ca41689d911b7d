"""A database is closed only while no thread uses it: otherwise the whole process goes."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from outpour.base.errors import OutpourError, WriteError
from outpour.base.guarded_database import GuardedDatabase
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.store import Store

LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500000) "
    "SELECT count(*) FROM n"
)
"""Takes SQLite some tenths of a second, in which the interpreter is free for others."""

CLOSED_BY_ANOTHER = f"""
import sqlite3, sys, threading
from pathlib import Path

kind, folder = sys.argv[1], Path(sys.argv[2])
if kind in ("readers", "history"):
    from outpour.tracker.state.store import Store

    holder = Store(folder / "state.sqlite")
    database = holder.samples._database
elif kind == "memory":
    from outpour.tracker.cluster.cluster_memory import ClusterMemory

    holder = ClusterMemory(folder / "state.sqlite", lambda: 0.0)
    database = holder._database
else:
    from outpour.publisher.state_database import open_database

    holder, _ = open_database(folder / "made.sqlite", [], lambda connection: None)
    database = holder


def use(ask):
    if kind == "readers":
        holder.read(ask)
        return
    with database.reading() as connection:
        ask(connection)


begun = threading.Event()


def ask(connection):
    begun.set()
    print(*connection.execute({LONG!r}).fetchone())


thread = threading.Thread(target=use, args=(ask,))
thread.start()
begun.wait()
holder.close()
print("closed")
thread.join()
"""


@pytest.fixture
def database():
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database = GuardedDatabase(connection, lambda error: WriteError(f"`it`: {error}"))
    with database.writing():
        connection.execute("CREATE TABLE t (n INTEGER)")
    yield database
    database.close()


@pytest.mark.parametrize("kind", ["readers", "history", "memory", "publisher"])
def test_what_a_thread_reads_is_closed_after_it(kind: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", CLOSED_BY_ANOTHER, kind, str(tmp_path)],
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert (done.returncode, done.stdout.split()) == (0, ["1500000", "closed"]), done.stderr


def test_a_change_is_whole_or_none(database: GuardedDatabase):
    def write(then: Callable[[sqlite3.Connection], object]) -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO t VALUES (1)")
            then(connection)

    with pytest.raises(WriteError, match="`it`: no such table"):
        write(lambda connection: connection.execute("INSERT INTO other VALUES (1)"))
    with pytest.raises(ZeroDivisionError):
        write(lambda connection: 1 // 0)
    with database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_others_write_between_the_pages_of_a_long_answer(database: GuardedDatabase):
    with database.writing() as connection:
        connection.executemany("INSERT INTO t VALUES (?)", ((n,) for n in range(10_000)))
    pages = database.pages("SELECT n FROM t ORDER BY n")
    seen = [n for (n,) in next(pages)]

    def write() -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO t VALUES (-1)")

    in_a_thread(write)
    assert 0 < len(seen) < 10_000
    seen += [n for page in pages for (n,) in page]
    assert seen == list(range(10_000))


def test_of_a_closed_one_nothing_is_had_but_a_message(database: GuardedDatabase):
    pages = database.pages("SELECT 1 UNION SELECT 2")
    next(pages)
    database.close()
    database.close()
    for use in (database.reading, database.writing):
        with pytest.raises(OutpourError, match="closed"), use() as connection:
            connection.execute("SELECT 1")
    with pytest.raises(OutpourError, match="closed"):
        next(pages)


def test_who_looks_at_a_state_file_that_was_closed_is_shown_nothing(tmp_path: Path):
    store = Store(tmp_path / "state.sqlite")
    store.close()
    with pytest.raises(OutpourError, match="closed"):
        store.read(lambda connection: connection.execute("SELECT 1").fetchone())
    keeper = Keeper(tmp_path / "state.sqlite")
    keeper.close()
    assert keeper.read(lambda connection: connection.execute("SELECT 1").fetchone(), None) is None


def in_a_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
