"""Numbers as they change, over real event streams."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from outpour.tracker.figures import TorrentRow
from outpour.web import live_numbers
from outpour.web.contract import WebOptions
from outpour.web.limits import EVENT_QUEUE_MAX
from outpour.web.live_numbers import Listener, Live, TooManyListenersError
from tests.waiting import until, wait_for

from .conftest import FakeView, Site


class Events:
    """A stream, read as a browser reads it."""

    def __init__(self, site: Site, query: str = "") -> None:
        self.connection = site.connect()
        self.connection.sendall(f"GET /api/v1/events{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        self._file = self.connection.makefile("rb")
        self.status = int(self._file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self._file.readline().strip():
            name, _, value = line.decode().partition(": ")
            self.headers[name.lower()] = value
        self._events = self._read()

    def _lines(self) -> Iterator[bytes]:
        pending = b""
        while size := int(self._file.readline() or b"0", 16):
            pending += self._file.read(size)
            assert self._file.read(2) == b"\r\n"
            *lines, pending = pending.split(b"\n")
            yield from lines

    def _read(self) -> Iterator[tuple[str, Any]]:
        kind = ""
        for line in self._lines():
            name, _, value = line.decode().partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                yield kind, json.loads(value)

    def next(self, kind: str = "numbers") -> Any:
        for found, data in self._events:
            if found == kind:
                return data
        raise AssertionError("the stream ended")

    def ended(self) -> bool:
        return next(self._events, None) is None

    def close(self) -> None:
        self._file.close()
        self.connection.close()


@pytest.fixture
def listen(site: Site) -> Iterator[Callable[..., Events]]:
    opened: list[Events] = []

    def run(query: str = "") -> Events:
        opened.append(Events(site, query))
        return opened[-1]

    yield run
    for events in opened:
        events.close()


def test_a_stream_begins_with_all_numbers_and_goes_on_with_changed_ones(
    view: FakeView, site: Site, listen: Callable[..., Events]
):
    first = view.publish("a", b"1", complete=1)
    second = view.publish("b", b"2", complete=5)
    events = listen()
    assert events.status == 200
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.headers["cache-control"] == "no-store"
    begin = events.next()
    assert {torrent["infohash"] for torrent in begin["torrents"]} == {first.hex(), second.hex()}
    assert begin["totals"]["complete"] == 6
    site.on_loop(lambda: view.change(second, complete=6, downloading=2, downloaded=9))
    change = events.next()
    assert change["torrents"] == [
        {
            "infohash": second.hex(), "complete": 6, "downloading": 2, "downloaded": 9,
            "transferred": 0,
        }
    ]  # fmt: skip
    assert change["totals"]["complete"] == 7


def test_a_stream_carries_only_what_its_page_shows(
    view: FakeView, site: Site, listen: Callable[..., Events]
):
    shown = view.publish("debian", b"1")
    other = view.publish("ubuntu", b"2")
    filtered, single = listen("?q=debian"), listen(f"?infohash={other.hex()}")
    assert [torrent["infohash"] for torrent in filtered.next()["torrents"]] == [shown.hex()]
    assert [torrent["infohash"] for torrent in single.next()["torrents"]] == [other.hex()]
    site.on_loop(lambda: view.change(other, complete=3))
    assert filtered.next() == {
        "at": int(view.time), "torrents": [], "totals": filtered_totals(view),
    }  # fmt: skip
    assert single.next()["torrents"][0]["complete"] == 3


def filtered_totals(view: FakeView) -> dict[str, int]:
    totals = view.totals()
    return {name: getattr(totals, name) for name in totals.__slots__}


def test_a_torrent_that_comes_or_goes_is_announced(
    view: FakeView, site: Site, listen: Callable[..., Events]
):
    view.publish("a", b"1")
    events = listen()
    events.next()
    infohash = site.on_loop(lambda: view.publish("b", b"2"))
    assert "at" in events.next("listing")
    site.on_loop(lambda: view.torrents.pop(infohash))
    assert "at" in events.next("listing")


def test_a_newcomer_and_an_old_listener_end_with_the_same_numbers(
    view: FakeView, site: Site, listen: Callable[..., Events]
):
    infohash = view.publish("a", b"1", complete=1)
    old = listen()
    assert old.next()["torrents"][0]["complete"] == 1
    site.on_loop(lambda: view.change(infohash, complete=2))
    new = listen()
    seen = new.next()["torrents"][0]["complete"]
    if seen == 1:
        seen = new.next()["torrents"][0]["complete"]
    assert seen == old.next()["torrents"][0]["complete"] == 2


def test_who_shows_an_older_list_is_told_so_at_once(
    view: FakeView, site: Site, listen: Callable[..., Events]
):
    view.publish("a", b"1")
    shown = json.loads(site.get("/api/v1/torrents").text)["revision"]
    assert f"revision={shown}" in site.get("/").text
    same = listen(f"?revision={shown}")
    same.next()
    site.on_loop(lambda: view.publish("b", b"2"))
    assert "at" in same.next("listing")
    other = listen(f"?revision={shown}")
    assert len(other.next()["torrents"]) == 2
    assert "at" in other.next("listing")
    now = json.loads(site.get("/api/v1/torrents").text)["revision"]
    current = listen(f"?revision={now}")
    current.next()
    site.on_loop(lambda: view.change(next(iter(view.torrents)), complete=3))
    assert next(current._events)[0] == "numbers"


def test_nobody_looks_while_nobody_listens(view: FakeView, site: Site):
    looked = []

    class Watched(FakeView):
        def totals(self) -> Any:
            looked.append(1)
            return super().totals()

    async def run() -> None:
        live = Live(Watched(), turn_s=0.01)
        listener = live.join([])
        await listener.next()
        live.leave(listener)
        before = len(looked)
        assert live._looking.is_running
        await until(lambda: not live._looking.is_running, what="end of looking")
        assert len(looked) == before
        live.join([])
        assert len(looked) > before
        await live.close()

    site.call(run())


def test_one_stream_too_many_is_told_to_come_back(view: FakeView, start: Callable[..., Site]):
    site = start(view, WebOptions(event_clients_max=2))
    streams = [Events(site) for _ in range(2)]
    refused = site.get("/api/v1/events")
    assert refused.status == 503
    assert refused.headers["retry-after"] == "30"
    streams.pop().close()
    wait_for(lambda: site.get("/api/v1/events", "HEAD").status == 200, what="room")
    for stream in streams:
        stream.close()


def test_a_listener_that_does_not_read_is_dropped_and_the_others_are_not(
    view: FakeView, start: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("outpour.web.event_stream.EVENT_SEND_S", 0.2)
    for number in range(200):
        infohash = number.to_bytes(20, "big")
        view.torrents[infohash] = TorrentRow(infohash=infohash, name=f"t{number:03}")
    site = start(view)
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    lazy.connect((site.host, site.port))
    lazy.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
    eager = Events(site)
    eager.next()
    the_live = site.app.state.context.live
    wait_for(lambda: the_live.listener_count == 2)
    turn = 0
    deadline = time.monotonic() + 120
    while the_live.listener_count == 2:
        turn += 1
        assert time.monotonic() < deadline, "the lazy listener stayed"

        def move(turn: int = turn) -> None:
            for infohash in tuple(view.torrents):
                view.change(infohash, complete=turn)
            the_live._turn()

        site.on_loop(move)
        assert eager.next()["torrents"]
    assert the_live.listener_count == 1
    wait_for(lambda: site.server.connection_count == 1, what="cut connection")
    lazy.close()
    eager.close()


def test_a_queue_that_is_full_marks_its_listener_as_slow(site: Site):
    async def run() -> None:
        listener = Listener(frozenset())
        for _ in range(EVENT_QUEUE_MAX):
            assert listener.offer(b"x")
        assert not listener.offer(b"x")
        assert listener.is_slow
        listener.close()

    site.call(run())


def test_a_closed_live_takes_nobody(view: FakeView, site: Site):
    async def run() -> None:
        closed = Live(view)
        await closed.close()
        with pytest.raises(TooManyListenersError):
            closed.join([])

    site.call(run())


def test_silence_is_broken_by_a_comment(
    view: FakeView, site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("outpour.web.event_stream.EVENT_HEARTBEAT_S", 0.05)
    with site.connect() as connection:
        connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        stream = b""
        while b": still here\n\n" not in stream:
            stream += connection.recv(4096)


def test_the_words_of_the_numbers_are_those_of_a_row():
    row = TorrentRow(infohash=b"x" * 20)
    assert all(hasattr(row, name) for name in live_numbers.NUMBERS)
