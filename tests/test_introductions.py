"""Leechers are introduced to the publisher's seeder as they come, and not again and again."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from outpour.making.maker import CreateOptions, create
from outpour.publisher.entries import PublishEntry
from outpour.publisher.file_identities import FileIdentities
from outpour.publisher.introductions import DOUBT_TURNS, PEERS_A_TURN, PEERS_MAX, Introductions
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.sight import look
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Given
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from tests.test_service import PORTS, announce


class Called:
    """A seeder that notes whom it was to call."""

    def __init__(self):
        self.given = 0
        self.called: dict[bytes, set[Any]] = {}

    def call(self, infohash, peers):
        self.given += len(peers)
        called = self.called.setdefault(infohash, set())
        called.update(peer.port for peer in peers if not peer.is_seeder)


class Asked:
    """A core that notes how much was asked of it."""

    def __init__(self, core):
        self._core = core
        self.given = 0

    def __getattr__(self, name):
        return getattr(self._core, name)

    def peers(self, infohash, limit):
        found = self._core.peers(infohash, limit)
        self.given += 1 + len(found)
        return found

    def take_arrivals(self, limit):
        arrivals, has_missed = self._core.take_arrivals(limit)
        self.given += len(arrivals)
        return arrivals, has_missed


@pytest.fixture
def tracker():
    service = TrackerService(TrackerSettings(listen=("127.0.0.1:0",), workers=1))
    service.start()
    core = service._core
    yield service
    service._core = core
    service.stop()


class Published:
    """Torrents that are published, and introductions to a seeder of them."""

    def __init__(self, service, count):
        self.service = service
        self.seeder = Called()
        self.torrents = PublishedTorrents()
        seeder: Any = self.seeder
        self.introductions = Introductions(service, seeder, self.torrents)
        self.infohashes = [self.publish(number) for number in range(count)]
        self.core = service._core = Asked(service._core)

    def publish(self, number, **more):
        pieces = hashlib.sha1(str(number).encode()).digest()
        info: dict[str, Any] = {
            "length": 5,
            "name": f"{number}",
            "piece length": 16384,
            "pieces": pieces,
            **more,
        }
        raw = bencode.encode({"announce": "http://127.0.0.1:1/announce", "info": info})
        metainfo = Metainfo.parse(raw)
        self.service.allow(metainfo)
        path = Path(f"/nowhere/{number}")
        publication = Publication(
            PublishEntry(path, path.parent),
            b"",
            metainfo.info.infohash,
            (metainfo.info.infohash, number.to_bytes(4, "big") * 5),
            metainfo.info.name,
            5,
            1,
            FileIdentities((), is_folder=False),
            None,
            is_folder=False,
            modified_at=0,
        )
        self.torrents.put(publication)
        self.introductions.add(publication)
        return publication.infohash

    def come(self, infohash, first, count):
        """Let leechers announce."""
        peers = [
            (f"10.0.0.{number % 200 + 1}", 2000 + number, False)
            for number in range(first, first + count)
        ]
        self.service._core.insert(infohash, peers)

    def turn(self):
        """Do a turn; returns how much of the core was looked at."""
        before = self.core.given
        self.service._census.forget()
        self.introductions.turn()
        return self.core.given - before

    def settle(self):
        while self.introductions._due:
            self.turn()


def test_a_turn_costs_what_has_changed_however_many_torrents_have_leechers(tracker):
    published = Published(tracker, 300)
    for infohash in published.infohashes:
        published.come(infohash, 0, 3)
    published.turn()
    published.settle()
    called = published.seeder.called
    assert {infohash: len(ports) for infohash, ports in called.items()} == dict.fromkeys(
        published.infohashes, 3
    )
    given = published.seeder.given
    assert [published.turn() for _ in range(40)] == [0] * 40
    published.come(published.infohashes[7], 3, 2)
    assert published.turn() == 2
    assert called[published.infohashes[7]] == {2000, 2001, 2002, 2003, 2004}
    assert published.seeder.given == given + 2


def test_who_comes_as_another_goes_and_who_comes_back_is_called(tracker):
    published = Published(tracker, 1)
    (infohash,) = published.infohashes
    published.turn()
    published.settle()
    for number, event in ((1, "started"), (1, "stopped"), (2, "started"), (1, "started")):
        announce(tracker, infohash, number, left=9, event=event)
    # With a magnet link alone it knew of nothing that is left.
    announce(tracker, infohash, 3, left=0, event="started")
    announce(tracker, infohash, 3, left=9)
    published.turn()
    assert published.seeder.given == 4
    assert published.seeder.called[infohash] == {PORTS + 1, PORTS + 2, PORTS + 3}


def test_whoever_was_there_before_its_torrent_is_seeded_is_called_then(tracker):
    published = Published(tracker, 0)
    published.turn()
    for number in (1, 2):
        infohash = published.publish(number)
        published.come(infohash, 0, 3)
        published.turn()
        assert len(published.seeder.called[infohash]) == 3


def test_peers_are_called_under_whichever_infohash_they_announce(tracker):
    published = Published(tracker, 1)
    published.turn()
    published.settle()
    (infohash,) = published.infohashes
    alias = bytes(20)
    tracker._core.allow_more([alias])
    published.come(alias, 0, 2)
    published.turn()
    assert published.seeder.called == {infohash: {2000, 2001}}
    (publication,) = filter(None, [published.torrents.by_infohash(infohash)])
    published.introductions.add(publication)
    published.turn()
    assert published.seeder.given == 4


def test_of_a_flood_of_leechers_a_turn_takes_no_more_than_a_moment_and_none_is_forgotten(tracker):
    published = Published(tracker, 30)
    published.turn()
    published.settle()
    for round in range(2):
        for infohash in published.infohashes:
            published.come(infohash, 150 * round, 150)
    turns = [published.turn() for _ in range(2 * 30 * 150 // PEERS_A_TURN + 40)]
    assert max(turns) <= PEERS_A_TURN + 1 + PEERS_MAX
    assert {len(ports) for ports in published.seeder.called.values()} == {300}


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
    tracker._core.insert(made[0].info.infohash, [("10.0.0.1", 2000, False)])
    tracker._census.forget()
    looked_at = [introductions.turn() for _ in range(2 * DOUBT_TURNS)]
    assert [*filter(None, looked_at)] == [{tmp_path / "sent"}] * 2
