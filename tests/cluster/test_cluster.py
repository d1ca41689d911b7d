"""Trackers that act as one, over a real server."""

from __future__ import annotations

import contextlib
import time
from functools import partial

import pytest

from outpour.base.errors import NetworkError
from outpour.tracker.lists.key_list import KeyFile
from outpour.tracker.lists.passkey import Key
from outpour.tracker.service import TrackerService
from outpour.tracker.state.keeper import Keeper
from tests.cluster.node import ONE, OTHER
from tests.waiting import wait_for


def shown(one, infohash):
    row = one.call(lambda: one.service.row(infohash))
    return None if row is None else (row.name, row.length)


def is_refused(one, infohash):
    return b"failure reason" in one.announce(infohash, 1)


def took_s(condition):
    """Seconds until something is so."""
    began = time.monotonic()
    wait_for(condition, what="news")
    return time.monotonic() - began


def test_a_peer_announced_at_one_node_is_given_by_the_other_within_a_second(server, node):
    one, other = node("one", server.url).until_joined(), node("other", server.url).until_joined()
    took = []
    for _ in range(3):
        one.announce(ONE, 1)
        came_s = took_s(lambda: 1 in other.peers(ONE))
        assert b"\x7f\x00\x00\x01\x03\xe9" in other.announce(ONE, 2, left=5)[b"peers"]
        one.announce(ONE, 1, event="stopped")
        took.append(max(came_s, took_s(lambda: other.peers(ONE) == {2})))
        if took[-1] < 1:
            break
    # A busy machine may take longer now and then, and the tracker never does.
    assert min(took) < 1, took


def test_completed_downloads_of_all_nodes_are_shown_as_one_number(server, node):
    one, other = node("one", server.url).until_joined(), node("other", server.url).until_joined()
    for peer in (1, 2, 3):
        one.download(ONE, peer)
    other.download(ONE, 4)
    both = (one, other)
    wait_for(lambda: [n.downloaded(ONE) for n in both] == [4, 4], what="the sum")
    wait_for(lambda: [n.scraped(ONE)[2] for n in both] == [4, 4], what="the scrape")
    assert one.call(one.service.totals).downloaded_all == 4
    state = one.settings.state
    one.close()
    with contextlib.closing(Keeper(state)) as kept:
        assert kept.ledger.get(ONE) == 3
    # Whoever is gone for good stays in the sum, also for who comes later.
    late = node("late", server.url).until_joined()
    wait_for(lambda: late.downloaded(ONE) == 4 and other.downloaded(ONE) == 4, what="the sum")


def test_a_new_node_holds_everything_before_it_says_that_it_is_ready(server, node):
    one = node("one", server.url).until_joined()
    for peer in range(20):
        one.announce(ONE, peer)
    one.announce(OTHER, 1)
    wait_for(lambda: server.client.xlen("outpour:outpour:events") > 0, what="news")
    # The stream alone would not tell it.
    server.client.xtrim("outpour:outpour:events", maxlen=0)
    new = node("new", server.url)
    assert not new.began_ready
    wait_for(new.is_ready, what="a node that is ready")
    assert new.peers(ONE) == set(range(20))
    assert new.peers(OTHER) == {1}
    assert new.said("took in all swarms of node `one`")


def test_with_nobody_alive_a_node_has_its_own_swarms_and_what_the_stream_tells(server, node):
    one = node("one", server.url).until_joined()
    other = node("other", server.url).until_joined()
    one.announce(ONE, 1)
    wait_for(lambda: other.peers(ONE) == {1}, what="the peer")
    other.close()
    one.announce(ONE, 2)
    one.close()
    other.start()
    other.until_joined()
    wait_for(lambda: other.peers(ONE) == {1, 2}, what="both")


def test_a_node_that_comes_back_with_an_older_copy_lowers_nothing_and_loses_nothing(
    server, gate, node
):
    one = node("one", gate.url).until_joined()
    other = node("other", server.url).until_joined()
    one.download(ONE, 1)
    wait_for(lambda: other.downloaded(ONE) == 1, what="one download")
    one.close()
    old = {path: path.read_bytes() for path in one.folder.glob("one.sqlite*")}
    one.start()
    for peer in (2, 3):
        one.download(ONE, peer)
    wait_for(lambda: other.downloaded(ONE) == 3, what="three downloads")
    one.close()
    for path, content in old.items():
        path.write_bytes(content)
    # While it is alone it counts on from where its copy is.
    gate.cut()
    one.start()
    wait_for(one.is_ready, what="a node alone")
    one.download(ONE, 4)
    assert other.downloaded(ONE) == 3
    gate.open()
    one.until_joined()
    wait_for(lambda: one.downloaded(ONE) == other.downloaded(ONE) == 4, what="four downloads")
    assert one.said("the state is older than what the cluster knows of this node")


def test_a_folder_of_one_node_counts_at_all_and_what_is_removed_stays_removed(
    server, node, tmp_path, classic
):
    folder = tmp_path / "torrents"
    folder.mkdir()
    hello = (classic / "hello.torrent").read_bytes()
    infohash = bytes.fromhex("e25d7c06d525617193e405c30a3c6a77b2e56510")
    listed = tmp_path / "list.txt"
    listed.write_text(f"# {ONE.hex()}\n")
    one = node("one", server.url, open=False, allowed_dir=folder).until_joined()
    other = node("other", server.url, open=False, allow_list=listed).until_joined()
    assert b"failure reason" in other.announce(infohash, 1)
    (folder / "hello.torrent").write_bytes(hello)
    wait_for(lambda: b"peers" in other.announce(infohash, 1), what="the torrent")
    wait_for(lambda: shown(other, infohash) == ("hello.txt", 12), what="what it is called")
    assert other.call(lambda: other.service.metainfo_file(infohash)) is None
    # The other one has it in its own list, too; it is gone all the same once one says so.
    listed.write_text(f"{infohash.hex()}\n{ONE.hex()}\n")
    wait_for(lambda: b"peers" in one.announce(ONE, 1), what="the list")
    (folder / "hello.torrent").unlink()
    for each in (one, other):
        wait_for(partial(is_refused, each, infohash), what="the end")
    # So it is for a node that was away, whatever its own list says.
    other.close()
    other.start()
    other.until_joined()
    assert b"failure reason" in other.announce(infohash, 1)
    assert b"peers" in other.announce(ONE, 1)
    # Who says later that it is there counts.
    (folder / "hello.torrent").write_bytes(hello)
    wait_for(lambda: b"peers" in other.announce(infohash, 1), what="the torrent again")


def test_keys_bans_and_origins_of_one_node_count_at_all_and_for_who_was_away(
    server, node, tmp_path
):
    lists = {name: tmp_path / f"{name}.txt" for name in ("one", "other", "bans")}
    for path in lists.values():
        path.write_text("")
    one = node(
        "one", server.url, key_list=lists["one"], address_deny_list=lists["bans"]
    ).until_joined()
    other = node("other", server.url, key_list=lists["other"]).until_joined()
    other.close()
    KeyFile(lists["one"]).add([Key("secret")])
    one.call(lambda: one.service.own_seeder().lead([("192.0.2.9", 6881)]))
    wait_for(lambda: b"peers" in one.announce(ONE, 1, key="/secret"), what="the key")
    other.start()
    other.until_joined()
    wait_for(lambda: b"peers" in other.announce(ONE, 2, key="/secret"), what="the key")
    assert other.call(lambda: other.service.is_key("secret"))
    origin = {("192.0.2.9", 6881): True}
    wait_for(lambda: other.service.cluster.book.lists._origins == origin, what="the origin")
    KeyFile(lists["one"]).revoke(["secret"])
    wait_for(lambda: b"failure reason" in other.announce(ONE, 2, key="/secret"), what="no key")
    KeyFile(lists["other"]).add([Key("third")])
    wait_for(lambda: b"peers" in one.announce(ONE, 1, key="/third"), what="the other's key")
    lists["bans"].write_text("127.0.0.1\n")
    wait_for(lambda: b"failure reason" in other.announce(ONE, 2, key="/third"), what="the ban")


def test_several_servers_each_carry_a_range_of_infohashes(server, node, tmp_path):
    from tests.cluster.redis_process import Server

    second = Server(tmp_path / "second")
    try:
        urls = (server.url, second.url)
        one, other = node("one", *urls).until_joined(), node("other", *urls).until_joined()
        hashes = [bytes([number]) * 20 for number in range(1, 255, 16)]
        for infohash in hashes:
            one.announce(infohash, 1)
        wait_for(lambda: all(other.peers(infohash) == {1} for infohash in hashes), what="all")
        key = "outpour:outpour:events"
        assert all(one.client.xlen(key) for one in (server, second))
        # Without one of them, the other range goes on.
        second.stop()
        for infohash in hashes:
            one.announce(infohash, 2)
        wait_for(lambda: any(other.peers(each) == {1, 2} for each in hashes), what="some")
        second.start()
        wait_for(lambda: all(other.peers(each) == {1, 2} for each in hashes), what="all again")
    finally:
        second.stop()


def test_a_node_of_another_version_is_refused_with_a_line(server, node):
    server.client.set("outpour:outpour:protocol", 2)
    with pytest.raises(NetworkError, match="speak version 2 of the protocol, and this one 1"):
        TrackerService(node("alone").settings.model_copy(update={"cluster": (server.url,)})).start()


def test_two_processes_of_one_state_are_not_one_node(server, node, tmp_path):
    one = node("one", server.url).until_joined()
    one.close()
    for path in tmp_path.glob("one.sqlite*"):
        path.with_name(path.name.replace("one", "copy")).write_bytes(path.read_bytes())
    one.start()
    one.until_joined()
    copy = node("copy", server.url)
    wait_for(lambda: copy.said("runs with a copy of this state"), what="a refusal")
    assert copy.is_ready()
    assert not copy.is_joined()


def test_two_nodes_of_one_name_are_told(server, node, tmp_path):
    node("one", server.url).until_joined()
    (tmp_path / "b").mkdir()
    from tests.cluster.node import Node

    other = Node(tmp_path / "b", "one", server.url)
    try:
        wait_for(lambda: other.said("another node is called `one` too"), what="a note")
    finally:
        other.close()
