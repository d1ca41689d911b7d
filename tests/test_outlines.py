"""Histories small enough to draw: summed up in SQL, and only what is new is read again."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from outpour.tracker.figures import Extremes, Stretch, TorrentRow
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.state import history_queries
from outpour.tracker.state.store import Store
from outpour.tracker.views.census import Census, Counter, walk
from outpour.tracker.views.outlines import Outlines
from outpour.tracker.views.rows import RowMaker

A, B = b"a" * 20, b"b" * 20
PARTS = 16


@pytest.fixture
def store():
    store = Store(None)
    yield store
    store.close()


class Reader:
    """Outlines of a store, with what was read of it."""

    def __init__(self, store, **limits):
        self._store = store
        self.reads: list[tuple[bytes, int]] = []
        self.outlines = Outlines(self._span, self._stretches, PARTS, **limits)

    def _span(self, infohash):
        return self._store.read(lambda file: history_queries.span(file, infohash))

    def _stretches(self, infohash, step_s, after):
        self.reads.append((infohash, after))
        return self._store.read(
            lambda file: history_queries.stretches(file, infohash, step_s, after)
        )


def busy(store, times, seed=1):
    chance = random.Random(seed)
    for at in times:
        store.add_samples(at, [(A, chance.randrange(90), chance.randrange(9), 0)])


def test_a_stretch_tells_first_least_most_and_last_of_both_numbers(store):
    for at, complete, downloading in ((60, 5, 1), (120, 2, 9), (180, 8, 0), (240, 4, 3)):
        store.add_samples(at, [(A, complete, downloading, 0), (B, 1, 1, 1)])
    found = store.read(lambda file: history_queries.stretches(file, A, 3600, -1))
    assert found == [Stretch(60, 240, Extremes(5, 2, 8, 4), Extremes(1, 0, 9, 3))]
    after = store.read(lambda file: history_queries.stretches(file, A, 60, 120))
    assert [(one.began, one.complete.first) for one in after] == [(180, 8), (240, 4)]


def test_an_outline_has_few_stretches_however_long_the_history_is(store):
    busy(store, range(0, 90 * 86_400, 7200))
    outline = Reader(store).outlines.get(A, 1, 0)
    assert PARTS // 2 < len(outline) <= PARTS
    assert all(before.ended < after.began for before, after in pairwise(outline))


def test_what_was_read_sample_by_sample_is_what_is_read_at_once(store):
    reader = Reader(store)
    for version, at in enumerate(range(60, 60 * 400, 60)):
        busy(store, [at], seed=at)
        grown = reader.outlines.get(A, version, 0)
    assert grown == Reader(store).outlines.get(A, 0, 0)


def test_after_a_new_sample_only_that_is_read(store):
    busy(store, range(0, 6000, 60))
    reader = Reader(store)
    reader.outlines.get(A, 1, 0)
    reader.outlines.get(A, 1, 0)
    assert reader.reads == [(A, -1)]
    assert reader.outlines.current(A, 2) is None
    busy(store, [6000])
    assert reader.outlines.get(A, 2, 0)[-1].ended == 6000
    assert reader.reads == [(A, -1), (A, 5940)]
    assert reader.outlines.current(A, 2) is not None


def test_what_is_older_than_the_history_is_kept_for_goes(store):
    busy(store, range(0, 86_400, 60))
    reader = Reader(store)
    reader.outlines.get(A, 1, 0)
    assert reader.outlines.get(A, 2, 80_000)[0].ended >= 80_000


def test_no_more_outlines_are_kept_than_there_is_room_for(store):
    reader = Reader(store, kept_max=2)
    for number in range(5):
        store.add_samples(60, [(bytes([number]) * 20, 1, 1, 1)])
        reader.outlines.get(bytes([number]) * 20, 1, 0)
    kept = [number for number in range(5) if reader.outlines.current(bytes([number]) * 20, 1)]
    assert kept == [3, 4]


def listing(infohash, name):
    return Listing(infohash, None, (infohash,), name, 9, 1, "v1", False, "", None, None, (), None)


def test_a_row_about_which_nothing_changed_is_the_same_row_in_the_next_census():
    maker = RowMaker(lambda _: 0, dict, show_names=True)
    listings = {A: listing(A, "b"), B: listing(B, "a")}
    first = maker.all(listings, [], {A: (1, 0)})
    assert [row.name for row in first.rows] == ["a", "b"]
    assert first.keys == (A, B)
    second = maker.all(listings, [], {A: (2, 0)})
    assert second.rows[0] is first.rows[0]
    assert (second.rows[1].complete, first.rows[1].complete) == (2, 1)
    renamed = maker.all({**listings, B: listing(B, "c")}, [], {})
    assert [row.name for row in renamed.rows] == ["b", "c"]
    more = maker.all(listings, [b"0" * 20], {})
    assert more.keys == (b"0" * 20, A, B)
    assert more.rows[-1].name is None


class Watched(dict[bytes, TorrentRow]):
    """Rows that are counted when somebody takes them."""

    taken = 0

    def __getitem__(self, key: bytes) -> TorrentRow:
        self.taken += 1
        return super().__getitem__(key)


def test_a_part_of_a_walk_takes_the_rows_of_that_part_alone():
    keys = tuple(sorted(number.to_bytes(20, "big") for number in range(1000)))
    index = Watched((key, TorrentRow(key)) for key in keys)
    census = Census(tuple(index.values()), index, keys)
    counter: Counter | None = None
    found, cursor = walk(census, counter, "h" + keys[499].hex(), 10)  # type: ignore[arg-type]
    assert [row.infohash for row in found] == list(keys[500:510])
    assert cursor == "h" + keys[509].hex()
    assert index.taken == 10
