"""What breaks between trackers that act as one, and that afterwards all is as if nothing had."""

from __future__ import annotations

import signal
import time

import pytest

from outpour.tracker.cluster import node_registry, stream_link
from outpour.tracker.cluster.cluster_frame import Frame
from outpour.tracker.cluster.cluster_memory import ClusterMemory
from tests.cluster.gate import Gate
from tests.cluster.node import ONE, OTHER
from tests.cluster.redis_process import Server
from tests.free_ports import free_port
from tests.waiting import wait_for

EVENTS = "outpour:outpour:events"


def same(*nodes, infohash=ONE):
    """Whether all hold the same peers and show the same counts."""
    first, *others = [(one.peers(infohash), one.scraped(infohash)) for one in nodes]
    return all(one == first for one in others)


def until_same(*nodes, downloads, peers, infohash=ONE):
    wait_for(
        lambda: (
            same(*nodes, infohash=infohash)
            and [one.downloaded(infohash) for one in nodes] == [downloads] * len(nodes)
            and nodes[0].peers(infohash) == set(peers)
        ),
        what="agreement",
        still=lambda: [
            (one.name, one.peers(infohash), one.scraped(infohash), one.downloaded(infohash),
             one.service.cluster.counts.own.get(infohash), one.figures().counts, one.events[-3:])
            for one in nodes
        ],
    )  # fmt: skip


def until_alone(*nodes):
    wait_for(lambda: all(one.figures().is_alone for one in nodes), what="nodes that are alone")


def test_without_a_server_at_the_start_a_node_goes_on_alone_says_so_and_tries_again(tmp_path, node):
    port = free_port()
    one = node("one", f"redis://127.0.0.1:{port}/0")
    wait_for(one.is_ready, what="a node that is ready alone")
    assert one.said("connection refused; going on alone, and trying again")
    one.download(ONE, 1)
    server = Server(tmp_path / "server", port=port)
    try:
        other = node("other", server.url)
        one.until_joined()
        other.until_joined()
        until_same(one, other, downloads=1, peers={1})
    finally:
        server.stop()


def test_a_server_that_is_gone_for_a_while_costs_nothing(server, node):
    one, other = node("one", server.url).until_joined(), node("other", server.url).until_joined()
    one.download(ONE, 1)
    until_same(one, other, downloads=1, peers={1})
    server.stop()
    until_alone(one, other)
    one.download(ONE, 2)
    other.download(ONE, 3)
    other.announce(ONE, 4, left=5)
    one.announce(ONE, 1, event="stopped")
    assert one.said("going on alone")
    # It comes back empty.
    server.start()
    until_same(one, other, downloads=3, peers={2, 3, 4})
    late = node("late", server.url).until_joined()
    until_same(one, late, downloads=3, peers={2, 3, 4})


def test_what_a_server_that_is_back_empty_was_told_before_a_node_came_back_counts_there(
    server, gate, node
):
    one, late = node("one", server.url).until_joined(), node("late", gate.url).until_joined()
    one.announce(ONE, 1)
    until_same(one, late, downloads=0, peers={1})
    gate.cut()
    server.stop()
    until_alone(one, late)
    one.announce(ONE, 1, event="stopped")
    server.start()
    # Who is back first tells what nobody says again.
    wait_for(
        lambda: not one.figures().is_alone and one.figures().counts["cluster_events_out"] == 2,
        what="the news on the server",
    )
    wait_for(lambda: server.client.xlen(EVENTS) >= 2, what="all of it")
    gate.open()
    until_same(one, late, downloads=0, peers=set())


def test_counts_of_a_node_that_is_gone_for_good_outlive_an_empty_server(server, node):
    one, other = node("one", server.url).until_joined(), node("other", server.url).until_joined()
    one.download(ONE, 1)
    until_same(one, other, downloads=1, peers={1})
    one.close()
    wait_for(lambda: not other.service.cluster.counts._unsaved, what="a save")
    other.close()
    server.stop()
    server.start()
    other.start()
    other.until_joined()
    assert other.downloaded(ONE) == 1
    late = node("late", server.url).until_joined()
    wait_for(lambda: late.downloaded(ONE) == 1, what="the count")


def test_a_server_without_memory_is_told_of_and_caught_up_with(tmp_path, node):
    server = Server(tmp_path / "small", "--maxmemory-policy", "noeviction")
    try:
        one, other = (node(name, server.url).until_joined() for name in ("one", "other"))
        server.client.config_set("maxmemory", 1)
        wait_for(lambda: one.said("out of memory"), what="a line about it")
        one.download(ONE, 1)
        assert other.peers(ONE) == set()
        server.client.config_set("maxmemory", 0)
        until_same(one, other, downloads=1, peers={1})
    finally:
        server.stop()


def test_what_the_server_does_not_take_is_told_once_it_does(server, node):
    one, other = node("one", server.url).until_joined(), node("other", server.url).until_joined()
    server.client.acl_setuser("default", enabled=True, commands=["-zadd"])
    one.download(ONE, 1)
    wait_for(lambda: one.said("its ACL forbids what a node needs"), what="a line about it")
    server.client.acl_setuser("default", enabled=True, commands=["+zadd"])
    until_same(one, other, downloads=1, peers={1})


def test_what_was_removed_stays_so_though_the_server_comes_back_empty(server, node, tmp_path):
    lists = {name: tmp_path / f"{name}.txt" for name in ("one", "other")}
    for path in lists.values():
        path.write_text(OTHER.hex())
    one, other = (
        node(name, server.url, open=False, allow_list=path).until_joined()
        for name, path in lists.items()
    )
    lists["one"].write_text("")
    wait_for(lambda: b"failure reason" in other.announce(OTHER, 1), what="the removal")
    wait_for(lambda: not other.service.cluster.book._unsaved, what="a save")
    one.close()
    other.close()
    server.stop()
    server.start()
    other.start()
    other.until_joined()
    assert b"failure reason" in other.announce(OTHER, 1)


@pytest.mark.long
def test_a_slow_server_delays_and_loses_nothing(server, gate, node):
    gate.delay_s = 0.3
    one, other = node("one", gate.url).until_joined(), node("other", server.url).until_joined()
    for peer in range(5):
        one.download(ONE, peer)
    took = []
    for _ in range(20):
        began = time.monotonic()
        one.announce(ONE, 9)
        took.append(time.monotonic() - began)
    # None waits for the server, though each may wait for the CPU.
    assert min(took) < 0.25, took
    until_same(one, other, downloads=5, peers={0, 1, 2, 3, 4, 9})


def test_a_server_that_stops_answering_is_given_up_and_taken_up_again(server, node):
    one, other = node("one", server.url).until_joined(), node("other", server.url).until_joined()
    server.send(signal.SIGSTOP)
    wait_for(lambda: one.said("does not answer"), what="a line about it")
    one.download(ONE, 1)
    server.send(signal.SIGCONT)
    until_same(one, other, downloads=1, peers={1})


def test_two_halves_without_each_other_agree_afterwards(server, node):
    ways = [Gate(server.port), Gate(server.port)]
    try:
        left = [node(name, ways[0].url).until_joined() for name in ("a", "b")]
        right = [node(name, ways[1].url).until_joined() for name in ("c", "d")]
        nodes = left + right
        nodes[0].announce(ONE, 1)
        wait_for(lambda: all(one.peers(ONE) == {1} for one in nodes), what="the first peer")
        ways[1].cut()
        until_alone(*right)
        nodes[0].download(ONE, 2)
        nodes[1].announce(ONE, 1, event="stopped")
        nodes[2].download(ONE, 3)
        nodes[3].download(ONE, 4)
        wait_for(lambda: nodes[1].downloaded(ONE) == 1, what="news on one side")
        assert nodes[2].peers(ONE) == {1, 3}
        ways[1].open()
        until_same(*nodes, downloads=3, peers={2, 3, 4})
    finally:
        for way in ways:
            way.close()


def test_a_clock_an_hour_off_does_not_matter(server, node):
    one = node("one", server.url, clock=lambda: time.time() + 3600).until_joined()
    other = node("other", server.url, clock=lambda: time.time() - 3600).until_joined()
    one.download(ONE, 1)
    other.download(ONE, 2)
    one.announce(ONE, 2, event="stopped")
    until_same(one, other, downloads=2, peers={1})


@pytest.mark.parametrize("kept_s", [600.0, -1.0], ids=["kept", "not-kept"])
def test_a_failover_to_a_replica_that_lacks_the_latest_news_loses_nothing(
    tmp_path, node, monkeypatch, kept_s
):
    monkeypatch.setattr(stream_link, "KEPT_S", kept_s)
    first = Server(tmp_path / "first")
    way, other_way, replica_way = (Gate(first.port) for _ in range(3))
    second = Server(tmp_path / "second", "--replicaof", f"127.0.0.1 {replica_way.port}")
    try:
        one = node("one", way.url).until_joined()
        other = node("other", other_way.url).until_joined()
        one.download(ONE, 1)
        until_same(one, other, downloads=1, peers={1})
        wait_for(lambda: second.client.xlen(EVENTS) == first.client.xlen(EVENTS), what="the copy")
        # What follows does not reach the replica, and the other node neither.
        replica_way.cut()
        other_way.cut()
        until_alone(other)
        one.download(ONE, 2)
        one.announce(ONE, 1, event="stopped")
        wait_for(lambda: one.service.cluster.counts.unsent == 0, what="news")
        wait_for(lambda: one.figures().counts["cluster_events_out"] >= 5, what="events")
        wait_for(lambda: one.service.cluster._links[0].pending is None, what="events sent")
        first.stop()
        second.client.replicaof("NO", "ONE")
        way.target = other_way.target = second.port
        other_way.open()
        if kept_s > 0:
            until_same(one, other, downloads=2, peers={2})
        # What was sent long ago is made up for from the swarms, where nobody is who stopped.
        wait_for(lambda: 2 in other.peers(ONE) and other.downloaded(ONE) == 2, what="the peer")
        counter = counted_at(one, ONE)
        wait_for(lambda: int(second.client.zscore(*counter) or 0) == 2, what="the counter")
    finally:
        for one_server in (first, second):
            one_server.stop()
        for one_way in (way, other_way, replica_way):
            one_way.close()


def counted_at(one, infohash):
    """Where the counter of a node lies."""
    bucket = int.from_bytes(infohash[:2], "big") >> 2
    name = f"{one.service.cluster.id.hex()}:counted"
    return f"outpour:outpour:counts:{name}:{bucket}", infohash


@pytest.mark.long
def test_sentinels_say_where_the_server_is_and_where_it_is_then(tmp_path, node):
    first = Server(tmp_path / "first")
    second = Server(tmp_path / "second", "--replicaof", f"127.0.0.1 {first.port}")
    port = free_port()
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {first.port} 1\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 2000\n"
    )
    sentinel = Server.sentinel(tmp_path / "sentinel", config, port)
    try:
        wait_for(lambda: second.client.info("replication")["master_link_status"] == "up", what="it")
        wait_for(lambda: sentinel.client.sentinel_slaves("main"), what="a replica")
        url = f"redis+sentinel://127.0.0.1:{port}/main/0"
        one, other = node("one", url).until_joined(), node("other", url).until_joined()
        one.download(ONE, 1)
        until_same(one, other, downloads=1, peers={1})
        first.stop()
        one.download(ONE, 2)
        until_same(one, other, downloads=2, peers={1, 2})
        assert second.client.info("replication")["role"] == "master"
    finally:
        for each in (sentinel, first, second):
            each.stop()


def test_who_stopped_while_a_node_was_away_for_longer_than_the_stream_is_kept_is_gone(server, node):
    one = node("one", server.url, interval_s=1800).until_joined()
    other = node("other", server.url, interval_s=1800).until_joined()
    for peer in (1, 2):
        one.announce(ONE, peer)
    until_same(one, other, downloads=0, peers={1, 2})
    other.close()
    one.announce(ONE, 1, event="stopped")
    wait_for(lambda: one.figures().levels["cluster_queued_bytes"] == 0, what="news")
    server.client.xtrim(EVENTS, maxlen=0)
    other.clock = lambda: time.time() + 600
    other.start()
    other.announce(ONE, 3)
    other.until_joined()
    until_same(one, other, downloads=0, peers={2, 3})


def test_a_node_that_was_silent_while_another_came_back_is_asked_once_it_speaks(
    server, node, monkeypatch
):
    one = node("one", server.url, interval_s=1800).until_joined()
    other = node("other", server.url, interval_s=1800).until_joined()
    other.close()
    for peer in (1, 2):
        one.announce(ONE, peer)
    wait_for(lambda: one.figures().levels["cluster_queued_bytes"] == 0, what="news")
    server.client.xtrim(EVENTS, maxlen=0)
    # As where it is short of time for some seconds.
    monkeypatch.setattr(node_registry, "ALIVE_S", -1.0)
    other.start()
    wait_for(other.is_ready, what="a node that found nobody")
    assert other.peers(ONE) == set()
    monkeypatch.undo()
    until_same(one, other, downloads=0, peers={1, 2})
    assert other.said("swarms of node `one`")


@pytest.mark.parametrize("cut", [0, 1, 12, 40])
def test_what_no_node_writes_is_refused_and_counted(server, node, cut):
    one = node("one", server.url).until_joined()
    one.announce(ONE, 1)
    whole = Frame(bytes(range(8)), 0, b"opev" + bytes(60), [(ONE, 7)], [], [(b"a" + ONE, 3)])
    raw = whole.encode()
    for entry in (raw[: len(raw) - 5 - cut], b"", b"junk" * 9, b"\x02" + raw[1:]):
        server.client.xadd(EVENTS, {"f": entry})
    server.client.xadd(EVENTS, {"other": raw})
    server.client.hset("outpour:outpour:nodes", b"12345678", b"[" * 5000)
    wait_for(lambda: one.figures().counts["cluster_poisoned"] >= 5, what="refusals")
    one.download(OTHER, 2)
    wait_for(lambda: one.downloaded(OTHER) == 1, what="a node that goes on")
    assert one.peers(ONE) == {1}
    assert one.is_joined()


def test_a_first_connection_that_fails_half_way_leaves_nothing_out(server, tmp_path, node):
    one = node("one", server.url).until_joined()
    one.download(ONE, 1)
    memory = ClusterMemory(tmp_path / "late.sqlite", time.time)
    memory.set_facts({"node": b"\1" * 8})
    memory.close()
    lease = f"outpour:outpour:run:{'01' * 8}"
    server.client.set(lease, "another process")
    wait_for(lambda: server.client.zscore(*counted_at(one, ONE)), what="the counter")
    server.client.xtrim(EVENTS, maxlen=0)
    late = node("late", server.url)
    wait_for(lambda: late.said("runs with a copy of this state"), what="a refusal")
    server.client.delete(lease)
    late.until_joined()
    until_same(one, late, downloads=1, peers={1})


def test_keys_of_another_kind_on_the_server_are_no_end(server, node):
    server.client.set(EVENTS, "text")
    one = node("one", server.url)
    wait_for(lambda: one.said("WRONGTYPE"), what="a line about it")
    assert one.is_ready()
    server.client.delete(EVENTS)
    one.until_joined()


def test_what_was_counted_and_never_told_is_told_after_the_next_start(server, gate, node):
    one, other = node("one", gate.url).until_joined(), node("other", server.url).until_joined()
    gate.cut()
    until_alone(one)
    one.download(ONE, 1)
    wait_for(lambda: one.service.cluster.counts.unsent, what="a counter that is saved")
    one.close()
    assert other.downloaded(ONE) == 0
    gate.open()
    one.start()
    until_same(one, other, downloads=1, peers={1})
