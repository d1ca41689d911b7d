"""The announcer against trackers of a few lines whose every byte is known, and our own."""

from __future__ import annotations

import gzip
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outpour.announcer import AnnounceRequest, announce, http, scrape
from outpour.announcer.values import read_compact
from outpour.base.errors import NetworkError, TrackerRefused, UsageError
from outpour.base.http_fetch import fetch
from outpour.torrent import bencode

from .conftest import WebHost

HASH = bytes(range(20))
REQUEST = AnnounceRequest(infohash=HASH, port=7000, left=5, event="started", numwant=30)


class Canned(WebHost):
    """Answers every announce and scrape with the same bytes."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]
        self.status = 200
        self.body = b""
        self.headers: dict[str, str] = {}

    def respond(self, target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        return self.status, self.body, self.headers

    @property
    def announce_url(self) -> str:
        return f"{self.url}announce"

    def answer(self, value: bencode.Encodable, status: int = 200) -> None:
        self.status, self.body = status, bencode.encode(value)


@pytest.fixture
def canned() -> Iterator[Canned]:
    made = Canned()
    yield made
    made.close()


def test_an_http_announce_says_what_it_is_asked_to(canned: Canned) -> None:
    canned.answer({"interval": 1800, "peers": b""})
    announce(f"{canned.announce_url}?key=secret", REQUEST)
    target = urlsplit(canned.requests[0])
    query = parse_qs(target.query, encoding="latin-1")
    assert query["info_hash"] == [HASH.decode("latin-1")]
    assert query["key"][0] == "secret"
    wanted = {"port": "7000", "left": "5", "event": "started", "numwant": "30", "compact": "1"}
    assert {name: query[name][0] for name in wanted} == wanted
    assert query["peer_id"][0].startswith("-OP")


def test_an_http_answer_is_read_in_full(canned: Canned) -> None:
    canned.answer({
        "interval": 1800, "min interval": 60, "complete": 3, "incomplete": 4, "downloaded": 5,
        "warning message": "slow down", "external ip": b"\x7f\0\0\1", "tracker id": b"t",
        "peers": b"\x7f\0\0\1\x1a\xe1" + b"\x7f\0\0\2\0\0", "peers6": bytes(15) + b"\1\x1a\xe2",
    })  # fmt: skip
    reply = announce(canned.announce_url, REQUEST)
    assert reply.peers == (("127.0.0.1", 6881), ("::1", 6882))
    assert (reply.interval, reply.min_interval) == (1800, 60)
    assert (reply.complete, reply.incomplete, reply.downloaded) == (3, 4, 5)
    assert (reply.warning, reply.external_ip, reply.tracker_id) == ("slow down", "127.0.0.1", b"t")


def test_peers_given_as_a_list_are_read_too(canned: Canned) -> None:
    canned.answer({"interval": 1, "peers": [{"ip": "10.0.0.1", "peer id": HASH, "port": 99}]})
    assert announce(canned.announce_url, REQUEST).peers == (("10.0.0.1", 99),)


def test_a_gzipped_answer_is_read(canned: Canned) -> None:
    canned.answer({"interval": 7, "peers": b""})
    canned.body = gzip.compress(canned.body)
    canned.headers = {"Content-Encoding": "gzip"}
    assert announce(canned.announce_url, REQUEST).interval == 7


@pytest.mark.parametrize("status", [200, 400])
def test_a_failure_reason_is_the_trackers_refusal(canned: Canned, status: int) -> None:
    canned.answer({"failure reason": "not allowed"}, status)
    with pytest.raises(TrackerRefused, match="the tracker refused: not allowed"):
        announce(canned.announce_url, REQUEST)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "malformed answer: not bencode"),
        (b"<html>", "malformed answer: not bencode"),
        (b"le", "not a dictionary"),
        (b"de", "no `interval`"),
        (b"d8:intervali-1e5:peers0:e", "`interval` is not a count"),
        (b"d8:intervali1e5:peers5:abcdee", "5 bytes of peers of 6 bytes each"),
        (b"d8:intervali1e5:peersi5ee", "`peers` is neither"),
        (b"d8:intervali1e5:peersl1:aee", "a peer has no address"),
        (b"d8:intervali1e5:peersld2:ip1:a4:porti70000eeee", "a peer has no address"),
        (b"d8:intervali1e5:peers0:6:peers63:abce", "3 bytes of peers of 18"),
    ],
)
def test_a_malformed_answer_is_one_clear_error(canned: Canned, body: bytes, message: str) -> None:
    canned.body = body
    with pytest.raises(NetworkError, match=message):
        announce(canned.announce_url, REQUEST)


def test_what_follows_an_answer_is_left_alone_as_clients_do(canned: Canned) -> None:
    canned.body = b"d8:intervali900e5:peers0:e\r\n"
    assert announce(canned.announce_url, REQUEST).interval == 900


def test_a_classic_refusal_in_plain_text_is_shown(canned: Canned) -> None:
    canned.status, canned.body = 400, b"you sent me garbage - id not of length 20"
    with pytest.raises(NetworkError, match="HTTP 400: you sent me garbage"):
        announce(canned.announce_url, REQUEST)


def test_an_answer_without_end_is_cut_off(canned: Canned) -> None:
    canned.body = b"x" * (http.BYTES_MAX + 1)
    with pytest.raises(NetworkError, match="longer than 2 MiB"):
        announce(canned.announce_url, REQUEST)


def test_a_bomb_of_compression_is_cut_off(canned: Canned) -> None:
    canned.body = gzip.compress(bytes(64 << 20))
    canned.headers = {"Content-Encoding": "gzip"}
    with pytest.raises(NetworkError, match="longer than"):
        announce(canned.announce_url, REQUEST)


def test_an_http_scrape_reads_the_counts(canned: Canned) -> None:
    canned.answer({"files": {HASH: {"complete": 1, "incomplete": 2, "downloaded": 3}}})
    replies = scrape(canned.announce_url, [HASH, bytes(20)])
    assert canned.requests[0].startswith("/scrape?info_hash=%00%01")
    assert list(replies) == [HASH]
    assert (replies[HASH].complete, replies[HASH].incomplete, replies[HASH].downloaded) == (1, 2, 3)


def test_a_tracker_without_announce_in_its_path_cannot_be_scraped() -> None:
    with pytest.raises(NetworkError, match="cannot be scraped"):
        scrape("http://127.0.0.1:1/tracker", [HASH])


class UdpTracker:
    """Runs `respond` on every packet."""

    def __init__(self, host: str, respond: Callable[[bytes], bytes | None]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.packets: list[bytes] = []
        shown = f"[{host}]" if ":" in host else host
        self.url = f"udp://{shown}:{self.socket.getsockname()[1]}/announce?key=1"
        self._respond = respond
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            packet, sender = self.socket.recvfrom(65535)
            if packet == b"stop":
                return
            self.packets.append(packet)
            answer = self._respond(packet)
            if answer is not None:
                self.socket.sendto(answer, sender)

    def close(self) -> None:
        self.socket.sendto(b"stop", self.socket.getsockname())
        self._thread.join()
        self.socket.close()


@pytest.fixture
def udp() -> Iterator[Callable[..., UdpTracker]]:
    made: list[UdpTracker] = []

    def make(respond: Callable[[bytes], bytes | None], host: str = "127.0.0.1") -> UdpTracker:
        made.append(UdpTracker(host, respond))
        return made[-1]

    yield make
    for tracker in made:
        tracker.close()


def polite(packet: bytes) -> bytes:
    """Answer as BEP 15 has it."""
    first, action, transaction = struct.unpack_from(">QII", packet)
    if action == 0:
        assert first == 0x41727101980
        return struct.pack(">IIQ", 0, transaction, 77)
    assert first == 77
    if action == 2:
        return struct.pack(">II", 2, transaction) + struct.pack(">III", 4, 5, 6)
    return struct.pack(">IIIII", 1, transaction, 1800, 2, 3) + b"\x7f\0\0\1\x1a\xe1"


def test_a_udp_announce_is_laid_out_as_bep_15_and_41_have_it(
    udp: Callable[..., UdpTracker],
) -> None:
    tracker = udp(polite)
    reply = announce(tracker.url, REQUEST)
    assert (reply.interval, reply.incomplete, reply.complete) == (1800, 2, 3)
    assert reply.peers == (("127.0.0.1", 6881),)
    packet = tracker.packets[1]
    assert packet[16:36] == HASH
    assert packet[36:56] == REQUEST.peer_id
    assert struct.unpack_from(">qqqIIIiH", packet, 56) == (0, 5, 0, 2, 0, REQUEST.key, 30, 7000)
    assert packet[98:] == b"\x02\x0f/announce?key=1"


def test_a_udp_scrape_reads_seeders_completed_and_leechers(
    udp: Callable[..., UdpTracker],
) -> None:
    reply = scrape(udp(polite).url, [HASH])[HASH]
    assert (reply.complete, reply.downloaded, reply.incomplete) == (4, 5, 6)


def test_udp_over_ipv6_reads_peers_of_18_bytes(udp: Callable[..., UdpTracker]) -> None:
    def respond(packet: bytes) -> bytes:
        answer = polite(packet)
        return answer if len(answer) == 16 else answer[:20] + bytes(15) + b"\1\x1a\xe1"

    assert announce(udp(respond, "::1").url, REQUEST).peers == (("::1", 6881),)


def test_a_udp_error_is_the_trackers_refusal(udp: Callable[..., UdpTracker]) -> None:
    def respond(packet: bytes) -> bytes:
        answer = polite(packet)
        return answer if len(answer) == 16 else b"\0\0\0\3" + answer[4:8] + b"not allowed"

    with pytest.raises(TrackerRefused, match="not allowed"):
        announce(udp(respond).url, REQUEST)


def test_a_lost_udp_packet_is_sent_again(
    udp: Callable[..., UdpTracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("outpour.announcer.udp.FIRST_WAIT_S", 0.1)
    seen: list[bytes] = []

    def respond(packet: bytes) -> bytes | None:
        seen.append(packet)
        return polite(packet) if len(seen) > 1 else None

    assert announce(udp(respond).url, REQUEST).interval == 1800
    assert seen[0] == seen[1]


def test_udp_answers_of_strangers_are_skipped(udp: Callable[..., UdpTracker]) -> None:
    def respond(packet: bytes) -> bytes:
        answer = polite(packet)
        return answer[:4] + bytes(4) + answer[8:]

    with pytest.raises(NetworkError, match="timed out"):
        announce(udp(respond).url, REQUEST, timeout_s=0.3)


def test_a_short_udp_answer_is_malformed(udp: Callable[..., UdpTracker]) -> None:
    def respond(packet: bytes) -> bytes:
        answer = polite(packet)
        return answer if len(answer) == 16 else answer[:15]

    with pytest.raises(NetworkError, match="malformed answer: 7 bytes where 12 are due"):
        announce(udp(respond).url, REQUEST)


@pytest.mark.parametrize("scheme", ["http", "udp"])
def test_nobody_at_home_is_said_at_once(scheme: str) -> None:
    with pytest.raises(NetworkError, match="connection refused"):
        announce(f"{scheme}://127.0.0.1:1/announce", REQUEST)


def test_a_silent_server_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/announce"
        with pytest.raises(NetworkError, match="timed out"):
            announce(url, REQUEST, timeout_s=0.3)


@pytest.mark.parametrize("url", ["wss://127.0.0.1/announce", "announce", "udp://127.0.0.1/a"])
def test_what_is_no_tracker_url_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        announce(url, REQUEST)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_only_http_is_fetched(url: str) -> None:
    with pytest.raises(UsageError, match="neither"):
        fetch(url)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "magnet:?xt=urn:btih:00", "data:,x"])
def test_a_redirect_does_not_lead_out_of_http(place: str, web_host: WebHost) -> None:
    host, port = urlsplit(web_host.url).netloc.split(":")

    def redirect(target: str, wanted: str | None) -> tuple[int, bytes, dict[str, str]]:
        return 302, b"", {"Location": place}

    web_host.respond = redirect  # type: ignore[method-assign]
    with pytest.raises(NetworkError, match=r"HTTP 302: it redirects to `.*`, which is not fetched"):
        fetch(f"http://{host}:{port}/x")


@given(st.lists(st.tuples(st.ip_addresses(v=4), st.integers(1, 65535))))
def test_compact_peers_come_back_as_they_were(peers: list[tuple[object, int]]) -> None:
    raw = b"".join(
        host.packed + port.to_bytes(2, "big")  # type: ignore[attr-defined]
        for host, port in peers
    )
    assert read_compact(raw, is_v6=False, url="x") == tuple((str(h), p) for h, p in peers)


@given(st.binary(max_size=200), st.booleans())
def test_only_whole_compact_peers_are_taken(raw: bytes, is_v6: bool) -> None:
    size = 18 if is_v6 else 6
    try:
        peers = read_compact(raw, is_v6=is_v6, url="x")
    except NetworkError:
        assert len(raw) % size
    else:
        assert len(peers) <= len(raw) // size
