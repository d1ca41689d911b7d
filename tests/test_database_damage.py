"""Databases of what can be had anew: whatever bit of them is flipped, whoever needs them starts."""

import contextlib
import random
import sqlite3
from pathlib import Path

import pytest

from outpour.base.database_fault import is_around
from outpour.mirror.holdings import Held, HeldFile, Holdings
from outpour.mirror.told_table import ToldWords
from outpour.publisher.made import MadeTorrents
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.cluster.cluster_memory import ClusterMemory
from tests.hostile import encoded, single

METAINFO = Metainfo.parse(encoded(single()))
NAMES = [f"näme {number}" for number in range(40)]


def made(folder):
    return MadeTorrents(folder), "catalogue.db"


def use_made(torrents):
    for name in NAMES:
        if torrents.find(Path(name), b"print", b"choices") is None:
            torrents.keep(Path(name), b"print", b"choices", METAINFO)


def held(folder):
    return Holdings(folder), "mirror.sqlite"


def use_held(holdings):
    holdings.note("tag")
    for one in holdings.all():
        assert isinstance(one.name, str)
        assert isinstance(one.length, int)
        holdings.told.text(one.infohash)
        holdings.told.checksums(one.infohash)
    holdings.files()
    for number, name in enumerate(NAMES):
        one = Held(bytes([number]) * 20, name, name, "", number, group="gröup", tag=name)
        holdings.put([one])
        holdings.told.put(one.infohash, ToldWords(name, "wörds", bytes(64)))
    holdings.put_files([HeldFile("", name, name, 5) for name in NAMES])
    holdings.keep_note("tag", "täg")


def remembered(folder):
    return ClusterMemory(folder / "s", lambda: 0.0), "s.cluster"


def use_remembered(memory):
    [*memory.counts()], [*memory.statements()], [*memory.said()]
    memory.save([(b"otherone", "counted", bytes([one]) * 20, 5) for one in range(40)], [], [])


@pytest.mark.parametrize(
    ("begin", "use"), [(made, use_made), (held, use_held), (remembered, use_remembered)]
)
def test_no_flipped_bit_keeps_anybody_from_starting(tmp_path, begin, use):
    first, name = begin(tmp_path)
    use(first)
    first.close()
    raw = (tmp_path / name).read_bytes()
    draw = random.Random(7)
    # Every bit of the header, then some of all the pages.
    bits = [*range(0, 800, 11), *(draw.randrange(len(raw) * 8) for _ in range(80))]
    was_set_aside = 0
    for bit in bits:
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        (tmp_path / name).write_bytes(changed)
        again, _ = begin(tmp_path)
        try:
            use(again)
        finally:
            again.close()
        was_set_aside += again.set_aside is not None
    assert was_set_aside > len(bits) / 20


@pytest.mark.parametrize("has_code", [True, False])
def test_what_is_around_a_file_is_no_damage_of_it(tmp_path, has_code):
    def said(command):
        with pytest.raises(sqlite3.Error) as caught:
            asking.execute(command)
        # As it is on Python 3.10, which has no codes.
        return caught.value if has_code else type(caught.value)(str(caught.value))

    file = tmp_path / "x.sqlite"
    connect = [sqlite3.connect(file, timeout=0, isolation_level=None) for _ in range(2)]
    with contextlib.closing(connect[0]) as asking, contextlib.closing(connect[1]) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert is_around(said("CREATE TABLE x (a)"), file)
        other.execute("ROLLBACK")
        asking.execute("CREATE TABLE x (a)")
        assert not is_around(said("SELECT b FROM x"), file)
        asking.execute("PRAGMA query_only = on")
        assert not is_around(said("CREATE TABLE y (a)"), file)
        assert is_around(said("CREATE TABLE y (a)"), tmp_path / "gone" / "x.sqlite")
    with pytest.raises(sqlite3.Error) as caught:
        sqlite3.connect(tmp_path / "gone" / "x.sqlite")
    assert is_around(caught.value, tmp_path / "gone" / "x.sqlite")
