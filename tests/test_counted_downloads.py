"""Downloads are counted once: marks of the latest are saved with the counters, or neither is."""

from __future__ import annotations

import hashlib
import shutil
from typing import Any

import pytest

from outpour.base.errors import WriteError
from outpour.tracker.service import TrackerService
from outpour.tracker.state.store import Store
from tests.saved_counts import counts_of
from tests.test_service import announce, settings, tracker
from tests.test_store import full_disk

A, B = (hashlib.sha1(text).digest() for text in (b"a", b"b"))
BAD: Any = object()


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state" / "s.sqlite"


def download(service: TrackerService, infohash: bytes, peer: int) -> None:
    announce(service, infohash, peer, left=12, event="started")
    announce(service, infohash, peer, event="completed")
    service._drain()


def is_counted_once_more(state, *downloads):
    """Whether a later tracker counts these anew, though their clients are back in no swarm."""
    with tracker(settings(open=True, state=state)) as service:
        before = service._keeper.ledger.total()
        for infohash, peer in downloads:
            announce(service, infohash, peer, event="stopped")
            download(service, infohash, peer)
        return service._keeper.ledger.total() != before


def test_counters_and_marks_are_written_together_or_not_at_all(state):
    with tracker(settings(open=True)) as service:
        download(service, A, 1)
        download(service, B, 2)
        batch = service._keeper.ledger.take(9)
    assert (len(batch), len(batch.marks)) == (2, 16)
    store = Store(state)
    try:
        with pytest.raises(WriteError):
            store.save(batch, swarms=BAD)
        assert (counts_of(store), store.marks()) == ({}, b"")
        store.save(batch)
        assert (counts_of(store), store.marks()) == ({A: 1, B: 1}, batch.marks)
    finally:
        store.close()


def test_marks_that_found_no_room_on_the_disk_are_saved_when_there_is_some(state):
    with tracker(settings(open=True, state=state)) as service:
        store = service._keeper._store
        assert store is not None
        full_disk(store)
        many = [(number.to_bytes(2, "big") * 10, number) for number in range(300)]
        for infohash, number in many:
            download(service, infohash, number)
        assert not service._keeper.save()
        assert store.marks() == b""
        store._writer.connection.execute("PRAGMA max_page_count = 100000")
    assert not is_counted_once_more(state, *many[::50])


def test_marks_are_in_the_file_that_is_made_in_the_place_of_one_that_is_gone(state, tmp_path):
    with tracker(settings(open=True, state=state)) as service:
        download(service, A, 1)
        assert service._keeper.save()
        shutil.rmtree(state.parent)
        assert service._keeper.look()
        # As it is without an end that saves.
        shutil.copytree(state.parent, tmp_path / "killed")
    assert not is_counted_once_more(tmp_path / "killed" / "s.sqlite", (A, 1))
