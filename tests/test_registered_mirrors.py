"""Mirrors that register: counted when their copies are right, named, and dropped when they lie."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from outpour.base.errors import FormatError, NetworkError, ReadError, UsageError
from outpour.base.event import Event
from outpour.base.http_fetch import fetch
from outpour.base.http_route import Route
from outpour.base.public_address import is_public
from outpour.publisher import mirror_copies, registered_mirrors
from outpour.publisher.copies import LookedAfter
from outpour.publisher.copy_places import CopyPlaces
from outpour.publisher.made import MadeTorrents
from outpour.publisher.mirror_tokens import MirrorTokens
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_job import PublisherJob
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.registered_mirrors import RegisteredMirrors, checked_url
from outpour.publisher.self_listing import PeerAddress
from outpour.publisher.sidecar_table import SidecarTable
from outpour.publisher.torrent_of_entry import Torrents
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.web.admin.mirrors_panel import mirrors_panel
from tests.remote_server import Remote, serving
from tests.waiting import until

HERE = "127.0.0.1"
CONTENT = bytes(range(256)) * 200


class Publisher:
    """A publisher of one file, whose mirrors a test makes up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[Event] = []
        self.pinned: list[PeerAddress] = []
        self.now = 1_700_000_000.0
        self.published = PublishedTorrents()

    @property
    def mirrors(self) -> RegisteredMirrors:
        assert self._mirrors is not None
        return self._mirrors

    def state(self) -> str:
        (one,) = self.mirrors.listed()
        return one.state

    def infohash(self) -> bytes:
        return self.published.infohashes()[0]

    def seeds(self) -> tuple[str, ...]:
        file = self._tracker.metainfo_file(self.infohash())
        raw = file.read() if file is not None else None
        assert raw is not None
        return Metainfo.parse(raw).web_seeds

    def register(self, url: str, *, address: str = HERE, port: int = 9) -> None:
        self.mirrors.register("one", address, url, port, [self.infohash()], [])

    def __call__(self, scenario: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            self._tracker = tracker = TrackerService(
                TrackerSettings(listen=(f"{HERE}:0",), workers=1)
            )
            tracker.start()
            content = self.folder / "content"
            made = MadeTorrents(self.folder / "state")
            options = PublishOptions((content,))
            places = CopyPlaces((), self.folder / "web-seeds.json")
            torrents = Torrents(made, options, PublicUrls("http://127.0.0.1:1", None), places)
            self._mirrors = mirrors = RegisteredMirrors(
                MirrorTokens(self.folder / "tokens"),
                self.folder / "mirrors.json",
                self.published,
                self._pin,
                is_near=True,
                clock=lambda: self.now,
                tell=self.told.append,
            )
            torrents.heed(mirrors.bases)
            job = PublisherJob(
                options, torrents, tracker, None, None, self.published, SidecarTable(),
                self.told.append, mirrors,
            )  # fmt: skip
            running = asyncio.ensure_future(job.run())
            try:
                await until(lambda: len(self.published) == 1, what="the content published")
                await scenario()
                assert not running.done(), running
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                made.close()
                tracker.stop()

        asyncio.run(main())

    def _pin(self, places: object) -> None:
        self.pinned = list(places)  # type: ignore[call-overload]


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    monkeypatch.setattr(registered_mirrors, "TURN_S", 0.05)
    monkeypatch.setattr(mirror_copies, "LIE_AGAIN_S", 0.05)
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "disk.img").write_bytes(CONTENT)
    # Nobody waits for content that has held still for long.
    os.utime(tmp_path / "content" / "disk.img", (1_600_000_000, 1_600_000_000))
    (tmp_path / "tokens").write_text("# who may\none 0123456789abcdef\n")
    return Publisher(tmp_path)


@pytest.fixture
def remote() -> Iterator[Remote]:
    with serving() as made:
        made.files["/content/disk.img"] = CONTENT
        yield made


def test_a_mirror_whose_copies_are_right_is_counted_named_and_pinned(
    publisher: Publisher, remote: Remote, tmp_path: Path
):
    port = int(remote.url.rpartition(":")[2].strip("/"))
    seed = f"{remote.url.rstrip('/')}/content/disk.img"

    async def scenario() -> None:
        own = publisher.seeds()
        publisher.register(remote.url, port=port)
        assert publisher.state() == "checking"
        await until(lambda: publisher.seeds() == (*own, seed), what="the copy named")
        assert publisher.state() == "counted"
        await until(lambda: publisher.pinned == [(HERE, port)], what="the mirror pinned")
        panel = mirrors_panel(publisher.mirrors.listed(), publisher.now + 5)
        assert panel is not None
        assert panel.rows == [("one", f"{remote.url}/", "counted", "5 s ago", "1", "1", "yes")]

    publisher(scenario)

    async def after_a_restart() -> None:
        # It stays named, and need not say anything before.
        assert seed in publisher.seeds()
        assert publisher.state() == "counted"

    again = Publisher(tmp_path)
    publisher = again
    again(after_a_restart)


def test_a_mirror_is_remembered_before_anything_names_it(
    publisher: Publisher, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # No turn comes to its aid.
    monkeypatch.setattr(registered_mirrors, "TURN_S", 3600.0)

    async def scenario() -> None:
        own = publisher.seeds()
        publisher.register(remote.url)
        await until(lambda: publisher.seeds() != own, what="the copy named")
        remembered = json.loads((tmp_path / "mirrors.json").read_bytes())
        assert remembered["one"]["state"] == "counted"

    publisher(scenario)


def test_a_mirror_that_lies_is_dropped_and_not_wanted_for_a_day(
    publisher: Publisher, remote: Remote, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registered_mirrors, "SAMPLE_S", 0.1)

    async def scenario() -> None:
        own = publisher.seeds()
        publisher.register(remote.url)
        await until(lambda: publisher.state() == "counted", what="the mirror counted")
        remote.files["/content/disk.img"] = bytes(len(CONTENT))
        await until(lambda: publisher.state() == "lies", what="the mirror dropped")
        await until(lambda: publisher.seeds() == own, what="its copy named no longer")
        assert "has other bytes" in publisher.mirrors.listed()[0].why
        assert publisher.pinned == []
        remote.files["/content/disk.img"] = CONTENT
        with pytest.raises(UsageError, match="gave other bytes"):
            publisher.register(remote.url)
        publisher.now += registered_mirrors.LIES_S
        publisher.register(remote.url)
        await until(lambda: publisher.state() == "counted", what="the mirror counted again")
        # An administrator may forget one at once.
        assert publisher.mirrors.forget("one")
        assert not publisher.mirrors.forget("one")
        await until(lambda: publisher.seeds() == own, what="nothing named")

    publisher(scenario)


def test_a_mirror_that_asks_no_more_is_gone_and_one_that_only_stumbled_stays(
    publisher: Publisher, remote: Remote, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registered_mirrors, "GONE_S", 0.2)

    async def scenario() -> None:
        own = publisher.seeds()
        # The first look meets a server that is busy: nothing is a lie.
        remote.refuse = 1
        publisher.register(remote.url)
        await until(lambda: len(remote.asked) > 0, what="a look")
        assert publisher.state() == "checking"
        publisher.mirrors.forget("one")
        publisher.register(remote.url)
        await until(lambda: publisher.state() == "counted", what="the mirror counted")
        publisher.now += 1
        await until(lambda: publisher.state() == "gone", what="the mirror gone")
        await until(lambda: publisher.seeds() == own, what="its copy named no longer")
        publisher.register(remote.url)
        await until(lambda: publisher.state() == "counted", what="the mirror back")

    publisher(scenario)


def test_nobody_makes_the_publisher_ask_where_only_it_may(publisher: Publisher, remote: Remote):
    async def scenario() -> None:
        # From elsewhere, a private address is somebody else's.
        publisher.register(remote.url, address="192.0.2.7")
        state = publisher.mirrors
        await until(
            lambda: any(copy.state == "missing" for copy in looked(publisher)), what="a look"
        )
        assert remote.asked == []
        assert state.listed()[0].state == "checking"

    publisher(scenario)


def looked(publisher: Publisher) -> list[LookedAfter]:
    copies = publisher.mirrors._copies
    assert copies is not None
    return [copy for found in copies._copies.values() for copy in found]


def test_a_redirect_leads_nowhere_else_either(remote: Remote):
    remote.redirects["/moved"] = remote.url.replace(HERE, "127.0.0.2") + "/content/disk.img"
    near = Route(may_reach=lambda address: address == HERE)
    with pytest.raises(NetworkError, match="not one to be asked"):
        fetch(f"{remote.url}/moved", route=near)
    assert fetch(f"{remote.url}/content/disk.img", route=near).body == CONTENT


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("10.0.0.1", False), ("127.0.0.1", False), ("169.254.169.254", False), ("::1", False),
        ("::ffff:10.0.0.1", False), ("fe80::1%eth0", False), ("2002:0a00:0001::1", False),
        ("224.0.0.1", False), ("100.64.0.1", False), ("", False), ("example.org", False),
    ],
)  # fmt: skip
def test_public_addresses_are_those_of_the_internet(address: str, is_one: bool):
    assert is_public(address) is is_one


@pytest.mark.parametrize(
    "url",
    [
        "", "ftp://a/", "http://", "http://u:p@a/", "http://a/?x", "http://a/#x", "http://a b/",
        "http://a:0/", "http://a:99999/", "http://[::1/", "http://a/{path}", "http://ä/",
        "http://a/" + "x" * 600, "http://a/\n", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_page_is_not_registered(url: str):
    with pytest.raises(UsageError):
        checked_url(url)
    assert checked_url("https://mirror.example.org/files") == "https://mirror.example.org/files/"


def test_tokens_are_followed_and_a_damaged_file_changes_nothing(tmp_path: Path):
    file = tmp_path / "tokens"
    with pytest.raises(ReadError):
        MirrorTokens(file)
    file.write_text("short 0123\n")
    with pytest.raises(FormatError, match="line 1"):
        MirrorTokens(file)
    file.write_text("one 0123456789abcdef\n")
    tokens = MirrorTokens(file)
    assert tokens.name_of("0123456789abcdef") == "one"
    assert tokens.name_of("") is None
    file.write_text("one 0123456789abcdef\ntwo fedcba9876543210\n")
    assert tokens.name_of("fedcba9876543210") == "two"
    file.write_text("broken\n")
    assert tokens.name_of("fedcba9876543210") == "two"
    assert tokens.names() == {"one", "two"}
