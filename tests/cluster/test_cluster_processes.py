"""Trackers that act as one as processes of their own: killed, stopped, asked by page and API."""

from __future__ import annotations

import json
import signal
import time

import pytest

from outpour.tracker.cluster.cluster_memory import ClusterMemory
from tests.cluster.node import ONE
from tests.free_ports import free_port
from tests.trackers import Process
from tests.waiting import wait_for

TOKEN = "a-token-of-sixteen-letters-or-more"


@pytest.fixture
def track(tmp_path):
    started = []
    token = tmp_path / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)

    def start(name, server, *words):
        one = Process(
            [
                "track", "--listen", f"127.0.0.1:{free_port()}", "--open", "--workers", "1",
                "--private-networks", "--state", tmp_path / f"{name}.sqlite",
                "--cluster", server.url, "--node", name, "--admin-token-file", token, *words,
            ],
            tmp_path,
        )  # fmt: skip
        started.append(one)
        one.until(lambda: one.get("/healthz")[0] == 200)
        return one

    yield start
    for one in started:
        one.close()


def ports(process):
    peers = process.announce(ONE, 999, left=9)[b"peers"]
    process.announce(ONE, 999, left=9, event="stopped")
    return {int.from_bytes(peers[at + 4 : at + 6], "big") - 1000 for at in range(0, len(peers), 6)}


def downloaded(process):
    return process.torrents().get(ONE.hex(), {}).get("downloaded", 0)


def test_a_node_that_is_killed_costs_no_download_and_no_peer(server, track, tmp_path):
    one, other = track("one", server), track("other", server)
    for peer in (1, 2):
        one.download(ONE, peer)
    wait_for(lambda: ports(other) == {1, 2}, what="the peers at the other")
    one.until_saved(tmp_path / "one.sqlite", ONE, 2)
    # What it counted is on its disk, and maybe nowhere else yet.
    one.end(signal.SIGKILL)
    other.download(ONE, 3)
    again = track("one", server)
    assert ports(again) == {1, 2, 3}
    wait_for(lambda: downloaded(again) == 3 and downloaded(other) == 3, what="the sum")
    assert again.end() == 0
    assert other.end() == 0


@pytest.mark.long
def test_a_node_that_stood_still_takes_in_what_it_has_missed(server, track):
    one, other = track("one", server), track("other", server)
    one.announce(ONE, 1)
    wait_for(lambda: ports(other) == {1}, what="the peer")
    other.popen.send_signal(signal.SIGSTOP)
    for peer in range(2, 9):
        one.download(ONE, peer)
    wait_for(lambda: downloaded(one) == 7, what="downloads")
    # It stands still for so long that the stream does not go back so far.
    wait_for(lambda: is_gone(one, "other"), what="a node that is gone")
    wait_for(lambda: seen_s_ago(one, "other") > 10.5, what="a long time")
    server.client.xtrim("outpour:outpour:events", maxlen=0)
    other.popen.send_signal(signal.SIGCONT)
    wait_for(
        lambda: ports(other) == set(range(1, 9)) and downloaded(other) == 7, what="all",
        still=lambda: (ports(other), downloaded(other), other.text[-1000:]),
    )  # fmt: skip
    assert "took in all swarms of node `one`" in other.text


@pytest.mark.parametrize("number", [1, 1 << 62], ids=["the-lower", "the-higher"])
def test_a_download_that_two_counted_is_one_also_where_one_was_killed_before_it_heard_of_it(
    server, gate, track, tmp_path, number
):
    memory = ClusterMemory(tmp_path / "one.sqlite", time.time)
    memory.set_facts({"node": number.to_bytes(8, "big")})
    memory.close()
    one, other = track("one", gate), track("other", server)
    wait_for(lambda: len(cluster(other)["nodes"]) == 2, what="both")
    gate.cut()
    wait_for(lambda: cluster(one)["is_alone"], what="a node that is alone")
    for each in (one, other):
        each.download(ONE, 1)
    one.until_saved(tmp_path / "one.sqlite", ONE, 1)
    one.end(signal.SIGKILL)
    gate.open()
    again = track("one", gate)
    wait_for(lambda: told(server) == (2, 1), what="both counters and what is taken back")
    wait_for(lambda: downloaded(again) == downloaded(other) == 1, what="one download")
    # It is taken back once, whatever comes again.
    again.end(signal.SIGKILL)
    again = track("one", gate)
    again.download(ONE, 2)
    wait_for(lambda: downloaded(again) == downloaded(other) == 2, what="another download")
    wait_for(lambda: told(server) == (3, 1), what="the counter")


def told(server):
    """What the server has of all nodes of a torrent: counted, and taken back."""
    keys = server.client.keys("outpour:outpour:counts:*:*:*")
    found = {b"counted": 0, b"withdrawn": 0}
    for key in keys:
        found[key.split(b":")[4]] += int(server.client.zscore(key, ONE) or 0)
    return found[b"counted"], found[b"withdrawn"]


def cluster(process):
    host, port = process.address
    import http.client

    connection = http.client.HTTPConnection(host, port, timeout=60)
    try:
        headers = {"authorization": f"Bearer {TOKEN}"}
        connection.request("GET", "/api/v1/cluster", headers=headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def node_of(process, name):
    return next(node for node in cluster(process)["nodes"] if node["name"] == name)


def is_gone(process, name):
    return not node_of(process, name)["is_alive"]


def seen_s_ago(process, name):
    return node_of(process, name)["seen_s_ago"]


def test_page_api_and_metrics_tell_of_nodes_and_servers(server, track):
    one, other = track("one", server), track("other", server)
    wait_for(lambda: len(cluster(one)["nodes"]) == 2, what="both")
    wait_for(lambda: cluster(one)["servers"][0]["memory_bytes"], what="the memory")
    wait_for(lambda: node_of(one, "other")["is_ready"], what="a node that is whole")
    told = one.get("/metrics")[1].decode()
    assert f'outpour_cluster_server_up{{server="{server.url}"}} 1' in told
    assert 'outpour_cluster_nodes{state="alive"} 2' in told
    assert "outpour_cluster_ready 1" in told
    server.stop()
    wait_for(lambda: cluster(one)["is_alone"], what="a node that is alone")
    wait_for(lambda: is_gone(one, "other"), what="a node that nobody hears of")
    told = one.get("/metrics")[1].decode()
    assert f'outpour_cluster_server_up{{server="{server.url}"}} 0' in told
    assert "going on alone, and trying again" in one.text
    # It is ready all the same, and ends as ever.
    assert one.get("/healthz")[0] == 200
    assert one.end() == 0
    assert other.end() == 0


def test_another_version_of_the_protocol_ends_the_start_with_two_lines(server, tmp_path, spawn):
    server.client.set("outpour:outpour:protocol", 7)
    done = spawn(
        "outpour", "track", "--open", "--listen", f"127.0.0.1:{free_port()}",
        "--state", tmp_path / "s", "--cluster", server.url,
    )  # fmt: skip
    assert done.code == 7
    assert "the nodes of cluster `outpour` speak version 7 of the protocol" in done.err
    lines = [line for line in done.err.splitlines() if " info " not in line]
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("http://x/", "not the URL of a Valkey or Redis server"),
        ("redis://", "a host and a port are missing"),
        ("redis://x:99999", "a host and a port are missing"),
        ("redis://u:secret@x/abc", "a database has a number"),
        ("redis+sentinel://x", "the sentinels have to be asked for a service by name"),
        ("unix://x", "the socket is named by its whole path"),
        ("redis://x?ssl_ca_certs=y", "has no meaning here"),
    ],
)
def test_a_url_that_is_none_is_a_mistake_in_the_settings(run, url, text):
    done = run("track", "--open", "--cluster", url)
    assert done.code == 3
    assert text in done.err
    assert "secret" not in done.err
    assert len(done.err.splitlines()) == 2
