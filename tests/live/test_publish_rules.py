"""What a publisher serves of what lies in its folders, what not, and what it says about it."""

from __future__ import annotations

import os
import re
import signal
import socket
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.publisher import PublishOptions
from outpour.torrent.metainfo import Metainfo
from tests.free_ports import free_port
from tests.live.conftest import BIN, Start, get
from tests.live.publication import Publication, announced, has_seed, status
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

NAME = "large image.iso"


@pytest.fixture
def album(content: Path, tmp_path: Path) -> Path:
    """A folder that has a link inside, and one to what lies elsewhere."""
    folder = content / "album"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a" * 10_000)
    (folder / "in.bin").symlink_to("a.bin")
    (tmp_path / "elsewhere.bin").write_bytes(b"elsewhere" * 1000)
    (folder / "out.bin").symlink_to(tmp_path / "elsewhere.bin")
    return folder


def handshakes(port: int, infohash: bytes) -> bool:
    """Whether the seeder knows a torrent: it hangs up on who asks for another."""
    hello = b"\x13BitTorrent protocol" + bytes(8) + infohash + b"-XX0000-abcdefghijkl"
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.settimeout(60)
        try:
            connection.sendall(hello)
            return bool(connection.recv(68))
        except ConnectionError:
            return False


def test_a_link_out_of_a_folder_in_the_folder_is_not_published_either(
    start: Start, content: Path, album: Path
):
    publication = Publication(start, content)
    publication.process.line_with("skipped album")
    publication.process.line_with("outside of the folder")
    assert not publication.row(album.name)
    assert status(f"{publication.url}content/album/out.bin") == 404


@pytest.mark.long
def test_links_below_an_entry_are_followed_left_out_or_kept_as_asked(
    start: Start, content: Path, album: Path, tmp_path: Path
):
    publication = Publication(start, content, "--symlinks", "follow")
    publication.wait_published(album.name)
    assert get(f"{publication.url}content/album/out.bin") == b"elsewhere" * 1000
    client = start(
        "outpour", "download", publication.torrent_file("album", tmp_path), "-o", tmp_path / "got",
        "--bind", "127.0.0.1",
    )  # fmt: skip
    assert client.wait() == 0, client.output
    assert (tmp_path / "got/album/out.bin").read_bytes() == b"elsewhere" * 1000
    assert publication.process.stop() == 0

    publication._flags = ("--symlinks", "skip")
    publication.again().line_with("ready:")
    publication.wait_published(album.name)
    assert publication.row(album.name)["length"] == 10_000
    assert publication.process.stop() == 0

    (album / "out.bin").unlink()
    (content / "latest.iso").symlink_to(NAME)
    publication._flags = ("--symlinks", "keep")
    publication.again().line_with("skipped latest.iso")
    publication.process.line_with("a link, which is no torrent by itself")
    publication.process.line_with("hint: choose with `--symlinks` what becomes of links")
    publication.wait_published(album.name)
    made = Metainfo.parse(publication.torrent_file(album.name, tmp_path).read_bytes())
    assert [file.symlink for file in made.info.files] == [None, ("a.bin",)]


def test_what_is_put_in_the_place_of_a_published_file_is_at_no_moment_served(
    start: Start, content: Path, tmp_path: Path
):
    publication = Publication(start, content)
    publication.wait_published(NAME)
    place, other = content / NAME, content.parent / "other"
    before = place.stat()
    other.write_bytes(b"s" * before.st_size)
    # Of the same size and time, so that nothing but the file itself tells.
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    torrent = publication.torrent_file(NAME, tmp_path)
    old = Metainfo.parse(torrent.read_bytes()).info.infohash
    # It is seeded after it was published.
    wait_for(lambda: handshakes(publication.peer_port, old), what="seed of the old torrent")
    other.replace(place)
    assert status(f"{publication.url}content/{NAME.replace(' ', '%20')}") == 404
    wait_for(
        lambda: publication.row(NAME).get("infohash", old.hex()) != old.hex(), what="new torrent"
    )
    # Nobody gets the new bytes as those of the old torrent from the seeder either.
    wait_for(lambda: not handshakes(publication.peer_port, old), what="end of the old torrent")
    new = bytes.fromhex(publication.row(NAME)["infohash"])
    wait_for(lambda: handshakes(publication.peer_port, new), what="seed of the new torrent")


@pytest.mark.long
def test_what_is_withdrawn_while_it_is_hashed_lets_the_next_be_hashed(start: Start, content: Path):
    publication = Publication(start, content)
    publication.wait_published(NAME)
    # Sparse: each takes longer to hash than this test waits.
    for name in ("huge 1.bin", "huge 2.bin"):
        with (content / name).open("wb") as file:
            file.truncate(2 << 40)
        publication.process.line_with(f"hashing {name}")
    for name in ("huge 1.bin", "huge 2.bin"):
        (content / name).unlink()
    with (content / "huge 3.bin").open("wb") as file:
        file.truncate(2 << 40)
    publication.process.line_with("hashing huge 3.bin")


def test_a_long_start_tells_how_far_it_is_and_the_end_is_said_with_time_and_level(
    start: Start, content: Path
):
    many = content / "many"
    many.mkdir()
    for number in range(1000):
        with (many / f"{number:04}.bin").open("wb") as file:
            # Sparse, and all of them more than any machine hashes within a second.
            file.truncate(60 << 20)
            file.write(b"%d" % number)
    publication = Publication(start, many)
    told = publication.process.line_with("of 1000 so far")
    assert re.search(r"published \d+ of 1000 so far", told)
    assert publication.process.stop(signal.SIGINT) == 0
    lines = publication.process.lines
    assert lines[-1].endswith(" stopped; everything is saved")
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (info|warning|error) ")
    assert [line for line in lines if not stamp.match(line)] == []


def test_what_is_refused_alike_while_it_runs_is_put_together(start: Start, content: Path):
    publication = Publication(start, content)
    publication.process.line_with("ready:")
    for number in range(30):
        (content / f"nowhere {number:02}").symlink_to("missing")
    line = publication.process.line_with("more entries: a link to nothing, such as")
    assert re.search(r"skipped \d+ more entries", line)


def test_a_second_publisher_of_a_folder_is_told_what_to_do(start: Start, content: Path):
    publication = Publication(start, content)
    publication.wait_published(NAME)
    second = start("outpour", "publish", content, "--listen", "127.0.0.1:0", "--peer-port", "0")
    assert second.wait() == 4
    for word in ("another publisher", "hint:", "`--state`", "`--listen`", "`--peer-port`"):
        assert word in second.output, word


def test_the_publisher_gives_way_to_its_answering_threads_and_to_nobody_else(
    start: Start, content: Path
):
    publication = Publication(start, content)
    publication.process.line_with("ready:")
    process = publication.process.process.pid
    assert os.sched_getscheduler(process) == os.SCHED_BATCH
    assert os.getpriority(os.PRIO_PROCESS, process) == os.getpriority(os.PRIO_PROCESS, 0)


def test_who_can_reach_the_derived_addresses_is_said(start: Start, content: Path):
    publication = Publication(start, content)
    publication.process.line_with("`127.0.0.1`, which only this machine reaches")
    assert publication.process.stop() == 0
    publication._flags = ("--url", "http://downloads.example.org:6969")
    assert "reaches" not in publication.again().output


def test_without_an_address_both_families_are_listened_to(start: Start, content: Path):
    port = free_port()
    process = start(
        "outpour", "publish", content, "--listen", f":{port}", "--peer-port", str(free_port())
    )
    process.line_with("ready:")
    has_ipv6 = Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text()
    for host in ("127.0.0.1", "::1") if has_ipv6 else ("127.0.0.1",):
        with socket.create_connection((host, port), 60):
            pass
    listed = start("outpour", "publish", "--help")
    assert listed.wait() == 0
    assert re.search(r"default:\s+:6969", listed.output)
    assert PublishOptions((content,)).listen == ":6969"


def test_a_hybrid_is_seeded_under_both_of_its_infohashes(
    start: Start, content: Path, tmp_path: Path
):
    publication = Publication(start, content, "--format", "hybrid")
    publication.wait_published(NAME)
    info = Metainfo.parse(publication.torrent_file(NAME, tmp_path).read_bytes()).info
    assert info.infohash_v1
    assert info.infohash_v2
    wait_for(partial(has_seed, publication, NAME), what="seed")
    for infohash in (info.infohash_v1, info.infohash_v2[:20]):
        counted = get(f"{publication.url}scrape?info_hash={quote(infohash)}")
        assert b"8:completei1e" in counted
        peers = announced(publication.port, infohash.hex())
        assert peers == [("127.0.0.1", publication.peer_port)]


def test_the_seeder_is_given_to_nobody_who_asks_for_what_is_not_published(
    start: Start, content: Path, tmp_path: Path
):
    settings = tmp_path / "tracker.toml"
    settings.write_text("open = true\n")
    publication = Publication(start, content, "--config", str(settings))
    publication.wait_published(NAME)
    infohash = publication.row(NAME)["infohash"]
    wait_for(
        lambda: announced(publication.port, infohash) == [("127.0.0.1", publication.peer_port)],
        what="seeder",
    )
    assert announced(publication.port, "ab" * 20) == []


def test_content_that_may_no_longer_be_read_is_withdrawn(start: Start, content: Path):
    dropped = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    probe = start(*dropped, "cat", content / NAME)
    (content / "closed").write_bytes(b"x" * 1000)
    if os.geteuid() == 0 and probe.wait():
        pytest.skip("root cannot do without its rights here")
    words = dropped if os.geteuid() == 0 else ()

    def begin(*arguments: str | Path) -> object:
        return start(*words, BIN / str(arguments[0]), *arguments[1:])

    publication = Publication(begin, content)  # type: ignore[arg-type]
    publication.wait_published(NAME, "closed")
    wait_for(partial(has_seed, publication, "closed"), what="seed")
    (content / "closed").chmod(0)
    publication.process.line_with("withdrawn closed: its content cannot be read")
    publication.process.line_with("may not be read")
    assert not publication.row("closed")
    (content / "closed").chmod(0o644)
    publication.wait_published("closed")


@pytest.mark.long
def test_what_is_left_out_stays_out_of_folders_too(start: Start, content: Path):
    folder = content / "with logs"
    folder.mkdir()
    (folder / "a.bin").write_bytes(b"a" * 1000)
    (folder / "a.log").write_bytes(b"l" * 1000)
    (content / "b.log").write_bytes(b"l" * 1000)
    publication = Publication(start, content)
    publication.wait_published(folder.name, "b.log")
    assert publication.row(folder.name)["length"] == 2000
    assert publication.process.stop() == 0
    # The torrent made before is of other content.
    publication._flags = ("--exclude", "*.log")
    publication.again().line_with("ready:")
    publication.wait_published(folder.name)
    assert publication.row(folder.name)["length"] == 1000
    assert not publication.row("b.log")


@pytest.mark.parametrize(
    ("flags", "message", "code"),
    [
        (("--piece-length", "3"), "piece length: 3 is not a power of two", 2),
        (("--comment", "\udcff"), "is not UTF-8", 2),
        (("--bind", "203.0.113.77"), "no interface of this machine has that address", 7),
        (("--peer-address", ""), "not an address of a peer", 2),
        (("--url", "ftp://x"), "not the address of a page", 2),
    ],
)
def test_what_no_torrent_can_be_published_with_is_refused_at_once(
    flags: tuple[str, ...], message: str, code: int, start: Start, content: Path
):
    process = start(
        "outpour", "publish", content, "--listen", "127.0.0.1:0", "--peer-port", "0", *flags
    )
    assert process.wait() == code
    assert message in process.output
    assert "skipped" not in process.output
