"""Strangers' clients find their peer through `outpour track`, over every way they know.

The torrent of each case names one URL of the tracker and nothing else, and the clients look for
peers nowhere else: that the content arrives shows that the announces were understood.
"""

from __future__ import annotations

import json
import random
import re
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest

from tests.free_ports import free_port
from tests.live import clients
from tests.live.clients import LOOPBACK, LOOPBACK_6
from tests.live.conftest import BIN, Running, Start, get, get_json, peer
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

LENGTH = 1_500_000
SEEDER = "127.0.0.2"
"""Clients that sit at 127.0.0.1 may take a peer of the same address for themselves."""

WAYS = {
    "http over IPv4": ("http", LOOPBACK),
    "http over IPv6": ("http", LOOPBACK_6),
    "udp over IPv4": ("udp", LOOPBACK),
    "udp over IPv6": ("udp", LOOPBACK_6),
}


@dataclass(frozen=True)
class Tracker:
    """A running `outpour track` on both loopback addresses."""

    process: Running
    port: int

    def announce_url(self, way: str) -> str:
        scheme, host = WAYS[way]
        shown = f"[{host}]" if ":" in host else host
        return f"{scheme}://{shown}:{self.port}/announce"

    def announces(self, way: str) -> float:
        """How many announces were answered over the protocol of a way."""
        text = get(f"http://{LOOPBACK}:{self.port}/metrics").decode()
        protocol, host = WAYS[way]
        family = "ipv6" if ":" in host else "ipv4"
        labels = f'protocol="{protocol}",family="{family}",result="answered"'
        name = re.escape(f"outpour_tracker_announces_total{{{labels}}}")
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        assert found is not None, text
        return float(found[1])

    def row(self, infohash: str) -> dict[str, Any]:
        rows = get_json(f"http://{LOOPBACK}:{self.port}/api/v1/torrents?limit=500")["torrents"]
        assert isinstance(rows, list)
        return next((row for row in rows if row["infohash"] == infohash), {})


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    port = free_port()
    state = tmp_path_factory.mktemp("tracker") / "state"
    process = Running([
        str(BIN / "outpour"), "track", "--open", "--state", str(state),
        "--listen", f"{LOOPBACK}:{port}", "--listen", f"[{LOOPBACK_6}]:{port}",
    ])  # fmt: skip
    process.line_with("page:")
    yield Tracker(process, port)
    process.close()


def session(listen: str) -> lt.session:
    params = lt.session_params()
    params.settings = {
        "listen_interfaces": listen, "alert_mask": 0,
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
        "enable_outgoing_utp": False, "enable_incoming_utp": False,
        "allow_multiple_connections_per_ip": True,
    }  # fmt: skip
    return lt.session(params)


@dataclass
class Case:
    """One client on one way: the content, its seeder and the folder to download into."""

    tracker: Tracker
    way: str
    folder: Path
    torrent: Path
    target: Path
    content: bytes
    handle: lt.torrent_handle
    infohash: str

    @property
    def host(self) -> str:
        return WAYS[self.way][1]

    def arrived(self) -> bool:
        copy = self.target / self.torrent.stem
        return copy.is_file() and copy.read_bytes() == self.content

    def poke(self) -> None:
        """Let the seeder ask for peers again, once the client is among them."""
        wait_for(lambda: self.tracker.row(self.infohash).get("downloading"), what="announce")
        self.handle.force_reannounce(0, -1, lt.torrent_handle.ignore_min_interval)


@pytest.fixture(scope="module")
def seeder() -> Iterator[lt.session]:
    opened = session(f"{SEEDER}:0,[{LOOPBACK_6}]:0")
    yield opened
    del opened


@pytest.fixture
def case(
    request: pytest.FixtureRequest, tracker: Tracker, seeder: lt.session, tmp_path: Path
) -> Iterator[Case]:
    way: str = request.getfixturevalue("way")
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    target.mkdir()
    file = source / "release.bin"
    file.write_bytes(random.Random(way).randbytes(LENGTH))
    # A name that says where it is from gives each case an infohash of its own.
    made = lt.create_torrent(lt.list_files(str(file)), 65536, lt.create_torrent.v1_only)
    made.set_comment(str(tmp_path))
    lt.set_piece_hashes(made, str(source))
    made.add_tracker(tracker.announce_url(way))
    entry = made.generate()
    entry[b"info"][b"source"] = str(tmp_path).encode()
    torrent = tmp_path / "release.bin.torrent"
    torrent.write_bytes(lt.bencode(entry))
    before = tracker.announces(way)
    params = lt.load_torrent_file(str(torrent))
    params.save_path = str(source)
    params.flags |= lt.torrent_flags.seed_mode
    # The session would let only some torrents run at a time.
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handle = seeder.add_torrent(params)
    infohash = str(handle.info_hashes().v1)
    wait_for(lambda: tracker.row(infohash).get("complete") == 1, what="seeder in the swarm")
    wait_for(lambda: tracker.announces(way) > before, what="its announce counted")
    yield Case(tracker, way, tmp_path, torrent, target, file.read_bytes(), handle, infohash)
    seeder.remove_torrent(handle)


def finishes(
    case: Case,
    run: Callable[[], Running],
    *,
    is_shy: bool = False,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Run a client, and wait until it has the content and the tracker has heard of it.

    `meanwhile` is called while a shy client waits for its peer.
    """
    before = case.tracker.announces(case.way)
    client = run()
    if is_shy:
        meanwhile()
        case.poke()
    wait_for(case.arrived, seconds=120, what="copy", still=lambda: client.output[-600:])
    assert case.tracker.announces(case.way) > before


@pytest.mark.parametrize("way", WAYS)
def test_libtorrent(way: str, case: Case, start: Start):
    listen = f"{LOOPBACK}:0,[{LOOPBACK_6}]:0"
    script = Path(__file__).with_name("libtorrent_client.py")
    finishes(case, lambda: start(sys.executable, script, case.torrent, case.target, listen))
    wait_for(lambda: case.tracker.row(case.infohash).get("downloaded") == 1, what="count")
    wait_for(lambda: case.tracker.row(case.infohash).get("complete") == 2, what="second seed")


# Transmission 3.00 reads only IPv4 peers out of UDP answers, and has no UDP socket of IPv6 on a
# machine without an address of the internet.
@pytest.mark.long
@pytest.mark.parametrize("way", ["http over IPv4", "http over IPv6", "udp over IPv4"])
def test_transmission(way: str, case: Case, start: Start):
    executable = peer("transmission-cli")
    rpc_port = free_port()
    words = clients.transmission(
        executable, case.torrent, case.target, free_port(),
        config=case.folder / "config", host=case.host, rpc_port=rpc_port,
    )  # fmt: skip

    def was_told_of_a_peer() -> bool:
        stats = transmission_stats(rpc_port)
        return stats.get("lastAnnounceResult") == "Success" and stats["lastAnnouncePeerCount"] >= 1

    # It connects to no loopback address, whoever names it; its peer has to come to it. Once it has
    # all, it is told of no peers.
    finishes(
        case, lambda: start(*words), is_shy=True,
        meanwhile=lambda: wait_for(was_told_of_a_peer, what="a peer from the tracker"),
    )  # fmt: skip
    wait_for(lambda: case.tracker.row(case.infohash).get("downloaded") == 1, what="count")


def transmission_stats(port: int) -> dict[str, Any]:
    """What Transmission says of its tracker; nothing as long as it does not answer."""
    url = f"http://{LOOPBACK}:{port}/transmission/rpc"
    question = {"method": "torrent-get", "arguments": {"fields": ["trackerStats"]}}
    headers: dict[str, str] = {}
    for _ in range(2):
        request = urllib.request.Request(url, json.dumps(question).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                torrents = json.load(answer)["arguments"]["torrents"]
        except urllib.error.HTTPError as error:
            # The first answer hands out the id that the second request must carry.
            headers = {"X-Transmission-Session-Id": error.headers["X-Transmission-Session-Id"]}
            error.close()
        except OSError:
            break
        else:
            for torrent in torrents:
                stats: dict[str, Any] = torrent["trackerStats"][0]
                return stats
    return {}


# aria2 speaks UDP to trackers over IPv4 only.
@pytest.mark.parametrize("way", ["http over IPv4", "http over IPv6", "udp over IPv4"])
def test_aria2(way: str, case: Case, start: Start):
    executable = peer("aria2c")
    words = clients.aria2(executable, case.torrent, case.target, free_port(), host=case.host)
    finishes(case, lambda: start(*words))
    # It never says `completed`, and stops with nothing left.
    wait_for(lambda: case.tracker.row(case.infohash).get("downloaded") == 1, what="count")


# While it has no metadata it announces that nothing is left, and nobody announces to it.
@pytest.mark.parametrize("way", ["http over IPv4", "http over IPv6", "udp over IPv4"])
def test_aria2_with_a_magnet_link_alone(way: str, case: Case, start: Start):
    executable = peer("aria2c")
    url = urllib.parse.quote(case.tracker.announce_url(way), safe="")
    magnet = f"magnet:?xt=urn:btih:{case.infohash}&tr={url}"
    words = clients.aria2(executable, magnet, case.target, free_port(), host=case.host)
    finishes(case, lambda: start(*words))
    wait_for(lambda: case.tracker.row(case.infohash).get("downloaded") == 1, what="count")


# rTorrent reads only IPv4 peers out of UDP answers: over IPv6 its peer has to come to it.
@pytest.mark.parametrize("way", WAYS)
def test_rtorrent(way: str, case: Case, start: Start):
    executable = peer("rtorrent")
    words = clients.rtorrent(
        executable, case.torrent, case.target, free_port(),
        session=case.folder / "session", host=case.host,
    )  # fmt: skip
    finishes(case, lambda: start(*words), is_shy=way == "udp over IPv6")


def has_way_over_ipv6() -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        return probe.connect_ex(("2001:db8::1", 9)) == 0


# lftp takes no IPv6 address in the URL of a UDP tracker, and connects to no loopback address.
@pytest.mark.parametrize("way", ["http over IPv4", "http over IPv6", "udp over IPv4"])
def test_lftp(way: str, case: Case, start: Start):
    if "IPv6" in way and not has_way_over_ipv6():
        pytest.skip("lftp looks up no address of IPv6 on a machine that has none but loopback")
    executable = peer("lftp")
    words = clients.lftp(executable, case.torrent, case.target, free_port())
    finishes(case, lambda: start(*words), is_shy=True)


@pytest.mark.parametrize("way", ["http over IPv4"])
def test_ctorrent(way: str, case: Case, start: Start):
    executable = peer("ctorrent")
    words = clients.ctorrent(executable, case.torrent, case.target, free_port())
    finishes(case, lambda: start(*words))
