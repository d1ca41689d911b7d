"""A part of a publisher that ends, ends the whole: nothing is served that nobody keeps up."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from outpour.publisher.folder_changes import Watch
from outpour.publisher.hooks import Hooks
from outpour.publisher.introductions import Introductions
from outpour.publisher.making_lanes import MakingLanes
from outpour.publisher.publish_job import PublisherJob
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.published_view import PublishedView
from outpour.publisher.run import publish
from outpour.publisher.self_listing import SelfListing
from outpour.tracker.service import TrackerService
from outpour.tracker.settings import TrackerSettings
from tests.test_service import announce, exchange, pollers
from tests.waiting import wait_for

pytest.importorskip("libtorrent", reason="the peer engine has no wheel for this Python")


@pytest.fixture
def options(tmp_path):
    content = tmp_path / "content"
    content.mkdir()
    (content / "a.txt").write_text("content")
    return PublishOptions((content,), listen="127.0.0.1:0", state=tmp_path / "state", peer_port=0)


async def broken(*_: Any) -> None:
    raise LookupError("lost")


def broken_at_once(*_: Any) -> None:
    raise LookupError("lost")


@pytest.mark.parametrize(
    ("part", "work", "fault"),
    [
        (PublisherJob, "_follow", broken),
        (PublisherJob, "_hear_seeder", broken_at_once),
        (Introductions, "turn", broken_at_once),
        (SelfListing, "turn", broken_at_once),
        (MakingLanes, "run", broken),
        (Watch, "run", broken),
        (Hooks, "run", broken),
        (TrackerService, "_turns", broken),
    ],
)
def test_a_part_of_a_publisher_that_ends_ends_it_with_what_went_wrong(
    options, part, work, fault, monkeypatch
):
    monkeypatch.setattr(part, work, fault)
    with pytest.raises(LookupError, match="lost"):
        publish(options, lambda _: None)
    assert not (options.state / "lock").exists()


def test_a_publication_is_as_ill_as_its_tracker():
    before = pollers()
    service = TrackerService(TrackerSettings(listen=("127.0.0.1:0",), workers=1))
    service.start()
    try:
        view = PublishedView(service, PublishedTorrents(), follows_links=False)
        assert view.fault() is None
        (poller,) = pollers() - before
        exchange(poller)
        # It waits at the old descriptor, and has to be woken up once unless it woke by itself.
        with suppress(OSError):
            announce(service, b"a" * 20, 1)
        wait_for(view.fault, what="fault")
    finally:
        service.stop()
