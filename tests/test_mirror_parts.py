"""What a mirror decides by itself: what it wants, when it believes, and where things lie."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from outpour.base.errors import FormatError, NoRoomError, OutpourError, WriteError
from outpour.base.event import Event
from outpour.base.http_route import DIRECT
from outpour.base.within import within
from outpour.making.maker import CreateOptions, create
from outpour.mirror import publisher_source
from outpour.mirror.complaints import Complaints
from outpour.mirror.follower import Follower
from outpour.mirror.grace import EMPTY_GRACE_S, Grace
from outpour.mirror.held_torrents import HeldTorrents
from outpour.mirror.holdings import Held, Holdings
from outpour.mirror.offer import Listing, Offer, OfferedFile
from outpour.mirror.placement import OWN_FOLDER, Placement
from outpour.mirror.publisher_source import PublisherSource
from outpour.mirror.put_off import AGAIN_S, PutOff
from outpour.mirror.registration import WHY_MAX, Registration
from outpour.mirror.sidecar_copies import Beside, SidecarCopies
from outpour.mirror.told_table import ToldWords
from outpour.mirror.wishes import Wishes
from outpour.publisher.sidecar_table import SidecarTable
from outpour.torrent.metainfo import Metainfo
from tests.waiting import until, wait_for

OFFERS = [
    Offer("1", "a.iso", 10, 100), Offer("2", "b.iso", 20, 300), Offer("3", "c.zip", 5, 200),
    Offer("4", "d.iso", 500, 400, "nightly"), Offer("5", "e.iso"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("wishes", "keys"),
    [
        (Wishes(), "42315"),
        (Wishes(only=("*.iso",)), "4215"),
        (Wishes(skip=("nightly/*", "e.*")), "231"),
        (Wishes(size_max=20), "2315"),
        (Wishes(only=("*.iso",), size_max=100, keep=2), "21"),
    ],
)
def test_what_is_wanted_comes_newest_first(wishes: Wishes, keys: str):
    assert "".join(offer.key for offer in wishes.chosen(OFFERS)) == keys


def test_each_reason_of_a_failure_is_told_once_whatever_numbers_it_has():
    complaints = Complaints[bytes]()
    assert complaints.is_new(b"a", NoRoomError("`a`: no space left on device"))
    assert not complaints.is_new(b"a", NoRoomError("`a` needs 3 MiB, and 1 MiB are free"))
    assert not complaints.is_new(b"a", NoRoomError("`a` needs 3 MiB, and 2 MiB are free"))
    assert complaints.is_new(b"b", NoRoomError("`b` needs 3 MiB, and 2 MiB are free"))
    assert complaints.is_new(b"a", WriteError("`a`: read-only file system"))
    assert complaints.is_new(b"a", NoRoomError("`a` needs 3 MiB, and 2 MiB are free"))
    complaints.forget(b"a")
    assert complaints.is_new(b"a", NoRoomError("`a` needs 3 MiB, and 2 MiB are free"))


def test_only_time_in_which_the_publisher_answers_brings_the_end_nearer():
    grace = Grace(100)
    grace.begin(b"a", 40)
    grace.begin(b"b")
    assert grace.pass_by(59) == []
    assert grace.forget(b"b")
    assert grace.pass_by(1) == [b"a"]
    # Of a list that is empty an accident is more likely.
    grace = Grace(0)
    grace.begin(b"a")
    grace.hear(is_empty=True)
    assert grace.pass_by(EMPTY_GRACE_S - 1) == []
    grace.hear(is_empty=False)
    assert grace.pass_by(0) == [b"a"]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Held, Metainfo]:
    tree = tmp_path / "made" / "tree"
    (tree / "inner").mkdir(parents=True)
    (tree / "one").write_bytes(os.urandom(100))
    (tree / "inner" / "two").write_bytes(os.urandom(200))
    metainfo = create(tree, CreateOptions(trackers=(("http://t.example/announce",),)))
    return Held.of(Offer("key", "tree", published_at=5), metainfo), metainfo


def test_content_is_put_aside_and_back_with_what_lies_between(
    made: tuple[Held, Metainfo], tmp_path: Path
):
    held, metainfo = made
    folder = tmp_path / "made"
    placement = Placement(folder)
    (folder / "tree" / "mine").write_text("foreign")
    placed = placement.look(held, metainfo.info)
    assert placed is not None
    placement.put_aside(held, metainfo)
    assert not (folder / "tree").exists()
    assert placement.unfinished() == [held.infohash]
    # The run ended here: what was whole is back.
    placement.bring_back(held, metainfo.info)
    again = placement.look(held, metainfo.info)
    assert again is not None
    assert again.fingerprint == placed.fingerprint
    assert not (folder / OWN_FOLDER).exists()
    # Replaced by other content, its own files go, and foreign ones come back.
    placement.put_aside(held, metainfo)
    (folder / "tree").mkdir()
    placement.clear_aside(held.infohash)
    assert [path.name for path in (folder / "tree").iterdir()] == ["mine"]
    assert not (folder / OWN_FOLDER).exists()


@pytest.mark.parametrize("group", ["..", "a/b", "", OWN_FOLDER, "."])
def test_no_name_of_a_publisher_leads_out_of_the_folder(
    group: str, made: tuple[Held, Metainfo], tmp_path: Path
):
    _, metainfo = made
    other = Held.of(Offer("key", "tree", group=group), metainfo)
    folder = tmp_path / "made"
    if group == OWN_FOLDER:
        with pytest.raises(FormatError):
            Placement(folder).check(other, metainfo.info)
        return
    Placement(folder).check(other, metainfo.info)
    target = Placement(folder).target(other)
    assert target == folder if not group else target.parent == folder


def test_holdings_outlive_their_process_and_damage(made: tuple[Held, Metainfo], tmp_path: Path):
    held, metainfo = made
    state = tmp_path / "state"
    holdings = Holdings(state)
    holdings.begin(held, metainfo)
    holdings.keep_note("a", "b")
    holdings.close()
    holdings = Holdings(state)
    assert holdings.all() == [held]
    assert holdings.note("a") == "b"
    assert holdings.original(held.infohash) == metainfo
    (state / "originals" / f"{held.infohash.hex()}.torrent").write_bytes(b"d4:infoi1ee")
    assert holdings.original(held.infohash) is None
    holdings.end(held.infohash)
    assert holdings.all() == []
    # Folders that somebody removed are made again.
    shutil.rmtree(state)
    holdings.begin(held, metainfo)
    assert holdings.original(held.infohash) == metainfo
    holdings.close()


class Hostile:
    """A publisher that says what the test wants, and tells of changes when it is told to."""

    def __init__(self) -> None:
        self.answer: object = {}
        self.status = 200
        self.changed = threading.Event()
        self.asked: list[str] = []
        self.streams = self.events = 0
        self.is_restless = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if "/events" in self.path:
                    self._stream()
                    return
                if "/sidecars" in self.path:
                    # A tracker alone has nothing beside content.
                    self.send_error(404)
                    return
                outer.asked.append(self.path)
                answer = outer.answer
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_PUT(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.do_GET()

            def _stream(self) -> None:
                outer.streams += 1
                self.send_response(200)
                self.end_headers()
                while not outer.is_over:
                    if outer.is_restless:
                        outer.events += 1
                        self.wfile.write(b'event: listing\ndata: {"at": 1}\n\n')
                    elif outer.changed.wait(0.05):
                        outer.changed.clear()
                        self.wfile.write(b'event: listing\ndata: {"at": 1}\n\n')
                    else:
                        self.wfile.write(b": still here\n\n")

            def log_message(self, *_: object) -> None:
                pass

        self.is_over = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def lists(self, *names: str, revision: str) -> None:
        rows = [
            {"infohash": name * 40, "name": name, "length": 1, "torrent_url": "x"} for name in names
        ]
        self.answer = {"torrents": rows, "matched": len(rows), "next": None, "revision": revision}

    def change(self) -> None:
        self.changed.set()

    def close(self) -> None:
        self.is_over = True
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextmanager
def followed(publisher: Hostile) -> Iterator[tuple[list[Listing], list[OutpourError]]]:
    """What a source tells and complains of while it follows."""
    told: list[Listing] = []
    wrong: list[OutpourError] = []
    ended = threading.Event()
    source = PublisherSource(publisher.url, DIRECT)
    follow = threading.Thread(target=source.follow, args=(told.append, wrong.append, ended))
    follow.start()
    try:
        yield told, wrong
    finally:
        ended.set()
        publisher.close()
        follow.join(100)
    assert not follow.is_alive()


def test_a_publisher_is_followed_by_its_events_and_garbage_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(publisher_source, "PAUSE_S", 0.01)
    monkeypatch.setattr(publisher_source, "PACE_S", 0.0)
    # It looks when it is told to, and not because this thread got no turn for two seconds.
    monkeypatch.setattr(publisher_source, "AGAIN_S", 600.0)
    monkeypatch.setattr(publisher_source, "QUIET_S", 600.0)
    publisher = Hostile()
    publisher.lists("a", "b", revision="1")
    with followed(publisher) as (told, wrong):
        wait_for(lambda: told, what="the list")
        assert told[0].is_whole
        assert {offer.name for offer in told[0].offers.values()} == {"a", "b"}
        # One more is found by one small question.
        publisher.asked.clear()
        publisher.lists("a", "b", "c", revision="2")
        publisher.change()
        wait_for(lambda: len(told) > 1, what="one more")
        assert [offer.name for offer in told[1].offers.values()] == ["c"]
        assert not told[1].is_whole
        assert len([path for path in publisher.asked if "/torrents?" in path]) == 1
        # One less is found by going through all.
        publisher.lists("a", "c", revision="3")
        publisher.change()
        wait_for(lambda: len(told) > 2, what="one less")
        assert told[2].is_whole
        assert len(told[2].offers) == 2
        for garbage in (b"<html>", b"{", {"torrents": 5}, {"torrents": [{"infohash": "x"}]}):
            publisher.answer = garbage
            before = len(wrong)
            publisher.change()
            wait_for(lambda: len(wrong) > before, what=f"a complaint of {garbage!r}")  # noqa: B023
        assert len(told) == 3
        assert all("\n" not in error.message for error in wrong)


@pytest.mark.parametrize(
    ("status", "wrong"),
    [
        (304, b""),
        (200, {"torrents": [], "next": "http://[", "revision": "x"}),
        (200, {"torrents": [], "next": "\ud800", "revision": "x"}),
        (200, {"torrents": [], "matched": 1 << 70, "revision": "x"}),
        (200, b"[" * 100_000),
    ],
)
def test_a_publisher_that_answers_what_nobody_asked_is_asked_again_over_one_stream(
    monkeypatch: pytest.MonkeyPatch, status: int, wrong: object
):
    monkeypatch.setattr(publisher_source, "PAUSE_S", 0.01)
    monkeypatch.setattr(publisher_source, "PAUSE_S_MAX", 0.01)
    publisher = Hostile()
    publisher.status, publisher.answer = status, wrong
    with followed(publisher) as (told, complaints):
        wait_for(lambda: len(complaints) > 5 and publisher.streams, what="complaints")
        assert not told
        assert publisher.streams == 1
        publisher.status = 200
        publisher.lists("a", revision="1")
        wait_for(lambda: told, what="the list, once it is one")
        assert told[0].is_whole


def test_a_list_that_changes_without_end_is_looked_at_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(publisher_source, "PACE_S", 600.0)
    publisher = Hostile()
    publisher.lists("a", revision="1")
    publisher.is_restless = True
    with followed(publisher):
        wait_for(lambda: publisher.events > 20_000, what="events")
        # All of it at first, and the newest at the first change.
        assert len(publisher.asked) <= 2


def test_no_number_and_no_letter_of_a_publisher_is_too_much_for_what_is_written_down(
    made: tuple[Held, Metainfo], tmp_path: Path
):
    _, metainfo = made
    odd = "\ud800" * 200
    publisher = Hostile()
    publisher.answer = {
        "torrents": [
            {"infohash": "a" * 40, "created": 1 << 70, "name": odd, "group": odd, "licence": odd,
             "torrent_url": odd, "torrent_tag": odd, "about_tag": odd},
        ],
        "revision": odd,
    }  # fmt: skip
    holdings = Holdings(tmp_path / "state")
    with followed(publisher) as (told, _):
        wait_for(lambda: told, what="the list")
    (offer,) = told[0].offers.values()
    held = Held.of(offer, metainfo)
    holdings.begin(held, metainfo)
    holdings.told.put(held.infohash, ToldWords(offer.about_tag or "", None, b""))
    assert [one.infohash for one in holdings.all()] == [held.infohash]
    holdings.close()


def test_a_page_in_place_of_a_file_beside_content_replaces_nothing(
    made: tuple[Held, Metainfo], tmp_path: Path
):
    folder, told = tmp_path / "mirror", list[Event]()
    folder.mkdir()
    readme = folder / "README.md"
    held = HeldTorrents()
    held.put(made[0])

    async def follow() -> None:
        holdings = Holdings(tmp_path / "state")
        copies = SidecarCopies(
            folder, holdings, held, 0, Beside(SidecarTable(), []), told.append, delete=True
        )
        run = asyncio.ensure_future(copies.run())

        def hear(tag: str, raw: bytes) -> None:
            offered = OfferedFile("README.md", 5, tag, "README.md")
            copies.hear([offered], lambda _: raw, is_empty=False)

        hear("1", b"first")
        await until(readme.exists, what="the file")
        for wrong in (b"<html>not here</html>", b""):
            told.clear()
            hear("2", wrong)
            await until(lambda: told, what="a complaint")
            assert "is listed with 5" in str(told[0])
            assert readme.read_bytes() == b"first"
        hear("2", b"after")
        await until(lambda: readme.read_bytes() == b"after", what="the new file")
        # Names that nobody can have are no word on what there is no longer.
        copies.is_in_touch = True
        copies.hear([OfferedFile("\ud800", 5, "3", "x")], lambda _: b"", is_empty=False)
        await until(lambda: holdings.files()[0].missing_s is not None, what="a count")
        assert readme.exists()
        run.cancel()
        await asyncio.wait([run])
        holdings.close()

    asyncio.run(follow())


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ({"state": "no", "why": "a\nb"}, r"not registered: a\x0ab"),
        ({"state": "no", "why": "x" * 100_000}, "not registered: " + "x" * WHY_MAX),
        ({"state": ["counted"], "why": 5}, "not registered: the publisher does not say why"),
    ],
)
def test_whatever_a_publisher_says_of_a_registration_is_one_line(
    said: object, line: str, tmp_path: Path
):
    token, told = tmp_path / "token", list[Event]()
    token.write_text("0123456789abcdef")

    async def nothing() -> None:
        pass

    async def register(url: str) -> None:
        job: Any = SimpleNamespace(begun=nothing, whole=frozenset)
        mirror = Registration(url, token, DIRECT, "http://m.example/", 6881, job, told.append)
        run = asyncio.ensure_future(mirror.run())
        await until(lambda: told, what="a word")
        run.cancel()
        await asyncio.wait([run])

    publisher = Hostile()
    publisher.answer = said
    try:
        asyncio.run(register(publisher.url))
    finally:
        publisher.close()
    assert [str(event) for event in told] == [line]


def test_what_is_tried_at_once_again_waits_longer_should_it_fail(monkeypatch: pytest.MonkeyPatch):
    now = [0.0]
    monkeypatch.setattr("outpour.mirror.put_off.time.monotonic", lambda: now[0])
    waiting = PutOff[str]()
    waiting.fail("a")
    assert waiting.waits("a")
    waiting.hasten()
    assert not waiting.waits("a")
    # It is known that it failed, so that it is not said anew.
    assert "a" in waiting
    waiting.fail("a")
    now[0] = AGAIN_S + 1
    assert waiting.waits("a")


def test_a_follower_whose_thread_fails_ends_and_does_not_go_deaf(
    monkeypatch: pytest.MonkeyPatch,
):
    async def nothing(*_: object) -> None:
        pass

    class Broken:
        def follow(self, *_: object) -> None:
            raise ZeroDivisionError

    async def choose(_: Follower) -> Any:
        return Broken()

    async def follow() -> None:
        job: Any = SimpleNamespace(begun=nothing, held={})
        magnets: Any = SimpleNamespace(close=nothing)
        unused: Any = None
        follower = Follower(
            unused, unused, job, unused, magnets, unused, unused, lambda _: None
        )  # fmt: skip
        with pytest.raises(ZeroDivisionError):
            await within(60, follower.run())

    monkeypatch.setattr(Follower, "_choose", choose)
    asyncio.run(follow())
