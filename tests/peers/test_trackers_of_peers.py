"""What a peer says to trackers, and what it makes of their answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from outpour.engine import Engine, EngineSettings, TrackerFailed, TrackerWarned
from outpour.torrent import bencode
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import TinyTracker, make_torrent, reach

NOT_UTF8 = b"\xff\xfe\x80\xe9"


@pytest.fixture
def trackers() -> Iterator[list[TinyTracker]]:
    made = [TinyTracker() for _ in range(4)]
    yield made
    for tracker in made:
        tracker.close()


@pytest.mark.parametrize("own_content", [True, False])
def test_every_tracker_of_every_tier_is_told(
    own_content: bool, content: Path, trackers: list[TinyTracker]
) -> None:
    made = make_torrent(content)
    urls = [tracker.announce_url for tracker in trackers]
    settings = EngineSettings(listen=("127.0.0.1:0",), own_content=own_content)
    with Engine(settings) as engine:
        engine.add(made, content.parent, mode="seed", trackers=[urls[:2], urls[2:3], urls[3:]])
        for tracker in trackers:
            wait_for(lambda: tracker.peers[made.info.infohash], what="announce")  # noqa: B023


def test_a_tracker_added_by_hand_is_asked_though_another_answers(
    content: Path, tmp_path: Path, trackers: list[TinyTracker], seeder: Engine, engine: Engine
) -> None:
    empty, good = trackers[:2]
    made = make_torrent(content, trackers=[empty.announce_url])
    seeder.add(made, content.parent, mode="seed", trackers=[[good.announce_url]])
    wait_for(lambda: good.peers[made.info.infohash], what="announce")
    key = engine.add(made, tmp_path / "got", trackers=[*made.tiers, (good.announce_url,)])
    reach(engine, key, "seeding")


def test_a_failure_reason_that_is_not_utf8_is_an_event_with_its_bytes_escaped(
    content: Path, tracker: TinyTracker, seeder: Engine
) -> None:
    tracker.extra = {b"failure reason": NOT_UTF8}
    seeder.add(make_torrent(content, trackers=[tracker.announce_url]), content.parent, mode="seed")
    found: list[TrackerFailed] = []

    def has_failed() -> bool:
        found.extend(event for event in seeder.events() if isinstance(event, TrackerFailed))
        return bool(found)

    wait_for(has_failed, what="failure")
    assert found[0].message == r"\xff\xfe\x80\xe9"


def test_a_warning_that_is_not_utf8_is_an_event_too(
    content: Path, tracker: TinyTracker, seeder: Engine
) -> None:
    tracker.extra = {b"warning message": b"move to \xe9"}
    seeder.add(make_torrent(content, trackers=[tracker.announce_url]), content.parent, mode="seed")
    found: list[TrackerWarned] = []

    def has_warned() -> bool:
        found.extend(event for event in seeder.events() if isinstance(event, TrackerWarned))
        return bool(found)

    wait_for(has_warned, what="warning")
    assert found[0].message.endswith(r"move to \xe9")


def test_an_announce_url_that_is_not_utf8_harms_nothing(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    root = bencode.decode(make_torrent(content).raw)
    assert isinstance(root, dict)
    root[b"announce"] = b"http://127.0.0.1:9/\xe9/announce"
    root[b"url-list"] = [b"http://127.0.0.1:9/\xe9/"]
    made = Metainfo.parse(bencode.encode(root))
    seeder.add(made, content.parent, mode="seed")
    for trackers in (None, made.tiers):
        key = engine.add(made, tmp_path / "got", trackers=trackers)
        engine.connect_peer(key, *seeder.addresses[0])
        reach(engine, key, "seeding")
        engine.remove(key)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Start a command and return the file that it talks into."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*words: object) -> Path:
        log = tmp_path / f"log{len(running)}"
        with log.open("wb") as stream:
            running.append(subprocess.Popen(
                [sys.executable, *map(str, words)], cwd=tmp_path, stdin=subprocess.DEVNULL,
                stdout=stream, stderr=subprocess.STDOUT,
                env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
            ))  # fmt: skip
        return log

    yield start
    for process in running:
        process.kill()
        process.wait()


OLD = "import sys; from outpour.cli.classic.download import btdownloadheadless as m; sys.exit(m())"
COMMANDS: dict[str, tuple[str, ...]] = {
    "download": ("-m", "outpour", "download", "t.torrent", "-o", "got", "--bind", "127.0.0.1"),
    "seed": ("-m", "outpour", "seed", "t.torrent", "--content", "origin", "--bind", "127.0.0.1"),
    "magnet": ("-m", "outpour", "magnet", "--fetch", "LINK", "--bind", "127.0.0.1"),
    "old": ("-c", OLD, "t.torrent", "--bind", "127.0.0.1", "--minport", "0", "--maxport", "0"),
}


@pytest.mark.parametrize("key", [b"failure reason", b"warning message"])
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_shows_what_a_tracker_says_and_goes_on(
    command: str, key: bytes, content: Path, tmp_path: Path, tracker: TinyTracker,
    start: Callable[..., Path],
) -> None:  # fmt: skip
    tracker.extra = {key: b"paid \xff accounts only"}
    made = make_torrent(content, trackers=[tracker.announce_url])
    made.write(tmp_path / "t.torrent")
    link = str(Magnet.of(made))
    log = start(*[link if word == "LINK" else word for word in COMMANDS[command]])
    wait_for(lambda: r"paid \xff accounts only" in log.read_text(), what="message")
    assert "Traceback" not in log.read_text()


def test_the_announce_url_of_a_private_tracker_on_this_machine_is_asked(
    content: Path, tmp_path: Path, tracker: TinyTracker, seeder: Engine, engine: Engine
) -> None:
    path = "/0123456789abcdef0123456789abcdef/announce"
    tracker.paths.append(path)
    made = make_torrent(content, trackers=[tracker.announce_url.replace("/announce", path)])
    seeder.add(made, content.parent, mode="seed")
    reach(engine, engine.add(made, tmp_path / "got"), "seeding")


def test_other_services_of_this_machine_are_not_asked_in_a_torrents_name(
    content: Path, tmp_path: Path, tracker: TinyTracker, engine: Engine
) -> None:
    urls = [tracker.announce_url.replace("/announce", path) for path in ("/k/announce", "/stop")]
    tracker.paths += ["/k/announce", "/stop"]
    made = make_torrent(content, trackers=urls)
    key = engine.add(made, tmp_path / "got")
    failures: list[TrackerFailed] = []

    def is_told() -> bool:
        failures.extend(event for event in engine.events() if isinstance(event, TrackerFailed))
        return bool(failures and tracker.peers[key])

    wait_for(is_told, what="announce and refusal")
    assert [(event.url, event.message) for event in failures] == [
        (urls[1], "aims at this machine, and is no announce URL")
    ]
    assert all(request.startswith("/k/announce") for request in tracker.requests)
