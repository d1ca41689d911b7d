"""What the core of one tracker tells the core of another, as blobs, over real announces."""

from __future__ import annotations

import secrets
from types import SimpleNamespace

import pytest

from outpour._core import Cluster, Tracker
from outpour.announcer import announce as announce_to
from outpour.announcer.values import AnnounceRequest

INFOHASH = b"\x11" * 20


@pytest.fixture
def node():
    trackers = []

    def begin(number, **more):
        config = SimpleNamespace(
            http=[("127.0.0.1", 0)],
            udp=[],
            workers=1,
            cluster_bytes_max=1 << 20,
            cluster_node=number,
            **more,
        )
        tracker = Tracker(config)
        tracker.start()
        trackers.append(tracker)
        return tracker, Cluster(tracker)

    yield begin
    for tracker in trackers:
        tracker.stop()


def announce(tracker, port, left=5, event=""):
    host, http = tracker.http_addresses[0]
    request = AnnounceRequest(
        infohash=INFOHASH,
        peer_id=b"-AA0000-" + secrets.token_bytes(12),
        port=port,
        left=left,
        event=event,
    )
    return announce_to(f"http://{host}:{http}/announce", request, timeout_s=20, family="any")


def test_a_peer_of_one_node_is_given_by_the_other_and_is_no_announce_there(node):
    (one, events), (other, others) = node(1), node(2)
    announce(one, 7001)
    blob = events.take(65_536)
    # 40 bytes of head, 8 of a checksum.
    assert len(blob) == 48 + 29
    assert others.apply(blob, 0.2) == 1
    assert others.apply(blob, 0.4) == 0
    assert others.take(65_536) == events.take(65_536) == b""
    assert announce(other, 7002).peers == (("127.0.0.1", 7001),)
    counters = other.counters()
    assert counters["announces_http"] == 1
    assert (counters["cluster_events_in"], counters["cluster_events_stale"]) == (2, 1)
    assert one.counters()["cluster_bytes_out"] == len(blob)
    pages: list[bytes] = []
    at: int | None = 0
    while at is not None:
        page, at = others.page(at, 1 << 20)
        pages.append(page)
    third, thirds = node(3)
    assert sum(thirds.apply(page, 0) for page in pages) == 2
    assert third.torrents() == other.torrents() == [(INFOHASH, 0, 2, 0)]


def test_what_is_not_a_blob_is_a_value_error_and_changes_nothing(node):
    (one, events), (other, others) = node(1), node(2)
    announce(one, 7001)
    blob = events.take(65_536)
    for damaged, said in [
        (b"", "not swarm events"),
        (b"garbage" * 20, "not swarm events"),
        (blob[:-1], "damaged"),
        (blob[:4] + b"\x09" + blob[5:], "version 9"),
    ]:
        with pytest.raises(ValueError, match=said):
            others.apply(damaged, 0)
    assert other.torrents() == []
    assert other.counters()["cluster_blobs_refused"] == 4


def test_a_torrent_that_is_not_allowed_here_is_left_out(node):
    (one, events), (other, others) = node(1), node(2)
    other.allow([b"\x22" * 20])
    announce(one, 7001)
    assert others.apply(events.take(65_536), 0) == 0
    assert other.counters()["cluster_events_refused"] == 1


def test_a_download_counted_at_both_in_the_same_moment_counts_once(node):
    (one, events), (other, others) = node(1), node(2)
    request = AnnounceRequest(
        infohash=INFOHASH, peer_id=b"-AA0000-abcdefghijkl", port=7001, left=0, event="completed"
    )
    for tracker in (one, other):
        host, http = tracker.http_addresses[0]
        announce_to(f"http://{host}:{http}/announce", request, timeout_s=20, family="any")
    first, second = events.take(65_536), others.take(65_536)
    events.apply(second, 0)
    others.apply(first, 0)
    assert events.take_withdrawn() == ([], [])
    counted = others.take_counted_here()
    assert counted[8:] == INFOHASH
    assert others.take_withdrawn() == ([(INFOHASH, 1)], [counted[:8]])
    # Each counted one of its own, and the second has taken its own back.
    events.set_foreign([(INFOHASH, 1 - 1)])
    others.set_foreign([(INFOHASH, 1 - 1)])
    assert one.torrents() == other.torrents() == [(INFOHASH, 1, 0, 1)]


def test_a_tracker_alone_is_no_node():
    tracker = Tracker(SimpleNamespace(http=[("127.0.0.1", 0)], udp=[]))
    with pytest.raises(RuntimeError, match="not one of several"):
        Cluster(tracker)
    assert not any(name.startswith("cluster") for name in tracker.counters())
