"""A publisher's job with its tracker, and a seeder that says what the test wants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outpour.base.errors import WriteError
from outpour.base.event import Event
from outpour.making.verifier import Report, verify
from outpour.publisher import publish_events
from outpour.publisher.copy_places import CopyPlaces
from outpour.publisher.made import MadeTorrents
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_job import PublisherJob
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.published_view import PublishedView
from outpour.publisher.sidecar_table import SidecarTable
from outpour.publisher.torrent_of_entry import Torrents
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from outpour.web.contract import ContentRoot
from tests.waiting import until


class Asked:
    """Stands for the seeder and for its listing, and notes what is asked of them."""

    def __init__(self) -> None:
        self.held: set[bytes] = set()
        self.faults: dict[bytes, str] = {}
        self.notes: list[str] = []
        self.asked: list[str] = []

    def add_all(self, torrents: Any) -> list[str]:
        self.held |= {metainfo.info.infohash for metainfo, _ in torrents}
        return []

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self.held

    def news(self) -> tuple[list[str], dict[bytes, str]]:
        found = self.notes, self.faults
        self.notes, self.faults = [], {}
        return found

    def call(self, infohash: bytes, peers: Any) -> int:
        return 0

    def add(self, publication: Any) -> None:
        self.asked.append(f"add {publication.name}")

    def remove(self, what: Any) -> None:
        self.held.discard(what)
        if not isinstance(what, bytes):
            self.asked.append(f"remove {what.name}")

    def rest(self, infohash: bytes) -> None:
        self.asked.append("rest")

    def go_on(self, infohash: bytes) -> None:
        self.asked.append("go on")

    def turn(self) -> None:
        self.asked.append("turn")

    def close(self) -> None:
        self.asked.append("close")


@pytest.fixture
def content(tmp_path: Path) -> Path:
    folder = tmp_path / "content"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / name).write_bytes(name.encode() * 1000)
    return folder


@pytest.fixture
def tracker() -> Iterator[TrackerService]:
    service = TrackerService(TrackerSettings(listen=("127.0.0.1:0",), workers=1))
    service.start()
    yield service
    service.stop()


class Run:
    """A job that runs for as long as a scenario."""

    def __init__(self, content: Path, tracker: TrackerService) -> None:
        self.seeder, self.listing = Asked(), Asked()
        self.published = PublishedTorrents()
        self.told: list[Event] = []
        self.job: PublisherJob | None = None
        self._content = content
        self._tracker = tracker

    def __call__(self, scenario: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            made = MadeTorrents(self._content.parent / "state")
            options = PublishOptions((self._content,))
            bases = CopyPlaces((), self._content.parent / "web-seeds.json")
            torrents = Torrents(made, options, PublicUrls("http://127.0.0.1:1", None), bases)
            seeder: Any = self.seeder
            listing: Any = self.listing
            job = PublisherJob(
                options,
                torrents,
                self._tracker,
                seeder,
                listing,
                self.published,
                SidecarTable(),
                self.told.append,
            )
            self.job = job
            running = asyncio.ensure_future(job.run())
            try:
                await asyncio.wait_for(scenario(), 60)
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                made.close()

        asyncio.run(main())

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


@pytest.fixture
def run(content: Path, tracker: TrackerService) -> Run:
    return Run(content, tracker)


def test_content_that_the_seeder_cannot_read_is_withdrawn_and_the_reason_told(
    run: Run, content: Path
):
    async def scenario() -> None:
        await until(lambda: len(run.seeder.held) == 2)
        publication = run.published.at(content / "a")
        assert publication is not None
        run.seeder.notes = ["`http://x/`: timed out; trying again"]
        run.seeder.faults = {publication.infohash: "`a`: input/output error"}
        await until(lambda: run.of(publish_events.Skipped))

    run(scenario)
    (withdrawn,) = run.of(publish_events.Withdrawn)
    (skipped,) = run.of(publish_events.Skipped)
    assert (withdrawn.name, withdrawn.why) == ("a", "its content cannot be read")
    assert (skipped.name, skipped.message) == ("a", "`a`: input/output error")
    assert [note.message for note in run.of(publish_events.Noted)] == [
        "`http://x/`: timed out; trying again"
    ]
    assert len(run.seeder.held) == 1


def test_the_seeder_is_listed_for_what_is_published_and_no_longer_for_what_is_withdrawn(
    run: Run, content: Path
):
    async def scenario() -> None:
        await until(lambda: len(run.seeder.held) == 2)
        await until(lambda: {"add a", "add b", "turn"} <= {*run.listing.asked})
        (content / "b").unlink()
        await until(lambda: "remove b" in run.listing.asked)

    run(scenario)
    assert "remove a" not in run.listing.asked
    assert run.listing.asked[-1] == "close"
    assert run.seeder.asked[-1] == "close"


def test_torrents_that_had_no_room_on_the_disk_are_written_at_the_end_at_the_latest(
    run: Run, content: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> Path:
        raise WriteError("`state`: no space left on device")

    async def scenario() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(Torrents, "keep", full)
            await until(lambda: len(run.seeder.held) == 2)

    run(scenario)
    written = (content.parent / "state" / "torrents").iterdir()
    assert sorted(path.name for path in written) == ["a.torrent", "b.torrent"]


def test_torrents_of_what_was_deleted_while_nothing_ran_go_at_the_start(
    run: Run, content: Path, tracker: TrackerService
):
    async def whole() -> None:
        await until(lambda: len(run.seeder.held) == 2)

    torrents = content.parent / "state" / "torrents"
    run(whole)
    assert {path.name for path in torrents.iterdir()} == {"a.torrent", "b.torrent"}
    (content / "b").unlink()
    again = Run(content, tracker)

    async def rest() -> None:
        await until(lambda: len(again.seeder.held) == 1)

    again(rest)
    assert {path.name for path in torrents.iterdir()} == {"a.torrent"}


def test_torrents_stay_while_the_disk_of_their_content_is_not_there(
    run: Run, content: Path, tracker: TrackerService
):
    async def whole() -> None:
        await until(lambda: len(run.seeder.held) == 2)

    run(whole)
    content.rename(content.parent / "away")
    content.mkdir()
    again = Run(content, tracker)

    async def empty() -> None:
        await until(lambda: again.of(publish_events.Settled))

    again(empty)
    torrents = content.parent / "state" / "torrents"
    assert {path.name for path in torrents.iterdir()} == {"a.torrent", "b.torrent"}


def test_content_is_not_given_out_while_it_is_compared_with_its_torrent(
    run: Run, content: Path, tracker: TrackerService, monkeypatch: pytest.MonkeyPatch
):
    seen: list[ContentRoot | None] = []
    view = PublishedView(tracker, run.published, follows_links=False)

    def look(metainfo: Metainfo, *rest: Any, **how: Any) -> Report:
        seen.append(view.content(metainfo.info.infohash))
        return verify(metainfo, *rest, **how)

    monkeypatch.setattr("outpour.publisher.verification_queue.verify", look)

    async def scenario() -> None:
        await until(lambda: len(run.seeder.held) == 2)
        publication = run.published.at(content / "a")
        assert publication is not None
        assert run.job is not None
        run.job.verifications.begin(publication)
        await until(lambda: run.of(publish_events.Noted))
        assert view.content(publication.infohash) is not None

    run(scenario)
    assert seen == [None]
