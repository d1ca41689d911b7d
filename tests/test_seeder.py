"""The publisher's seeder: what reaches the peer engine, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outpour.engine import ContentFault, TrackerAnswered, TrackerFailed
from outpour.making.maker import CreateOptions, create
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.seeder import Seeder

URL = "http://127.0.0.1:1/announce"


def options(**more: Any) -> PublishOptions:
    return PublishOptions((Path("/content"),), peer_port=0, **more)


@pytest.fixture
def seeder() -> Iterator[Seeder]:
    made = Seeder(options(extra_trackers=(URL,)), ["127.0.0.1"])
    yield made
    made.close()


def test_what_is_asked_of_the_seeder_reaches_theengine():
    asked = options(
        bind=("127.0.0.5",), upload_rate=1_000_000, torrent_upload_rate=100_000, connections=7
    )
    seeder = Seeder(asked, ["127.0.0.1"])
    try:
        settings = seeder.engine._settings
        assert (settings.upload_rate, settings.torrent_upload_rate) == (1_000_000, 100_000)
        assert settings.connections == 7
        assert [host for host, _ in seeder.engine.addresses] == ["127.0.0.5"]
        assert not settings.dht | settings.lsd | settings.upnp
        in_force = seeder.engine._open.get_settings()
        assert (in_force["upload_rate_limit"], in_force["connections_limit"]) == (1_000_000, 7)
    finally:
        seeder.close()


def test_a_tracker_that_fails_is_told_once_whatever_the_number_of_torrents(
    seeder: Seeder, monkeypatch: pytest.MonkeyPatch
):
    events: list[Any] = []
    monkeypatch.setattr(seeder.engine, "events", lambda: events)
    fails = [TrackerFailed(bytes([number]) * 20, URL, "timed out", 1) for number in range(5)]
    answers = TrackerAnswered(bytes(20), URL, 0)
    told = []
    for events[:] in ([*fails, *fails], fails, [answers, answers], [answers], fails):
        told += seeder.news()[0]
    assert told == [
        f"`{URL}`: timed out; trying again", f"`{URL}`: answers again",
        f"`{URL}`: timed out; trying again",
    ]  # fmt: skip


def test_content_that_cannot_be_read_is_named_once_a_torrent(
    seeder: Seeder, monkeypatch: pytest.MonkeyPatch
):
    fault = ContentFault(bytes(20), "input/output error", "/content/x", 5)
    monkeypatch.setattr(seeder.engine, "events", lambda: [fault, fault])
    assert seeder.news() == ([], {bytes(20): "`/content/x`: input/output error"})


def test_only_further_trackers_are_told_of_the_seeder(seeder: Seeder, tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"content")
    made = create(path, CreateOptions(trackers=(("http://127.0.0.1:2/announce",), (URL,))))
    assert seeder.add_all([(made, path)]) == []
    (entry,) = seeder.engine._entries.values()
    assert [tracker["url"] for tracker in entry.handle.trackers()] == [URL]
