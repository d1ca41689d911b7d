"""Ranges one after the other on one connection: what is kept between two, and what is not."""

from __future__ import annotations

import asyncio
import http.client
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from outpour.making.walker import walk
from outpour.publisher.file_identities import FileIdentities
from outpour.web import guarded_protocol, held_files
from outpour.web.content import open_published
from outpour.web.content_request import is_content_request
from outpour.web.contract import ContentRoot
from outpour.web.held_files import HeldFiles
from outpour.web.limits import FILES_HELD
from tests.waiting import wait_for

from .conftest import FakeView, Site, read_until

Ask = Callable[[str], tuple[int, bytes]]
RANGE = b"GET /content/x HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\n\r\n"
ANNOUNCE = b"GET /announce?info_hash=x HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def ask(site: Site) -> Iterator[Ask]:
    """Ask for a range on one connection, which must never be closed."""
    connection = http.client.HTTPConnection(site.host, site.port, timeout=60)
    connection.connect()
    first = connection.sock

    def run(path: str) -> tuple[int, bytes]:
        connection.request("GET", f"/content/{path}", headers={"range": "bytes=0-1"})
        answer = connection.getresponse()
        raw = answer.read()
        assert connection.sock is first
        return answer.status, raw if answer.status == 206 else b""

    yield run
    connection.close()


@pytest.fixture
def folder(view: FakeView, tmp_path: Path) -> Path:
    """A published folder whose files are those that were hashed."""
    infohash = view.publish("set", {"a/x.bin": b"11111", "b.bin": b"22222"}, tmp_path)
    folder = tmp_path / "set"
    view.identities[infohash] = FileIdentities(walk(folder).entries, is_folder=True).holds
    return folder


def replace_file(folder: Path) -> None:
    (folder / "new").write_bytes(b"99999")
    (folder / "new").replace(folder / "a/x.bin")


def replace_with_the_same_time(folder: Path) -> None:
    before = (folder / "a/x.bin").stat()
    replace_file(folder)
    os.utime(folder / "a/x.bin", ns=(before.st_atime_ns, before.st_mtime_ns))


def truncate(folder: Path) -> None:
    os.truncate(folder / "a/x.bin", 3)


def overwrite(folder: Path) -> None:
    with (folder / "a/x.bin").open("r+b") as file:
        file.write(b"9")
    os.utime(folder / "a/x.bin", ns=(1, 1))


def remove(folder: Path) -> None:
    (folder / "a/x.bin").unlink()


def link_file_out(folder: Path) -> None:
    outside = folder.parent / "outside"
    # The very file, so that nothing but the link speaks against it.
    outside.hardlink_to(folder / "a/x.bin")
    (folder / "a/x.bin").unlink()
    (folder / "a/x.bin").symlink_to(outside)


def link_folder_out(folder: Path) -> None:
    (folder / "a").rename(folder.parent / "outside")
    (folder / "a").symlink_to(folder.parent / "outside")


def move_folder(folder: Path) -> None:
    (folder / "a").rename(folder / "c")


@pytest.mark.parametrize(
    "change",
    [
        replace_file, replace_with_the_same_time, truncate, overwrite, remove, link_file_out,
        link_folder_out, move_folder,
    ],
)  # fmt: skip
def test_a_file_that_changed_between_two_requests_is_not_served(
    folder: Path, ask: Ask, change: Callable[[Path], None]
):
    for _ in range(3):
        assert ask("set/a/x.bin") == (206, b"11")
    change(folder)
    assert ask("set/a/x.bin")[0] == 404
    assert ask("set/b.bin") == (206, b"22")


def test_what_was_replaced_and_is_as_it_should_be_is_served_anew(
    view: FakeView, ask: Ask, tmp_path: Path
):
    view.publish("x", b"11111", tmp_path)
    assert ask("x") == (206, b"11")
    (tmp_path / "new").write_bytes(b"22222")
    (tmp_path / "new").replace(tmp_path / "x")
    assert ask("x") == (206, b"22")


def test_a_link_that_stays_inside_is_followed_to_where_it_leads_now(
    view: FakeView, site: Site, ask: Ask, tmp_path: Path
):
    view.publish("set", {"x": b"11111", "y": b"22222"}, tmp_path)
    for name in ("x", "y"):
        (tmp_path / "set" / name).rename(tmp_path / "set" / f"real-{name}")
    (tmp_path / "set/x").symlink_to("real-x")
    assert [ask("set/x"), ask("set/x")] == [(206, b"11")] * 2
    (tmp_path / "set/x").unlink()
    (tmp_path / "set/x").symlink_to("real-y")
    assert ask("set/x") == (206, b"22")
    assert len(site.app.state.context.content._files) == 0


def test_a_torrent_withdrawn_between_two_requests_is_not_served(
    view: FakeView, site: Site, ask: Ask, tmp_path: Path
):
    infohash = view.publish("x", b"11111", tmp_path)
    assert [ask("x"), ask("x")] == [(206, b"11")] * 2
    content = view.contents.pop(infohash)
    assert ask("x")[0] == 404
    view.contents[infohash] = content
    assert ask("x") == (206, b"11")
    site.on_loop(lambda: view.torrents.pop(infohash))
    assert ask("x")[0] == 404


def opened_in(held: HeldFiles, root: ContentRoot, *names: str) -> list[bytes | None]:
    async def run() -> list[bytes | None]:
        found = []
        for name in names:
            file = await held.open(root, (name,))
            found.append(None if file is None else os.pread(file.fileno(), 9, 0))
            if file is not None:
                file.close()
        return found

    return asyncio.run(run())


def test_no_more_files_are_held_than_there_is_room_for_and_none_for_long(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(held_files, "HELD_S", 0.05)
    root = ContentRoot(tmp_path, tmp_path, lambda *_: True)
    held = HeldFiles(open_published)
    for number in range(FILES_HELD + 9):
        (tmp_path / f"{number}").write_text("1")
        file = site.call(held.open(root, (f"{number}",)))
        assert file is not None
        file.close()
        assert len(held) <= FILES_HELD
    # It is closed after it was forgotten, in one turn of the loop.
    wait_for(lambda: site.on_loop(lambda: not len(held)), what="nothing held")
    assert not [name for name in descriptors() if str(tmp_path) in name]
    assert held._timer is None


def descriptors() -> list[str]:
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        # Another thread may have closed it since.
        with suppress(FileNotFoundError):
            found.append(str(entry.readlink()))
    return found


def test_where_a_look_takes_long_nothing_is_held_for_a_while(tmp_path: Path):
    (tmp_path / "x").write_bytes(b"1")
    root = ContentRoot(tmp_path, tmp_path, lambda *_: True)
    times, beside = [0.0], []

    def open_file(root: ContentRoot, inner: tuple[str, ...]) -> BinaryIO | None:
        beside.append(inner)
        return open_published(root, inner)

    def clock() -> float:
        times[0] += step[0]
        return times[0]

    step = [0.0]
    held = HeldFiles(open_file, clock)
    assert opened_in(held, root, "x", "x") == [b"1", b"1"]
    assert len(beside) == 1
    step[0] = 1.0
    assert opened_in(held, root, "x") == [b"1"]
    assert (len(beside), len(held)) == (2, 0)
    step[0] = 0.0
    assert opened_in(held, root, "x", "x") == [b"1", b"1"]
    assert (len(beside), len(held)) == (4, 0)
    times[0] += 60
    assert opened_in(held, root, "x", "x", "x") == [b"1", b"1", b"1"]
    assert (len(beside), len(held)) == (5, 1)
    held.close()


@pytest.mark.parametrize(
    ("root", "fence", "inner", "way"),
    [
        ("/c/x", None, (), ("/c/x",)),
        ("/c/x", "/c", (), ("/c/x",)),
        ("/c/x", "/c/x", ("a", "b"), ("/c/x/a", "/c/x/a/b")),
        ("/c/x", "/", ("a",), ("/c", "/c/x", "/c/x/a")),
        ("x", ".", ("a",), ("x", "x/a")),
        (".", ".", ("a",), ("a",)),
        ("/c/x", "c", ("a",), ()),
        ("/cx", "/c", ("a",), ()),
        ("/c/../x", "/c", ("a",), ()),
        ("/c/x", ".", ("a",), ()),
    ],
)
def test_the_way_to_a_file_is_told_by_how_it_is_written(
    root: str, fence: str | None, inner: tuple[str, ...], way: tuple[str, ...]
):
    content = ContentRoot(Path(root), None if fence is None else Path(fence), lambda *_: True)
    assert held_files._way(content, inner) == way


@pytest.mark.parametrize(
    ("held", "is_it"),
    [
        (RANGE, True),
        (b"GET /KEY/content/x HTTP/1.1\n", True),
        (b"GET /content/announcement/x?announce HTTP/1.1\r\n", True),
        (RANGE[:20], False),
        (b"", False),
        (b"\r\n" + RANGE, False),
        (b"GET /content HTTP/1.1\r\n", False),
        (b"GET /content/x HTTP/1.0\r\n", False),
        (b"POST /content/x HTTP/1.1\r\n", False),
        (b"GET http://h/content/x HTTP/1.1\r\n", False),
        (b"GET /content/a b HTTP/1.1\r\n", False),
        (b"GET /?/content/ HTTP/1.1\r\n", False),
        (b"GET /content/announce HTTP/1.1\r\n", False),
        (b"GET /content/announce.php?x=1 HTTP/1.1\r\n", False),
        (b"GET /content//scrape// HTTP/1.1\r\n", False),
        (ANNOUNCE, False),
    ],
)
def test_a_request_for_content_is_told_by_a_whole_line_that_is_nobody_elses(
    held: bytes, is_it: bool
):
    assert is_content_request(held) is is_it


class Accepted:
    """A connection that somebody accepted, handed over, and has back or not."""

    def __init__(self, site: Site) -> None:
        self.back: list[tuple[int, bytes]] = []
        site.server._give_back = lambda *given: self.back.append(given)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname(), timeout=60)
            server, _ = listener.accept()
        descriptor = server.detach()
        site.on_loop(lambda: site.server.adopt(descriptor, RANGE))
        read_until(self.client, b"\r\n\r\n1111")

    def ask(self, raw: bytes) -> None:
        self.client.sendall(raw)

    def returned(self) -> bytes:
        """What came back with the connection, and after it."""
        wait_for(lambda: bool(self.back), what="the connection back")
        ((descriptor, read),) = self.back
        with socket.socket(fileno=descriptor) as server:
            server.setblocking(False)
            try:
                return read + server.recv(1 << 16)
            except BlockingIOError:
                return read

    def close(self) -> None:
        self.client.close()


@pytest.fixture
def accepted(
    view: FakeView, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Accepted]:
    # It goes back for what is asked on it, and not because this thread got no turn for so long.
    monkeypatch.setattr(guarded_protocol, "HOLD_S", 600)
    view.publish("x", b"11111", tmp_path)
    accepted = Accepted(site)
    yield accepted
    accepted.close()


def test_a_connection_goes_on_with_content_and_goes_back_with_all_else(accepted: Accepted):
    for _ in range(3):
        accepted.ask(RANGE)
        read_until(accepted.client, b"\r\n\r\n1111")
    assert not accepted.back
    accepted.ask(ANNOUNCE)
    assert accepted.returned() == ANNOUNCE


def test_requests_in_one_packet_are_answered_up_to_the_first_that_is_for_others(
    accepted: Accepted,
):
    accepted.ask(RANGE * 3 + ANNOUNCE + RANGE)
    answers = b""
    while answers.count(b"\r\n\r\n1111") < 3:
        answers += accepted.client.recv(1 << 16)
    assert accepted.returned() == ANNOUNCE + RANGE


@pytest.mark.parametrize("part", [RANGE[:10], b"\r\n", b"\x16\x03\x01"])
def test_what_is_no_whole_line_goes_back_to_whoever_judges_it(accepted: Accepted, part: bytes):
    accepted.ask(part)
    assert accepted.returned() == part


def test_a_request_whose_end_is_late_is_waited_for(accepted: Accepted):
    line = RANGE.index(b"\n") + 1
    accepted.ask(RANGE[:line])
    accepted.ask(RANGE[line:])
    read_until(accepted.client, b"\r\n\r\n1111")
    assert not accepted.back


def test_one_whose_end_never_comes_is_cut_off(accepted: Accepted, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(guarded_protocol.GuardedProtocol, "request_s", 0.1)
    accepted.ask(RANGE[:-2])
    assert accepted.client.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_an_idle_connection_goes_back(
    view: FakeView, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(guarded_protocol, "HOLD_S", 0.05)
    view.publish("x", b"11111", tmp_path)
    accepted = Accepted(site)
    assert accepted.returned() == b""
    wait_for(lambda: site.server.connection_count == 0)
    accepted.close()


def test_an_idle_connection_that_makes_room_goes_back(accepted: Accepted, site: Site):
    (connection,) = site.server._state.connections
    # Its last byte is here before the answer is over there.
    wait_for(lambda: connection._is_held, what="its end")  # type: ignore[union-attr]
    site.on_loop(connection.evict)  # type: ignore[union-attr]
    assert accepted.returned() == b""
