"""The engine against itself and against a web server, over real sockets."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from outpour.base.errors import NetworkError, OutpourError, SettingsError, WriteError
from outpour.engine import (
    Engine,
    EngineEvent,
    EngineSettings,
    Finished,
    MetadataArrived,
    ResumeRefused,
    TrackerAnswered,
    TrackerFailed,
    disk_paths,
)
from outpour.torrent import bencode
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import TinyTracker, WebHost, make_torrent, reach, same_files


@pytest.mark.parametrize("version", ["v1", "v2", "hybrid"])
def test_content_reaches_a_peer_whole(
    version: str, content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    metainfo = make_torrent(content, version)
    key = seeder.add(metainfo, content.parent, mode="seed")
    assert key == metainfo.info.infohash
    engine.add(metainfo, tmp_path / "got")
    engine.connect_peer(key, *seeder.addresses[0])
    status = reach(engine, key, "seeding")
    assert (status.done, status.total, status.progress) == (3_070_007, 3_070_007, 1.0)
    assert same_files(content, tmp_path / "got" / "release")


def test_a_trusted_seed_starts_at_once_and_hashes_nothing(content: Path, engine: Engine) -> None:
    metainfo = make_torrent(content)
    key = engine.add(metainfo, content.parent, mode="seed")
    assert reach(engine, key, "seeding").complete


def test_each_torrent_has_the_rate_that_is_for_each(content: Path) -> None:
    settings = EngineSettings(torrent_upload_rate=123_456).isolated()
    with Engine(settings) as engine:
        key = engine.add(make_torrent(content), content.parent, mode="seed")
        assert engine._entries[key].handle.upload_limit() == 123_456


def test_a_trusted_seed_with_other_bytes_delivers_nothing_false(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    metainfo = make_torrent(content)
    (content / "image.bin").write_bytes(os.urandom(3_000_001))
    key = seeder.add(metainfo, content.parent, mode="seed")
    engine.add(metainfo, tmp_path / "got")
    engine.connect_peer(key, *seeder.addresses[0])
    status = reach(seeder, key, "error")
    assert "differs" in (status.error or "")
    assert not engine.status(key).complete


@pytest.mark.parametrize(
    ("damage", "trust"),
    [("missing", True), ("short", True), ("missing", False), ("short", False), ("flipped", False)],
)
def test_a_seed_without_its_content_is_in_error_and_never_writes(
    damage: str, trust: bool, content: Path, seeder: Engine, engine: Engine
) -> None:
    metainfo = make_torrent(content)
    whole = seeder.add(metainfo, _copy(content), mode="seed")
    image = content / "image.bin"
    if damage == "missing":
        image.unlink()
    else:
        data = bytearray(image.read_bytes())
        data[1000] ^= 1
        image.write_bytes(data if damage == "flipped" else data[:-1])
    before = sorted(path.stat().st_size for path in content.rglob("*"))
    key = engine.add(metainfo, content.parent, mode="seed", trust=trust)
    assert reach(engine, key, "error").error
    engine.connect_peer(whole, *seeder.addresses[0])
    engine.wait(0.3)
    assert reach(engine, key, "error").error
    assert sorted(path.stat().st_size for path in content.rglob("*")) == before


def _copy(content: Path) -> Path:
    other = content.parent.parent / "copy"
    subprocess.run(["cp", "-r", content.parent, other], check=True)
    return other


def test_a_file_cut_short_while_it_is_seeded_becomes_an_error(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    metainfo = make_torrent(content)
    key = seeder.add(metainfo, content.parent, mode="seed")
    reach(seeder, key, "seeding")
    os.truncate(content / "image.bin", 5)
    engine.add(metainfo, tmp_path / "got")
    engine.connect_peer(key, *seeder.addresses[0])
    status = reach(seeder, key, "error")
    assert "image.bin" in (status.error or "")


def test_a_magnet_link_gets_its_metadata_from_a_peer(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    metainfo = make_torrent(content, "hybrid")
    key = seeder.add(metainfo, content.parent, mode="seed")
    engine.add(Magnet.of(metainfo), tmp_path / "got")
    assert engine.info(key) is None
    assert engine.status(key).state == "metadata"
    engine.connect_peer(key, *seeder.addresses[0])
    seen: list[EngineEvent] = []
    while not any(isinstance(event, Finished) for event in seen):
        assert engine.wait(60)
        seen += engine.events()
    assert any(isinstance(event, MetadataArrived) for event in seen)
    assert engine.info(key) == metainfo.info.raw
    assert engine.flush()
    assert same_files(content, tmp_path / "got" / "release")


def test_a_web_seed_alone_delivers_everything(
    content: Path, tmp_path: Path, web_host: WebHost, engine: Engine
) -> None:
    metainfo = make_torrent(content, web_seeds=[web_host.url])
    key = engine.add(metainfo, tmp_path / "got")
    reach(engine, key, "seeding")
    assert same_files(content, tmp_path / "got" / "release")
    assert "/release/image.bin" in web_host.requests


def test_peers_find_each_other_through_a_tracker(
    content: Path, tmp_path: Path, tracker: TinyTracker, seeder: Engine, engine: Engine
) -> None:
    metainfo = make_torrent(content, trackers=[tracker.announce_url])
    key = seeder.add(metainfo, content.parent, mode="seed")
    wait_for(lambda: tracker.peers[key], what="announce")
    engine.add(metainfo, tmp_path / "got")
    reach(engine, key, "seeding")
    assert (key, "started") in tracker.events


def test_trackers_can_be_put_in_place_of_the_torrents(
    content: Path, tracker: TinyTracker, seeder: Engine
) -> None:
    metainfo = make_torrent(content, trackers=["http://127.0.0.1:1/announce"])
    key = seeder.add(metainfo, content.parent, mode="seed", trackers=[[tracker.announce_url]])
    assert seeder.wait(60)
    wait_for(lambda: tracker.peers[key], what="announce")
    wait_for(lambda: _saw(seeder, TrackerAnswered(key, tracker.announce_url, 0)), what="event")


def _saw(engine: Engine, wanted: TrackerAnswered) -> bool:
    return any(
        isinstance(event, TrackerAnswered) and event.url == wanted.url for event in engine.events()
    )


def test_a_tracker_that_is_down_is_an_event_with_its_url(content: Path, seeder: Engine) -> None:
    url = "http://127.0.0.1:1/announce"
    seeder.add(make_torrent(content, trackers=[url]), content.parent, mode="seed")
    failures: list[TrackerFailed] = []
    while not failures:
        assert seeder.wait(60)
        failures = [event for event in seeder.events() if isinstance(event, TrackerFailed)]
    assert (failures[0].url, failures[0].message) == (url, "connection refused")


def test_a_tracker_that_one_of_the_local_addresses_cannot_reach_is_no_failure(
    content: Path, tracker: TinyTracker, settings: EngineSettings
) -> None:
    with Engine(replace(settings, listen=("127.0.0.1:0", "[::1]:0"))) as engine:
        metainfo = make_torrent(content, trackers=[tracker.announce_url])
        key = engine.add(metainfo, content.parent, mode="seed")
        events: list[object] = []

        def is_answered() -> bool:
            events.extend(engine.events())
            return any(isinstance(event, TrackerAnswered) for event in events)

        wait_for(is_answered, what="reply")
        wait_for(lambda: tracker.peers[key], what="announce")
        events.extend(engine.events())
    assert [event for event in events if isinstance(event, TrackerFailed)] == []


def test_closing_says_goodbye_to_the_tracker(
    content: Path, tracker: TinyTracker, settings: EngineSettings
) -> None:
    with Engine(settings) as engine:
        metainfo = make_torrent(content, trackers=[tracker.announce_url])
        key = engine.add(metainfo, content.parent, mode="seed")
        wait_for(lambda: _saw(engine, TrackerAnswered(key, tracker.announce_url, 0)), what="reply")
    wait_for(lambda: (key, "stopped") in tracker.events, what="stopped announce")


def test_closing_does_not_wait_for_a_tracker_that_has_gone_silent(
    content: Path, tracker: TinyTracker, settings: EngineSettings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = Engine(settings)
        quiet = f"http://127.0.0.1:{silent.getsockname()[1]}/announce"
        metainfo = make_torrent(content, trackers=[tracker.announce_url, quiet])
        key = engine.add(metainfo, content.parent, mode="seed")
        wait_for(lambda: tracker.peers[key], what="announce")
        began = time.monotonic()
        engine.close()
        # The engine waits two seconds for its trackers; by itself libtorrent would wait for 15.
        assert time.monotonic() - began < 14


def test_a_download_goes_on_from_resume_data(
    content: Path, tmp_path: Path, seeder: Engine, settings: EngineSettings
) -> None:
    metainfo = make_torrent(content)
    key = seeder.add(metainfo, content.parent, mode="seed")
    slow = replace(settings, download_rate=400_000)
    with Engine(slow) as engine:
        engine.add(metainfo, tmp_path / "got")
        engine.connect_peer(key, *seeder.addresses[0])
        wait_for(lambda: sum(engine.pieces(key)) >= 4, what="whole pieces")
        kept = engine.save_resume(timeout_s=60)[key]
    with Engine(settings) as engine:
        engine.add(metainfo, tmp_path / "got", resume=kept)
        first = reach(engine, key, "downloading")
        # Blocks of pieces that were under way may have to come again, and the last piece is short.
        assert first.done > 3 * 65536
        assert not any(isinstance(event, ResumeRefused) for event in engine.events())
        engine.connect_peer(key, *seeder.addresses[0])
        reach(engine, key, "seeding")
    assert same_files(content, tmp_path / "got" / "release")


def test_resume_data_is_taken_at_its_word_unless_a_check_is_asked_for(
    content: Path, settings: EngineSettings
) -> None:
    metainfo = make_torrent(content)
    with Engine(settings) as engine:
        key = engine.add(metainfo, content.parent)
        reach(engine, key, "seeding")
        kept = engine.save_resume(timeout_s=60)[key]
    data = bytearray((content / "image.bin").read_bytes())
    data[1000] ^= 1
    (content / "image.bin").write_bytes(data)
    with Engine(settings) as engine:
        engine.add(metainfo, content.parent, resume=kept)
        reach(engine, key, "seeding")
        engine.remove(key)
        engine.add(metainfo, content.parent, resume=kept, recheck=True)
        assert reach(engine, key, "downloading").done == 3_070_007 - 65536


def test_resume_data_of_files_that_are_gone_means_a_full_check(
    content: Path, tmp_path: Path, seeder: Engine, settings: EngineSettings
) -> None:
    metainfo = make_torrent(content)
    with Engine(settings) as engine:
        key = engine.add(metainfo, content.parent)
        reach(engine, key, "seeding")
        kept = engine.save_resume(timeout_s=60)[key]
    (content / "image.bin").unlink()
    with Engine(settings) as engine:
        engine.add(metainfo, content.parent, resume=kept)
        assert reach(engine, key, "downloading").done < 100_000


def test_damaged_resume_data_is_said_and_ignored(content: Path, engine: Engine) -> None:
    key = engine.add(make_torrent(content), content.parent, resume=b"d4:spam4:eggse")
    assert any(isinstance(event, ResumeRefused) for event in engine.events())
    reach(engine, key, "seeding")


def test_only_the_wanted_files_are_downloaded(
    content: Path, tmp_path: Path, seeder: Engine, engine: Engine
) -> None:
    metainfo = make_torrent(content, "hybrid")
    index = [file.path for file in metainfo.info.files if not file.is_padding].index(
        ("docs", "notes.txt")
    )
    key = seeder.add(metainfo, content.parent, mode="seed")
    engine.add(metainfo, tmp_path / "got", wanted=[index])
    engine.connect_peer(key, *seeder.addresses[0])
    status = reach(engine, key, "finished")
    assert (status.total, status.done) == (70_000, 70_000)
    got = tmp_path / "got" / "release"
    assert (got / "docs" / "notes.txt").read_bytes() == (content / "docs/notes.txt").read_bytes()
    assert not (got / "image.bin").exists()


def test_content_may_lie_under_another_name(content: Path, engine: Engine) -> None:
    metainfo = make_torrent(content)
    other = content.rename(content.with_name("renamed"))
    key = engine.add(
        metainfo, other.parent, mode="seed", trust=False, paths=disk_paths(metainfo.info, "renamed")
    )
    reach(engine, key, "seeding")


def test_names_that_are_not_utf8_are_found_on_disk(tmp_path: Path, engine: Engine) -> None:
    name = b"caf\xe9.bin"
    data = os.urandom(40_000)
    (tmp_path / os.fsdecode(name)).write_bytes(data)
    pieces = b"".join(hashlib.sha1(data[i : i + 16384]).digest() for i in (0, 16384, 32768))
    info: bencode.Value = {
        b"name": name, b"piece length": 16384, b"length": 40_000, b"pieces": pieces
    }  # fmt: skip
    metainfo = Metainfo.parse(bencode.encode({b"info": info}))
    key = engine.add(metainfo, tmp_path, mode="seed", trust=False)
    assert reach(engine, key, "seeding").name == os.fsdecode(name)


def test_rate_limits_hold_on_the_local_network(
    content: Path, tmp_path: Path, settings: EngineSettings, engine: Engine
) -> None:
    metainfo = make_torrent(content)
    with Engine(replace(settings, upload_rate=500_000)) as seeder:
        key = seeder.add(metainfo, content.parent, mode="seed")
        engine.add(metainfo, tmp_path / "got")
        began = time.monotonic()
        engine.connect_peer(key, *seeder.addresses[0])
        wait_for(lambda: engine.status(key).done > 1_000_000, what="a megabyte")
        assert time.monotonic() - began > 1


def test_a_port_that_is_taken_is_one_clear_error(settings: EngineSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(NetworkError, match=rf"`{address}`: cannot listen: address already in"):
            Engine(replace(settings, listen=(address,)))


def test_a_folder_that_cannot_be_made_is_one_clear_error(content: Path, engine: Engine) -> None:
    with pytest.raises(WriteError, match="not a directory"):
        engine.add(make_torrent(content), content / "readme" / "below")


def test_a_full_disk_stops_the_download_with_the_reason(content: Path, tmp_path: Path) -> None:
    (tmp_path / "release.torrent").write_bytes(make_torrent(content).raw)
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(tmp_path), str(content.parent)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert "File too large" in done.stdout or "file too large" in done.stdout, done


# A limit on the size of files stands in for the disk: it is the same path through the engine.
_FULL_DISK = """
import resource, sys
from pathlib import Path
from outpour.engine import Engine, EngineSettings
from outpour.torrent.metainfo import Metainfo
base, origin = Path(sys.argv[1]), Path(sys.argv[2])
metainfo = Metainfo.read(base / "release.torrent")
settings = EngineSettings().isolated()
with Engine(settings) as seeder, Engine(settings) as engine:
    key = seeder.add(metainfo, origin, mode="seed")
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
    engine.add(metainfo, base / "got")
    engine.connect_peer(key, *seeder.addresses[0])
    while engine.status(key).state != "error":
        engine.wait(0.1); engine.events()
    print(engine.status(key).error)
"""


def test_several_hundred_torrents_are_seeded_at_once(tmp_path: Path, engine: Engine) -> None:
    torrents = []
    for number in range(300):
        data = b"%d" % number
        (tmp_path / f"file{number}").write_bytes(data)
        info: bencode.Value = {
            b"name": b"file%d" % number, b"piece length": 16384, b"length": len(data),
            b"pieces": hashlib.sha1(data).digest(),
        }  # fmt: skip
        torrents.append(Metainfo.parse(bencode.encode({b"info": info})))
    keys = [engine.add(metainfo, tmp_path, mode="seed") for metainfo in torrents]
    wait_for(lambda: {status.state for status in engine.statuses()} == {"seeding"}, what="seeding")
    assert [status.infohash for status in engine.statuses()] == keys


def test_what_was_removed_is_gone_and_can_come_back(content: Path, engine: Engine) -> None:
    metainfo = make_torrent(content)
    key = engine.add(metainfo, content.parent, mode="seed")
    with pytest.raises(OutpourError, match="added already"):
        engine.add(metainfo, content.parent, mode="seed")
    engine.remove(key)
    assert key not in engine
    assert engine.statuses() == ()
    with pytest.raises(OutpourError, match="no such torrent"):
        engine.status(key)
    engine.add(metainfo, content.parent, mode="seed")
    assert (content / "image.bin").exists()
    reach(engine, key, "seeding")


def test_a_paused_torrent_stands_still_until_it_is_let_go_on(content: Path, engine: Engine) -> None:
    key = engine.add(make_torrent(content), content.parent, mode="seed")
    engine.pause(key)
    reach(engine, key, "paused")
    engine.unpause(key)
    reach(engine, key, "seeding")


def test_a_closed_engine_says_so(settings: EngineSettings) -> None:
    engine = Engine(settings)
    engine.close()
    engine.close()
    with pytest.raises(OutpourError, match="closed"):
        engine.statuses()


@pytest.mark.parametrize(
    "changes",
    [{"listen": ()}, {"listen": ("127.0.0.1",)}, {"upload_rate": -1}, {"fingerprint": "-OP-"}],
)
def test_settings_out_of_bounds_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        EngineSettings(**changes)  # type: ignore[arg-type]
