"""The main job, end to end: a folder is published, and strangers' clients have the bytes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import threading
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.free_ports import free_port
from tests.live.clients import aria2, transmission
from tests.live.conftest import Start, get, peer, same_bytes
from tests.live.publication import Publication, announced, has_seed, status
from tests.saved_counts import counts_in
from tests.waiting import Stopwatch, wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

ENTRIES = ("large image.iso", "Sammlung größer 音楽")


@pytest.fixture
def publication(start: Start, content: Path) -> Publication:
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    return publication


@pytest.fixture
def unseeded(start: Start, content: Path) -> Publication:
    publication = Publication(start, content, "--no-seed")
    publication.wait_published(*ENTRIES)
    return publication


def counters(publication: Publication) -> dict[str, float]:
    text = get(f"{publication.url}metrics").decode()
    found = re.findall(r"^([a-z_]+(?:\{[^}]*\})?) ([0-9.e+]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


@pytest.mark.parametrize("name", ENTRIES)
def test_aria2_downloads_every_torrent(
    name: str, publication: Publication, start: Start, content: Path, tmp_path: Path
):
    executable = peer("aria2c")
    torrent = publication.torrent_file(name, tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    client = start(*aria2(executable, torrent, target, free_port()))
    assert client.wait(seconds=120) == 0, client.output
    assert same_bytes(content / name, target / name)


@pytest.mark.parametrize("name", ENTRIES)
def test_transmission_downloads_every_torrent(
    name: str, publication: Publication, start: Start, content: Path, tmp_path: Path
):
    executable = peer("transmission-cli")
    torrent = publication.torrent_file(name, tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    client = start(
        *transmission(executable, torrent, target, free_port(), config=tmp_path / "config")
    )
    # Transmission 3.00 never makes the empty files of a torrent.
    wait_for(
        lambda: same_bytes(content / name, target / name, makes_empty_files=False),
        seconds=100,
        what=f"copy of {name}; the client said {client.output[-500:]}",
    )


def test_outpour_downloads_everything_a_page_publishes(
    publication: Publication, start: Start, content: Path, tmp_path: Path
):
    target = tmp_path / "target"
    client = start("outpour", "download", publication.url, "-o", target, "--bind", "127.0.0.1")
    assert client.wait(seconds=120) == 0, client.output
    for name in ENTRIES:
        assert same_bytes(content / name, target / name), name


@pytest.mark.parametrize("name", ENTRIES)
def test_aria2_downloads_from_the_web_seed_alone(
    name: str, unseeded: Publication, start: Start, content: Path, tmp_path: Path
):
    executable = peer("aria2c")
    torrent = unseeded.torrent_file(name, tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    client = start(*aria2(executable, torrent, target, free_port()))
    assert client.wait(seconds=120) == 0, client.output
    assert same_bytes(content / name, target / name)


def test_transmission_downloads_from_the_web_seed_alone(
    unseeded: Publication, start: Start, content: Path, tmp_path: Path
):
    executable = peer("transmission-cli")
    name = ENTRIES[0]
    torrent = unseeded.torrent_file(name, tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    start(*transmission(executable, torrent, target, free_port(), config=tmp_path / "config"))
    wait_for(lambda: same_bytes(content / name, target / name), seconds=120, what="copy")


def test_outpour_downloads_from_the_web_seed_alone(
    unseeded: Publication, start: Start, content: Path, tmp_path: Path
):
    target = tmp_path / "target"
    client = start("outpour", "download", unseeded.url, "-o", target, "--bind", "127.0.0.1")
    assert client.wait(seconds=120) == 0, client.output
    for name in ENTRIES:
        assert same_bytes(content / name, target / name), name


def test_the_completed_download_is_counted_and_shown(
    publication: Publication, start: Start, tmp_path: Path
):
    name = ENTRIES[0]
    torrent = publication.torrent_file(name, tmp_path)
    client = start("outpour", "download", torrent, "-o", tmp_path / "t", "--bind", "127.0.0.1")
    assert client.wait() == 0, client.output
    wait_for(lambda: publication.row(name)["downloaded"] == 1, what="count of one")
    assert publication.row(name)["transferred"] == publication.row(name)["length"]


def test_the_seeder_is_in_every_swarm_without_an_announce_that_could_fail(
    publication: Publication,
):
    for name in ENTRIES:
        wait_for(partial(has_seed, publication, name), what=f"seed of {name}")
        peers = announced(publication.port, publication.row(name)["infohash"])
        assert peers == [("127.0.0.1", publication.peer_port)]
    assert not [key for key, value in counters(publication).items() if "udp" in key and value > 1]


def test_the_seeder_is_listed_at_its_public_address(start: Start, content: Path):
    publication = Publication(start, content, "--peer-address", "127.0.0.9:4711")
    publication.wait_published(*ENTRIES)
    for name in ENTRIES:
        wait_for(partial(has_seed, publication, name), what=f"seed of {name}")
        peers = announced(publication.port, publication.row(name)["infohash"])
        assert peers == [("127.0.0.9", 4711)]


def test_announces_below_the_path_of_the_public_url_are_answered(start: Start, content: Path):
    port = free_port()
    publication = Publication(start, content, "--url", f"http://127.0.0.1:{port}/files", port=port)
    publication.wait_published(*ENTRIES)
    name = ENTRIES[0]
    wait_for(partial(has_seed, publication, name), what="seed")
    infohash = publication.row(name)["infohash"]
    for path in ("/files/announce", "/announce"):
        assert announced(port, infohash, path) == [("127.0.0.1", publication.peer_port)]
    for path in ("/files/scrape", "/scrape"):
        raw = get(f"http://127.0.0.1:{port}{path}?info_hash={quote(bytes.fromhex(infohash))}")
        assert b"8:completei1e" in raw


def test_the_torrent_file_of_deleted_content_goes_too(start: Start, content: Path, tmp_path: Path):
    state = tmp_path / "state"
    publication = Publication(start, content, "--state", str(state))
    publication.wait_published(*ENTRIES)
    torrents = state / "torrents"
    assert len([*torrents.iterdir()]) == 2
    (content / "large image.iso").unlink()
    wait_for(lambda: len([*torrents.iterdir()]) == 1, what="removal")
    # Content that is not there at the moment is not deleted.
    content.rename(tmp_path / "unmounted")
    wait_for(lambda: not publication.torrents(), what="withdrawal")
    assert publication.process.stop() == 0
    content.mkdir()
    (content / "new.bin").write_bytes(b"new" * 1000)
    publication.again()
    publication.wait_published("new.bin")
    assert len([*torrents.iterdir()]) == 2
    assert publication.process.stop() == 0
    (content / "new.bin").unlink()
    (content / "other.bin").write_bytes(b"other" * 1000)
    publication.again().line_with("ready:")


def test_hooks_are_run_with_what_happened_in_their_environment(
    start: Start, content: Path, tmp_path: Path
):
    told = tmp_path / "told"
    hook = 'echo "$OUTPOUR_EVENT|$OUTPOUR_NAME|$OUTPOUR_HASHED|$OUTPOUR_REASON" >> ' + str(told)
    (content / "$(touch owned) `x`;.bin").write_bytes(b"x" * 1000)
    publication = Publication(
        start, content, "--on-published", hook, "--on-withdrawn", f"{hook}; echo no >&2; exit 3"
    )
    publication.wait_published(*ENTRIES)
    wait_for(lambda: told.is_file() and told.read_text().count("\n") == 3, what="published hooks")
    assert "published|large image.iso|1|" in told.read_text().splitlines()
    assert "published|$(touch owned) `x`;.bin|1|" in told.read_text().splitlines()
    (content / "large image.iso").unlink()
    wait_for(lambda: "withdrawn|large image.iso||" in told.read_text(), what="withdrawn hook")
    assert "failed with 3 for `large image.iso`: no" in publication.process.line_with("failed")


def test_peers_are_listened_for_where_asked_and_a_rate_holds_for_each_torrent(
    start: Start, content: Path, tmp_path: Path
):
    publication = Publication(
        start, content, "--bind", "127.0.0.5", "--connections", "7", "--up-rate-each", "20MiB",
        "--exclude", "large*",
    )  # fmt: skip
    name = ENTRIES[1]
    publication.wait_published(name)
    wait_for(partial(has_seed, publication, name), what="seed")
    peers = announced(publication.port, publication.row(name)["infohash"])
    assert peers == [("127.0.0.5", publication.peer_port)]
    with socket.create_connection(peers[0], 60):
        pass
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", publication.peer_port), 60)
    torrent = publication.torrent_file(name, tmp_path)
    client = start("outpour", "download", torrent, "-o", tmp_path / "t", "--bind", "127.0.0.1")
    assert client.wait() == 0, client.output


def test_a_new_file_is_published_and_a_removed_one_withdrawn(
    publication: Publication, content: Path
):
    (content / "later.bin").write_bytes(b"later" * 50_000)
    publication.wait_published("later.bin")
    (content / "later.bin").unlink()
    wait_for(lambda: not publication.row("later.bin"), what="withdrawal")
    publication.process.line_with("withdrawn later.bin")


def test_a_folder_that_goes_and_comes_back_is_published_again_without_hashing(
    publication: Publication, content: Path
):
    def published(how: str) -> int:
        return publication.process.output.count(f", {how})")

    # Lines come later than the page.
    wait_for(lambda: published("hashed") == len(ENTRIES), what="lines")
    away = content.rename(content.with_name("unmounted"))
    wait_for(lambda: not publication.torrents(), what="withdrawal")
    away.rename(content)
    wait_for(lambda: published("unchanged") == len(ENTRIES), what="return")
    publication.wait_published(*ENTRIES)
    assert published("hashed") == len(ENTRIES)
    (content / "later.bin").write_bytes(b"later" * 50_000)
    publication.wait_published("later.bin")


@pytest.mark.long
def test_a_torrent_that_cannot_be_written_down_is_published_hashed_once_and_written_later(
    start: Start, content: Path, tmp_path: Path
):
    state = tmp_path / "state"
    torrent = state / "torrents" / "large image.iso.torrent"
    # A folder in the place of the file stands for whatever keeps it from being written.
    torrent.mkdir(parents=True)
    publication = Publication(start, content, "--state", str(state))
    publication.wait_published(*ENTRIES)
    publication.process.line_with("published all the same, and written later")
    raw = publication.torrent_file("large image.iso", tmp_path).read_bytes()
    torrent.rmdir()
    wait_for(torrent.is_file, seconds=60, what="torrent on the disk")
    assert torrent.read_bytes() == raw
    assert publication.process.output.count("published large image.iso") == 1


def test_what_changes_is_withdrawn_and_what_is_small_published_while_something_large_is_hashed(
    start: Start, content: Path
):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    # Sparse: it takes long to hash and no room.
    for name in ("huge 1.bin", "huge 2.bin"):
        with (content / name).open("wb") as file:
            file.truncate(200 << 30)
    publication.process.line_with("hashing huge 1.bin")
    publication.process.line_with("hashing huge 2.bin")
    before = publication.row("large image.iso")["infohash"]
    (content / "large image.iso").write_bytes(b"another edition" * 100_000)
    wait_for(
        lambda: publication.row("large image.iso").get("infohash") != before, what="withdrawal"
    )
    (content / "small.bin").write_bytes(b"small" * 1000)
    publication.wait_published("small.bin", "large image.iso")
    assert not publication.row("huge 1.bin")
    assert not publication.row("huge 2.bin")
    watch = Stopwatch()
    assert publication.process.stop() == 0
    assert watch.seconds < 8


def test_a_link_out_of_the_folder_is_not_published_and_that_is_said(
    start: Start, content: Path, tmp_path: Path
):
    (tmp_path / "private.txt").write_bytes(b"private" * 1000)
    (content / "out.txt").symlink_to(tmp_path / "private.txt")
    (content / "nowhere.txt").symlink_to("missing")
    (content / "latest.iso").symlink_to("large image.iso")
    publication = Publication(start, content)
    # One that stays inside is what it leads to under another name.
    publication.wait_published(ENTRIES[1], "latest.iso")
    publication.process.line_with("skipped out.txt")
    publication.process.line_with("outside of the folder")
    publication.process.line_with("hint: publish what it leads to with `--symlinks follow`")
    publication.process.line_with("a link to nothing")
    assert not publication.row("out.txt")
    assert status(f"{publication.url}content/out.txt") == 404


def test_links_are_followed_or_left_out_as_asked(start: Start, content: Path, tmp_path: Path):
    (tmp_path / "elsewhere.txt").write_bytes(b"elsewhere" * 1000)
    (content / "out.txt").symlink_to(tmp_path / "elsewhere.txt")
    publication = Publication(start, content, "--symlinks", "follow")
    publication.wait_published(*ENTRIES, "out.txt")
    assert get(f"{publication.url}content/out.txt") == b"elsewhere" * 1000
    assert publication.process.stop() == 0
    publication._flags = ("--symlinks", "skip", "--exclude", "*.iso")
    publication.again().line_with("ready:")
    publication.wait_published(ENTRIES[1])
    assert {row["name"] for row in publication.torrents()} == {ENTRIES[1]}
    assert "skipped out.txt" not in publication.process.output


def test_a_link_is_withdrawn_when_what_it_leads_to_changes(start: Start, content: Path):
    (content / "latest.iso").symlink_to("large image.iso")
    publication = Publication(start, content, "--exclude", "large*")
    publication.wait_published("latest.iso")
    before = publication.row("latest.iso")["infohash"]
    (content / "large image.iso").write_bytes(b"another edition" * 100_000)
    wait_for(
        lambda: publication.row("latest.iso").get("infohash", before) != before,
        what="new infohash",
    )


def test_of_two_with_one_name_the_other_is_published_when_the_first_goes(
    start: Start, content: Path, tmp_path: Path
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "large image.iso").write_bytes(b"other" * 100_000)
    publication = Publication(start, content, str(other))
    publication.wait_published(*ENTRIES)
    publication.process.line_with("has the same name")
    (content / "large image.iso").unlink()
    wait_for(
        lambda: publication.row("large image.iso").get("length") == 500_000, what="the other one"
    )


def test_a_name_that_is_not_utf8_does_not_end_the_notice_of_changes(start: Start, content: Path):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    Path(os.fsdecode(os.fsencode(content) + b"/bad\xff.bin")).write_bytes(b"x" * 1000)
    publication.process.line_with("changes are not notified")
    (content / "later.bin").write_bytes(b"later" * 50_000)
    publication.wait_published("later.bin")


def test_a_file_that_changes_gets_a_new_torrent(publication: Publication, content: Path):
    before = publication.row("large image.iso")["infohash"]
    (content / "large image.iso").write_bytes(b"another edition" * 100_000)
    wait_for(
        lambda: publication.row("large image.iso").get("infohash", before) != before,
        what="new infohash",
    )


@pytest.mark.long
def test_a_file_that_is_still_being_written_waits_until_it_is_whole(
    publication: Publication, content: Path
):
    pace = threading.Event()
    with (content / "slow.bin").open("wb") as file:
        # The last pause is longer than a file has to hold still: it is open, so it is unfinished.
        for number in range(10):
            file.write(bytes([number]) * 65_536)
            file.flush()
            pace.wait(6.0 if number == 8 else 0.4)
            assert not publication.row("slow.bin"), "published while it was written"
    publication.wait_published("slow.bin")
    assert publication.row("slow.bin")["length"] == 10 * 65_536


def test_a_file_that_stays_open_is_said_once_and_published_when_it_is_closed(
    publication: Publication, content: Path
):
    with (content / "open.bin").open("wb") as file:
        file.write(b"half" * 50_000)
        file.flush()
        publication.process.line_with("skipped open.bin")
        file.write(b"whole" * 50_000)
    publication.wait_published("open.bin")
    assert publication.row("open.bin")["length"] == 9 * 50_000
    assert publication.process.output.count("skipped open.bin") == 1


def test_the_seeder_leaves_its_swarms_at_the_end(start: Start, content: Path, tmp_path: Path):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    for name in ENTRIES:
        wait_for(partial(has_seed, publication, name), what=f"seed of {name}")
    assert publication.process.stop() == 0
    publication.peer_port, publication._flags = free_port(), ("--no-seed",)
    publication.again()
    publication.wait_published(*ENTRIES)
    assert {publication.row(name)["complete"] for name in ENTRIES} == {0}


def test_a_second_start_hashes_nothing_again(publication: Publication):
    hashes = {row["name"]: row["infohash"] for row in publication.torrents()}
    assert publication.process.stop() == 0
    again = publication.again()
    publication.wait_published(*ENTRIES)
    assert {row["name"]: row["infohash"] for row in publication.torrents()} == hashes
    wait_for(lambda: again.output.count(", unchanged)") == len(ENTRIES), what="lines")
    assert ", hashed)" not in again.output


def test_another_address_is_written_into_the_torrents_without_hashing(
    start: Start, content: Path, tmp_path: Path
):
    state = tmp_path / "state"
    first = Publication(start, content, "--state", str(state))
    first.wait_published(*ENTRIES)
    hashes = {row["name"]: row["infohash"] for row in first.torrents()}
    assert first.process.stop() == 0
    second = Publication(start, content, "--state", str(state))
    second.wait_published(*ENTRIES)
    assert {row["name"]: row["infohash"] for row in second.torrents()} == hashes
    wait_for(lambda: second.process.output.count(", unchanged)") == len(ENTRIES), what="lines")
    assert ", hashed)" not in second.process.output
    raw = second.torrent_file("large image.iso", tmp_path).read_bytes()
    assert f"http://127.0.0.1:{second.port}/announce".encode() in raw
    assert f":{first.port}/".encode() not in raw


@pytest.mark.long
def test_downloads_finish_and_counters_last_when_the_publisher_is_killed_midway(
    start: Start, content: Path, tmp_path: Path
):
    big = content / "large image.iso"
    publication = Publication(start, content, "--up-rate", "3MiB")
    publication.wait_published(*ENTRIES)
    small = publication.torrent_file(ENTRIES[1], tmp_path)
    done = start("outpour", "download", small, "-o", tmp_path / "small", "--bind", "127.0.0.1")
    assert done.wait() == 0, done.output
    wait_for(lambda: publication.row(ENTRIES[1])["downloaded"] == 1, what="first count")
    state = next((tmp_path / "xdg-state").rglob("tracker.sqlite"))
    wait_for(lambda: saved_count(state) == 1, what="count on disk")

    torrent = publication.torrent_file(big.name, tmp_path)
    # Without the web seed the download depends on the seeder, which is about to die.
    shutil.copy(torrent, tmp_path / "alone.torrent")
    client = start(
        "outpour", "download", tmp_path / "alone.torrent", "-o", tmp_path / "big",
        "--bind", "127.0.0.1", "--json", "--down-rate", "1MiB",
    )  # fmt: skip
    wait_for(lambda: '"downloading"' in client.output, what="start of the download")
    publication.process.stop(signal.SIGKILL)
    assert client.process.poll() is None, "the download ended before the crash"
    again = publication.again()
    publication.wait_published(*ENTRIES)
    assert client.wait(seconds=120) == 0, client.output
    assert same_bytes(big, tmp_path / "big" / big.name)
    assert publication.row(ENTRIES[1])["downloaded"] == 1
    wait_for(lambda: publication.row(big.name)["downloaded"] == 1, what="second count")
    wait_for(lambda: again.output.count(", unchanged)") == len(ENTRIES), what="lines")
    assert ", hashed)" not in again.output


def saved_count(state: Path) -> int:
    return sum(counts_in(state).values())


def test_sigterm_ends_it_within_five_seconds_with_everything_saved(publication: Publication):
    watch = Stopwatch()
    assert publication.process.stop(signal.SIGTERM) == 0
    assert watch.seconds < 5


def test_a_taken_port_is_one_clear_error(publication: Publication, start: Start, content: Path):
    second = start(
        "outpour", "publish", content, "--listen", f"127.0.0.1:{publication.port}",
        "--state", content.parent / "other-state", "--peer-port", "0",
    )  # fmt: skip
    assert second.wait() == 7
    assert "error:" in second.output
    assert "hint:" in second.output
    assert "Traceback" not in second.output


def test_two_publishers_do_not_share_one_state(
    publication: Publication, start: Start, content: Path
):
    second = start("outpour", "publish", content, "--listen", "127.0.0.1:0", "--peer-port", "0")
    assert second.wait() == 4
    assert "hint:" in second.output


def test_a_missing_folder_is_one_clear_error(start: Start, tmp_path: Path):
    process = start("outpour", "publish", tmp_path / "nowhere", "--listen", "127.0.0.1:0")
    assert process.wait() == 4
    assert "nowhere" in process.output
    assert "Traceback" not in process.output


def test_an_unreadable_entry_is_skipped_and_the_others_are_published(start: Start, content: Path):
    (content / "pipes").mkdir()
    (content / "pipes" / "bad\nname").write_bytes(b"x")
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    publication.process.line_with("skipped pipes")
    assert not publication.row("pipes")


def test_an_empty_file_is_skipped_because_no_client_takes_a_torrent_without_content(
    publication: Publication,
):
    publication.process.line_with("skipped empty.txt")
    assert not publication.row("empty.txt")


def test_as_one_publishes_the_folder_itself(start: Start, content: Path):
    publication = Publication(start, content, "--as-one")
    publication.wait_published("releases")
    assert len(publication.torrents()) == 1


def odd_names(content: Path) -> Path:
    odd = content / "odd: names?"
    odd.mkdir()
    for name in ("what?.bin", "a: b.bin", "plain.bin"):
        (odd / name).write_bytes(name.encode() * 10_001)
    return odd


def test_aria2_finishes_a_hybrid_with_padding_from_the_web_seed_alone(
    start: Start, content: Path, tmp_path: Path
):
    odd = odd_names(content)
    publication = Publication(start, content, "--no-seed", "--format", "hybrid")
    publication.wait_published(odd.name)
    torrent = publication.torrent_file(odd.name, tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    client = start(*aria2(peer("aria2c"), torrent, target, free_port()))
    assert client.wait(seconds=120) == 0, client.output
    assert same_bytes(odd, target / odd.name)


def test_transmission_finishes_under_the_names_it_adapts_from_the_web_seed_alone(
    start: Start, content: Path, tmp_path: Path
):
    odd = odd_names(content)
    publication = Publication(start, content, "--no-seed")
    publication.wait_published(odd.name)
    torrent = publication.torrent_file(odd.name, tmp_path).rename(tmp_path / "odd.torrent")
    target = tmp_path / "target"
    target.mkdir()
    executable = peer("transmission-cli")
    client = start(
        *transmission(executable, torrent, target, free_port(), config=tmp_path / "config")
    )
    # Content is compared and not names.
    wanted = sorted(path.read_bytes() for path in odd.iterdir())
    wait_for(
        lambda: sorted(path.read_bytes() for path in target.rglob("*.bin")) == wanted,
        seconds=100,
        what="copy",
        still=lambda: client.output[-500:],
    )
