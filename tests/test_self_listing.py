"""The publisher's seeder in the swarms of its own tracker."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.making.maker import CreateOptions, create
from outpour.publisher.entries import PublishEntry
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication
from outpour.publisher.self_listing import SelfListing
from outpour.publisher.sight import look
from outpour.torrent import bencode
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings

SEEDER = ("127.0.0.1", 6881)
OTHER = ("::1", 6881)


@pytest.fixture
def tracker() -> Iterator[TrackerService]:
    service = TrackerService(TrackerSettings(listen=("127.0.0.1:0",), workers=1, open=True))
    service.start()
    yield service
    service.stop()


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    entry = PublishEntry(path)
    return Publication.of(
        entry, look(entry, PublishOptions((path,))), create(path, CreateOptions())
    )


def seeders(tracker: TrackerService, infohash: bytes) -> int:
    host, port = tracker.http_addresses[0]
    url = f"http://{host}:{port}/scrape?info_hash={quote(infohash)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        root = bencode.decode(answer.read())
    assert isinstance(root, dict)
    files = root[b"files"]
    assert isinstance(files, dict)
    row = files[infohash]
    assert isinstance(row, dict)
    count = row[b"complete"]
    assert isinstance(count, int)
    return count


def peers(tracker: TrackerService, infohash: bytes, numwant: int = 50) -> bytes:
    host, port = tracker.http_addresses[0]
    query = f"peer_id=-XX0000-abcdefghijkl&port=9&left=1&compact=1&numwant={numwant}"
    url = f"http://{host}:{port}/announce?info_hash={quote(infohash)}&{query}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        root = bencode.decode(answer.read())
    assert isinstance(root, dict)
    found = root[b"peers"]
    assert isinstance(found, bytes)
    return found


def test_what_is_withdrawn_has_no_seeder_any_more_and_gets_none_again(
    tracker: TrackerService, publication: Publication, monkeypatch: pytest.MonkeyPatch
):
    listing = SelfListing(tracker, (SEEDER,), is_everywhere=False)
    listing.add(publication)
    assert seeders(tracker, publication.infohash) == 1
    listing.remove(publication)
    assert seeders(tracker, publication.infohash) == 0
    monkeypatch.setattr("outpour.publisher.self_listing.time.monotonic", lambda: 1e9)
    listing.turn()
    assert seeders(tracker, publication.infohash) == 0


def test_the_seeder_is_listed_again_before_it_would_be_dropped_as_silent(
    tracker: TrackerService, publication: Publication, monkeypatch: pytest.MonkeyPatch
):
    now = [1000.0]
    monkeypatch.setattr("outpour.publisher.self_listing.time.monotonic", lambda: now[0])
    listing = SelfListing(tracker, (SEEDER,), is_everywhere=False)
    listing.add(publication)
    tracker.own_seeder().unlist(publication.infohash, *SEEDER)
    listing.turn()
    assert seeders(tracker, publication.infohash) == 0
    now[0] += tracker.settings.peer_timeout_in_effect_s / 2
    listing.turn()
    assert seeders(tracker, publication.infohash) == 1
    listing.close()
    assert seeders(tracker, publication.infohash) == 0


def test_where_all_that_is_tracked_is_published_the_seeder_leads_every_answer(
    tracker: TrackerService, publication: Publication
):
    compact = b"\x7f\0\0\1\x1a\xe1"
    for port in range(7000, 7100):
        tracker.own_seeder().list(publication.infohash, "10.0.0.1", port)
    listing = SelfListing(tracker, (SEEDER, OTHER), is_everywhere=True)
    listing.add(publication)
    for _ in range(10):
        assert peers(tracker, publication.infohash, 3)[:6] == compact
    listing.close()
    assert compact not in peers(tracker, publication.infohash, 100)


def test_where_others_are_tracked_too_the_seeder_is_in_no_swarm_of_theirs(
    tracker: TrackerService, publication: Publication
):
    listing = SelfListing(tracker, (SEEDER, OTHER), is_everywhere=False)
    listing.add(publication)
    assert peers(tracker, bytes(20)) == b""
