"""“Why are announces refused since noon?”: a real tracker, real announces, and `/admin` alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outpour.tracker import saver
from tests.waiting import wait_for

from .admin_site import TOKEN
from .running_tracker import OTHER, WANTED, RunningTracker

pytestmark = pytest.mark.live


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningTracker]:
    # How long it rests between two looks at the clock.
    monkeypatch.setattr(saver, "TURN_S", 0.02)
    running = RunningTracker(tmp_path)
    yield running
    running.close()


def test_the_page_says_since_when_and_why_announces_are_refused(
    tracker: RunningTracker, visit_url: Callable[..., Any]
):
    for number in range(13):
        tracker.minute(4, 25, broken=number % 2)
    # It is 12:03, and somebody takes a line out of the list.
    tracker.now += 5
    tracker.allow(WANTED)
    wait_for(lambda: b"failure" in tracker.announce(OTHER, 1), what="a refusal")
    for number in range(7):
        tracker.minute(4, 50, broken=number % 2)

    page = visit_url(tracker.url, "/admin")
    page.fill("#token", TOKEN)
    page.click("text=Log in")
    notice = page.locator(".story")
    notice.wait_for()
    said = r"Since 12:03: 5\d a minute refused, (over )?99 % because the torrent is not tracked"
    assert re.search(said, notice.inner_text())

    notice.get_by_role("link", name="Why?").click()
    page.get_by_role("heading", name="What happened around 12:03").wait_for()
    likely = page.locator(".event.is-likely").first
    assert f"`{tracker.list}`: read again, 1 less, 1 now" in likely.inner_text()
    assert "in that minute" in likely.inner_text()
    assert page.locator(".mark-text").text_content() == "12:03"
    refused = page.locator("section", has=page.locator("#top-torrents")).locator("tbody tr")
    assert OTHER.hex() in refused.first.inner_text()
    assert "torrent not tracked" in refused.first.inner_text()
    clients = page.locator("section", has=page.locator("#top-clients")).locator("tbody tr")
    assert "qBittorrent" in clients.first.inner_text()
    addresses = page.locator("section", has=page.locator("#top-addresses")).locator("tbody tr")
    assert "127.0.0.1" in addresses.first.inner_text()


def test_what_is_over_is_told_with_its_end(tracker: RunningTracker, visit_url: Callable[..., Any]):
    for _ in range(10):
        tracker.minute(2, 0)
    tracker.allow(WANTED)
    wait_for(lambda: b"failure" in tracker.announce(OTHER, 1), what="a refusal")
    for _ in range(4):
        tracker.minute(2, 40)
    tracker.allow(WANTED, OTHER)
    # Each announce until then would be one more refusal.
    wait_for(lambda: tracker.has_told("1 more, 2 now"), what="the list read again")
    wait_for(lambda: b"failure" not in tracker.announce(OTHER, 1), what="an answer")
    for _ in range(6):
        tracker.minute(2, 40)
    page = visit_url(tracker.url, "/admin/refusals")
    page.fill("#token", TOKEN)
    page.click("text=Log in")
    page.get_by_role("heading", name="Refusals").wait_for()
    page.locator(".story").wait_for()
    assert "Next to nothing is refused now" in page.locator("main").inner_text()
    # Some are refused until the list is read again.
    said = r"From 12:00 to 12:0[45]: [34]\d a minute refused, 100 % because the torrent is not"
    assert re.search(said, page.locator(".story").inner_text())
