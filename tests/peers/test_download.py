"""`outpour download` and `outpour seed` as people run them."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import libtorrent as lt
import pytest

from outpour.base.errors import UsageError
from outpour.engine import Engine, EngineSettings
from outpour.torrent import bencode
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.waiting import wait_for

from .conftest import (
    LOOPBACK,
    Command,
    TinyTracker,
    WebHost,
    address,
    make_torrent,
    reach,
    same_files,
)


def test_a_torrent_file_is_downloaded_and_verified(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    command = outpour("download", torrent, "-o", tmp_path / "got", *LOOPBACK)
    assert command.wait() == 0, command.talk
    assert "complete" in command.talk
    assert "verified" in command.talk
    assert same_files(content, tmp_path / "got" / "release")


def test_json_is_one_object_a_line_and_ends_with_completion(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    command = outpour("download", "--json", torrent, "-o", tmp_path / "got", *LOOPBACK)
    assert command.wait() == 0, command.talk
    last = command.events[-1]
    assert (last["event"], last["length"]) == ("complete", 3_070_007)
    assert {event["infohash"] for event in command.events} == {
        Metainfo.read(torrent).info.infohash_hex
    }


def test_a_url_and_a_magnet_link_are_downloaded_at_once(
    content: Path, web_host: WebHost, tmp_path: Path, seeder: Engine,
    outpour: Callable[..., Command],
) -> None:  # fmt: skip
    other = content.parent / "single.bin"
    other.write_bytes(os.urandom(1_000_000))
    make_torrent(content, web_seeds=[web_host.url]).write(content.parent / "a.torrent")
    single = make_torrent(other)
    seeder.add(single, content.parent, mode="seed")
    magnet = str(replace(Magnet.of(single), peers=(seeder.addresses[0],)))
    command = outpour(
        "download", f"{web_host.url}a.torrent", magnet, "-o", tmp_path / "got", *LOOPBACK
    )
    assert command.wait() == 0, command.talk
    assert same_files(content, tmp_path / "got" / "release")
    assert (tmp_path / "got" / "single.bin").read_bytes() == other.read_bytes()


def test_the_address_of_a_page_is_enough(
    content: Path, web_host: WebHost, tmp_path: Path, outpour: Callable[..., Command]
) -> None:
    rows = []
    for number, root in enumerate((content, content / "image.bin")):
        web_seed = web_host.url if root == content else f"{web_host.url}release/image.bin"
        metainfo = make_torrent(root, web_seeds=[web_seed])
        web_host.answers[f"/torrents/{number}.torrent"] = (200, metainfo.raw)
        url = f"{web_host.url}torrents/{number}.torrent"
        rows.append({"infohash": metainfo.info.infohash_hex, "torrent_url": url})
    web_host.answers["/"] = (200, b"<!doctype html><title>outpour</title>")
    first = {"torrents": rows[:1], "next": f"{web_host.url}api/v1/torrents?page=2"}
    web_host.answers["/api/v1/torrents"] = (200, json.dumps(first).encode())
    second = {"torrents": rows[1:], "next": None}
    web_host.answers["/api/v1/torrents?page=2"] = (200, json.dumps(second).encode())
    command = outpour("download", web_host.url, "-o", tmp_path / "got", *LOOPBACK)
    assert command.wait() == 0, command.talk
    assert same_files(content, tmp_path / "got" / "release")
    assert (tmp_path / "got/image.bin").read_bytes() == (content / "image.bin").read_bytes()


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/x", b"<html>", "neither a torrent nor an outpour page"),
        ("/x", b"d4:spamle", "not a torrent"),
        ("/x", None, "HTTP 404"),
    ],
)
def test_a_url_that_is_no_torrent_is_one_clear_error(
    path: str, body: bytes | None, message: str, web_host: WebHost, outpour: Callable[..., Command]
) -> None:
    if body is not None:
        web_host.answers[path] = (200, body)
    command = outpour("download", f"{web_host.url}x", *LOOPBACK)
    assert command.wait() in (4, 7)
    assert message in command.talk
    assert "Traceback" not in command.talk


@pytest.mark.long
def test_a_download_killed_half_way_goes_on_without_hashing_again(
    tmp_path: Path, settings: EngineSettings, outpour: Callable[..., Command]
) -> None:
    origin = tmp_path / "origin"
    origin.mkdir()
    (origin / "big.bin").write_bytes(os.urandom(12_000_000))
    metainfo = make_torrent(origin / "big.bin")
    metainfo.write(tmp_path / "big.torrent")
    with Engine(replace(settings, upload_rate=900_000)) as seeder:
        seeder.add(metainfo, origin, mode="seed")
        args = ("download", "--json", tmp_path / "big.torrent", "-o", tmp_path / "got",
                "--peer", address(seeder), *LOOPBACK)  # fmt: skip
        first = outpour(*args)
        folder = tmp_path / "state" / "outpour" / "resume"
        wait_for(lambda: first.last("done") > 7_000_000, seconds=60, what="seven megabytes")
        first.process.kill()
        first.wait()
        # Whoever hashes what is there finds this out and mends it.
        (resume,) = folder.glob("*.resume")
        kept = bencode.decode(resume.read_bytes(), strict=False)
        assert isinstance(kept, dict)
        data = kept[b"resume"]
        assert isinstance(data, bytes)
        have = list(lt.read_resume_data(data).have_pieces)
        damaged = bytearray((origin / "big.bin").read_bytes())
        at = have.index(True) * metainfo.info.piece_length
        damaged[at] ^= 1
        with (tmp_path / "got" / "big.bin").open("r+b") as file:
            file.seek(at)
            file.write(damaged[at : at + 1])
        second = outpour(*args)
        wait_for(lambda: second.last("done"), what="status")
        # The last piece may be a shorter one.
        assert second.last("done") > (sum(have) - 1) * metainfo.info.piece_length
        seeder.limit(download_rate=0, upload_rate=0)
        assert second.wait() == 0, second.talk
    assert (tmp_path / "got" / "big.bin").read_bytes() == damaged


def test_ctrl_c_ends_with_130_and_keeps_what_is_there(
    content: Path, torrent: Path, tmp_path: Path, settings: EngineSettings,
    outpour: Callable[..., Command],
) -> None:  # fmt: skip
    with Engine(replace(settings, upload_rate=300_000)) as seeder:
        seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
        command = outpour("download", "--json", torrent, "-o", tmp_path / "got", *LOOPBACK)
        wait_for(lambda: command.last("done") > 100_000, what="some bytes")
        command.process.send_signal(signal.SIGINT)
        assert command.wait() == 130
    assert "Traceback" not in command.talk
    assert [*(tmp_path / "state" / "outpour" / "resume").glob("*.resume")]


def test_existing_files_are_checked_and_only_what_differs_is_fetched(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    key = seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    got = tmp_path / "got" / "release"
    shutil.copytree(content, got)
    with (got / "image.bin").open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    command = outpour("download", "--json", torrent, "-o", tmp_path / "got", *LOOPBACK)
    assert command.wait() == 0, command.talk
    assert same_files(content, got)
    wait_for(lambda: seeder.status(key).uploaded >= 65_536, what="count of what was sent")
    assert seeder.status(key).uploaded < 500_000


def test_a_file_changed_after_completion_is_found_in_the_next_run(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    args = ("download", torrent, "-o", tmp_path / "got", *LOOPBACK)
    assert outpour(*args).wait() == 0
    image = tmp_path / "got" / "release" / "image.bin"
    data = bytearray(image.read_bytes())
    data[7] ^= 1
    image.write_bytes(data)
    assert outpour(*args).wait() == 0
    assert same_files(content, tmp_path / "got" / "release")


def test_files_are_chosen_by_pattern_and_number(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    key = seeder.add(Metainfo.read(torrent), content.parent, mode="seed")
    assert key in seeder
    command = outpour("download", torrent, "--files", "docs/*", "-o", tmp_path / "got", *LOOPBACK)
    assert command.wait() == 0, command.talk
    found = {path.name for path in (tmp_path / "got").rglob("*") if path.is_file()}
    assert "notes.txt" in found
    assert "image.bin" not in found
    wrong = outpour("download", torrent, "--files", "*.iso", *LOOPBACK)
    assert wrong.wait() == 2
    assert "no such file" in wrong.talk


def test_files_of_a_magnet_link_are_chosen_when_they_are_known(
    content: Path, tmp_path: Path, seeder: Engine, outpour: Callable[..., Command]
) -> None:
    metainfo = make_torrent(content)
    seeder.add(metainfo, content.parent, mode="seed")
    command = outpour(
        "download", Magnet.of(metainfo), "--files", "readme", "--peer", address(seeder),
        "-o", tmp_path / "got", *LOOPBACK,
    )  # fmt: skip
    assert command.wait() == 0, command.talk
    assert (tmp_path / "got" / "release" / "readme").read_bytes() == b"hello\n"
    assert not (tmp_path / "got" / "release" / "image.bin").exists()


def test_no_progress_ends_with_7_and_names_the_tracker(
    content: Path, tmp_path: Path, outpour: Callable[..., Command]
) -> None:
    url = "http://127.0.0.1:1/announce"
    make_torrent(content, trackers=[url]).write(tmp_path / "lonely.torrent")
    command = outpour(
        "download", tmp_path / "lonely.torrent", "-o", tmp_path / "got", "--timeout", "2",
        *LOOPBACK,
    )  # fmt: skip
    assert command.wait() == 7
    assert "nothing came for 2 s" in command.talk
    assert url in command.talk
    assert "hint:" in command.talk


def test_a_torrent_that_nobody_can_be_asked_for_is_refused_at_once(
    content: Path, tmp_path: Path, outpour: Callable[..., Command]
) -> None:
    make_torrent(content).write(tmp_path / "lonely.torrent")
    command = outpour("download", tmp_path / "lonely.torrent", "-o", tmp_path / "got", *LOOPBACK)
    assert command.wait() == 7
    assert "--dht" in command.talk


def test_what_has_no_room_is_refused_before_it_begins(
    tmp_path: Path, outpour: Callable[..., Command]
) -> None:
    size, piece = 1 << 50, 1 << 30
    info: bencode.Value = {
        b"name": b"huge", b"piece length": piece, b"length": size,
        b"pieces": bytes(size // piece * 20),
    }  # fmt: skip
    raw = bencode.encode({b"announce": b"http://127.0.0.1:1/announce", b"info": info})
    (tmp_path / "huge.torrent").write_bytes(raw)
    command = outpour("download", tmp_path / "huge.torrent", "-o", tmp_path / "got", *LOOPBACK)
    assert command.wait() == 5
    assert "needs 1 PiB" in command.talk


def test_seeding_goes_on_until_its_ratio_is_reached(
    content: Path, torrent: Path, tmp_path: Path, seeder: Engine, settings: EngineSettings,
    outpour: Callable[..., Command],
) -> None:  # fmt: skip
    metainfo = Metainfo.read(torrent)
    key = seeder.add(metainfo, content.parent, mode="seed")
    command = outpour(
        "download", "--json", torrent, "--seed-ratio", "0.9", "-o", tmp_path / "got", *LOOPBACK
    )
    wait_for(lambda: any(e["event"] == "complete" for e in command.events), what="completion")
    assert command.process.poll() is None
    seeder.close()
    with Engine(settings) as third:
        third.add(metainfo, tmp_path / "third")
        reach(third, key, "seeding")
        assert command.wait() == 0, command.talk


def test_seed_checks_once_and_starts_at_once_the_next_time(
    content: Path, torrent: Path, tmp_path: Path, engine: Engine, outpour: Callable[..., Command]
) -> None:
    args = ("seed", "--json", torrent, "--content", content, *LOOPBACK)
    for _ in range(2):
        command = outpour(*args)
        wait_for(lambda: any(e["event"] == "seeding" for e in command.events), what="seeding")  # noqa: B023
        command.process.terminate()
        assert command.wait() == 0, command.talk
        # Only who reads the content again can tell that it is another now.
        file = content / "image.bin"
        before = file.stat()
        file.write_bytes(bytes(before.st_size))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_seed_gives_its_content_to_a_peer(
    content: Path, torrent: Path, tmp_path: Path, engine: Engine, outpour: Callable[..., Command],
    tracker: TinyTracker,
) -> None:  # fmt: skip
    command = outpour("seed", torrent, "--trust", "--content", content.parent, *LOOPBACK)
    metainfo = Metainfo.read(torrent)
    wait_for(lambda: tracker.peers[metainfo.info.infohash], what="announce")
    key = engine.add(metainfo, tmp_path / "got")
    reach(engine, key, "seeding")
    assert same_files(content, tmp_path / "got" / "release")
    command.process.terminate()
    assert command.wait() == 0


def test_seed_of_a_url_gives_what_lies_here(
    content: Path, torrent: Path, tmp_path: Path, web_host: WebHost,
    outpour: Callable[..., Command],
) -> None:  # fmt: skip
    web_host.answers["/release.torrent"] = (200, torrent.read_bytes())
    content.rename(tmp_path / content.name)
    command = outpour("seed", "--json", f"{web_host.url}release.torrent", *LOOPBACK)
    wait_for(lambda: any(e["event"] == "seeding" for e in command.events), what="seeding")
    command.process.terminate()
    assert command.wait() == 0, command.talk


def test_seed_of_damaged_content_ends_with_6(
    content: Path, torrent: Path, outpour: Callable[..., Command]
) -> None:
    os.truncate(content / "image.bin", 100)
    command = outpour("seed", torrent, "--content", content, *LOOPBACK)
    assert command.wait() == 6
    assert "missing or differs" in command.talk


def test_announce_and_scrape_show_what_the_tracker_says(
    torrent: Path, tracker: TinyTracker, outpour: Callable[..., Command]
) -> None:
    infohash = Metainfo.read(torrent).info.infohash
    tracker.peers[infohash].add(7001)
    command = outpour("announce", "--json", torrent)
    assert command.wait() == 0, command.talk
    (answer,) = json.loads(command.log.read_text())
    assert {"host": "127.0.0.1", "port": 7001} in answer["peers"]
    assert [event for _, event in tracker.events] == ["started", "stopped"]
    plain = outpour("announce", torrent)
    assert plain.wait() == 0
    assert "127.0.0.1:7001" in plain.log.read_text()
    failing = outpour("scrape", torrent)
    assert failing.wait() == 7
    assert "HTTP 404" in failing.talk


def test_options_that_are_no_rates_or_peers_are_usage_errors(
    torrent: Path, outpour: Callable[..., Command]
) -> None:
    assert outpour("download", torrent, "--up-rate", "fast").wait() == UsageError.exit_code
    assert outpour("download", torrent, "--peer", "127.0.0.1").wait() == UsageError.exit_code
    assert outpour("download", "ftp://127.0.0.1/x").wait() == UsageError.exit_code
    assert outpour("download", "missing.torrent").wait() == 4
