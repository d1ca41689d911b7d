"""Leechers are introduced to the publisher's seeder as they come, and not again and again."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from outpour.making.maker import CreateOptions, create
from outpour.publisher.entries import PublishEntry
from outpour.publisher.introductions import (
    DOUBT_TURNS,
    EVERY_TURNS,
    PEERS_A_TURN,
    Introductions,
)
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.seeder import LEECHERS_A_TURN_MAX
from outpour.publisher.sight import look
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Given
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings


class Called:
    """A seeder that notes whom it was to call, and calls so many at once as the real one."""

    def __init__(self):
        self.given = 0
        self.called: dict[bytes, set[Any]] = {}

    def call(self, infohash, peers):
        self.given += len(peers)
        known = self.called.setdefault(infohash, set())
        fresh = [peer for peer in peers if peer not in known and not peer.is_seeder]
        known.update(fresh[:LEECHERS_A_TURN_MAX])
        return min(len(fresh), LEECHERS_A_TURN_MAX)


@pytest.fixture
def tracker():
    service = TrackerService(TrackerSettings(listen=("127.0.0.1:0",), workers=1))
    service.start()
    yield service
    service.stop()


def allow(service, count):
    torrents = []
    for number in range(count):
        pieces = hashlib.sha1(str(number).encode()).digest()
        info: dict[str, Any] = {
            "length": 5,
            "name": f"{number}",
            "piece length": 16384,
            "pieces": pieces,
        }
        raw = bencode.encode({"announce": "http://127.0.0.1:1/announce", "info": info})
        torrents.append(Metainfo.parse(raw))
    service.allow_all([Given(metainfo) for metainfo in torrents])
    return [metainfo.info.infohash for metainfo in torrents]


def leechers(first, count):
    return [
        (f"10.0.0.{number % 200 + 1}", 2000 + number, False)
        for number in range(first, first + count)
    ]


def turn(service, introductions):
    service._census.forget()
    introductions.turn()


def test_a_swarm_that_stays_as_it_is_is_copied_seldom_and_a_new_leecher_is_called_at_once(tracker):
    (infohash,) = allow(tracker, 1)
    seeder: Any = Called()
    introductions = Introductions(tracker, seeder, PublishedTorrents())
    tracker._core.insert(infohash, leechers(0, 10))
    turn(tracker, introductions)
    assert seeder.given == len(seeder.called[infohash]) == 10
    for _ in range(EVERY_TURNS - 1):
        turn(tracker, introductions)
    assert seeder.given == 10
    tracker._core.insert(infohash, leechers(10, 1))
    turn(tracker, introductions)
    assert len(seeder.called[infohash]) == 11


def test_many_leechers_that_come_at_once_are_all_called_within_some_turns(tracker):
    (infohash,) = allow(tracker, 1)
    seeder: Any = Called()
    introductions = Introductions(tracker, seeder, PublishedTorrents())
    tracker._core.insert(infohash, leechers(0, 3 * LEECHERS_A_TURN_MAX))
    for _ in range(3):
        turn(tracker, introductions)
    assert len(seeder.called[infohash]) == 3 * LEECHERS_A_TURN_MAX


def test_a_turn_copies_no_more_peers_than_a_moment_allows_and_forgets_no_swarm(tracker):
    infohashes = allow(tracker, 100)
    seeder: Any = Called()
    introductions = Introductions(tracker, seeder, PublishedTorrents())
    for infohash in infohashes:
        tracker._core.insert(infohash, leechers(0, 200))
    before = 0
    for _ in range(100):
        turn(tracker, introductions)
        assert seeder.given - before <= PEERS_A_TURN + 200
        before = seeder.given
    assert set(seeder.called) == set(infohashes)
    assert {len(called) for called in seeder.called.values()} == {200}


def test_content_that_is_being_sent_is_looked_at_now_and_then(tracker, tmp_path):
    """Notices of changes get lost, on network disks above all."""
    published, made = PublishedTorrents(), []
    for name in ("sent", "idle"):
        path = tmp_path / name
        path.write_bytes(name.encode())
        entry, metainfo = PublishEntry(path), create(path, CreateOptions())
        made.append(metainfo)
        published.put(Publication.of(entry, look(entry, PublishOptions((path,))), metainfo))
    tracker.allow_all([Given(metainfo) for metainfo in made])
    seeder: Any = Called()
    introductions = Introductions(tracker, seeder, published)
    tracker._core.insert(made[0].info.infohash, leechers(0, 1))
    tracker._census.forget()
    looked_at = [introductions.turn() for _ in range(2 * DOUBT_TURNS)]
    assert [*filter(None, looked_at)] == [{tmp_path / "sent"}] * 2
