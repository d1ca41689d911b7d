"""A mirror end to end: what is published is there, and stays there whatever ends in between."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import time
import urllib.error
import urllib.request
from html import escape
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.making.maker import CreateOptions, create
from outpour.torrent import bencode
from outpour.torrent.bencode import Encodable
from outpour.torrent.metainfo import Metainfo
from tests.free_ports import free_port
from tests.live.conftest import Running, Start, get, get_json, same_bytes
from tests.live.mirroring import Mirror
from tests.live.publication import Publication, announced, status
from tests.remote_server import serving
from tests.waiting import Stopwatch, wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]


def served(mirror: Publication, name: str, folder: Path) -> Metainfo:
    return Metainfo.read(mirror.torrent_file(name, folder))


def test_a_mirror_has_what_is_published_and_gives_it_to_others(start: Start, tmp_path: Path):
    content = tmp_path / "releases"
    tree = content / "größer ☃" / "inner"
    tree.mkdir(parents=True)
    (tree / "data").write_bytes(os.urandom(300_000))
    (tree.parent / "empty").touch()
    (content / "game.iso").write_bytes(os.urandom(900_000))
    (content / "left.out").write_bytes(b"not wanted")
    publication = Publication(start, content)
    publication.wait_published("game.iso", "größer ☃")
    target = tmp_path / "mirror"
    target.mkdir()
    (target / "mine.txt").write_text("of somebody else")
    mirror = Mirror(start, publication.url, target, "--skip", "*.out")
    mirror.wait_published("game.iso", "größer ☃")
    for name in ("game.iso", "größer ☃"):
        wait_for(lambda: mirror.row(name).get("content_url"), what=f"{name} served")  # noqa: B023
        assert same_bytes(content / name, target / name)
    # What it fetched into is cleared up after it was served.
    names = {"game.iso", "größer ☃", "mine.txt"}
    wait_for(
        lambda: {path.name for path in target.iterdir()} == names, what="nothing else",
        still=lambda: [*target.iterdir()],
    )  # fmt: skip
    assert get(f"{mirror.url}content/game.iso") == (content / "game.iso").read_bytes()

    theirs = served(publication, "game.iso", tmp_path)
    ours = served(mirror, "game.iso", tmp_path)
    assert ours.info.infohash == theirs.info.infohash
    # The publisher's trackers stay the first; both are asked, and both have the content.
    assert ours.tiers[: len(theirs.tiers)] == theirs.tiers
    assert (f"{mirror.url}announce",) in ours.tiers
    assert set(ours.web_seeds) == {f"{mirror.url}content/game.iso", *theirs.web_seeds}
    infohash = ours.info.infohash_hex
    assert ("127.0.0.1", mirror.peer_port) in announced(mirror.port, infohash)
    wait_for(
        lambda: ("127.0.0.1", mirror.peer_port) in announced(publication.port, infohash),
        what="the mirror in the publisher's swarm",
    )

    # What is published now is on its way here within seconds.
    (content / "new.iso").write_bytes(os.urandom(200_000))
    publication.process.line_with("published new.iso")
    watch = Stopwatch()
    mirror.process.line_with("fetching new.iso")
    mirror.process.line_with("mirrored new.iso")
    assert watch.seconds < 5
    assert same_bytes(content / "new.iso", target / "new.iso")


@pytest.mark.long
def test_a_torrent_that_names_other_sources_is_taken_over_under_its_infohash(
    start: Start, tmp_path: Path
):
    content = tmp_path / "releases"
    content.mkdir()
    (content / "game.iso").write_bytes(os.urandom(300_000))
    (content / "slow.iso").write_bytes(os.urandom(3_000_000))
    flags = ("--no-content", "--up-rate", "200KiB")
    publication = Publication(start, content, *flags)
    publication.wait_published("game.iso", "slow.iso")
    mirror = Mirror(start, publication.url, tmp_path / "mirror")
    mirror.process.line_with("mirrored game.iso")
    before = served(mirror, "game.iso", tmp_path)
    with serving() as remote:
        # The publisher names a copy that it did not name before, and another tracker.
        for name in ("game.iso", "slow.iso"):
            remote.files[f"/copies/{name}"] = (content / name).read_bytes()
        publication.process.stop(signal.SIGINT)
        seed, tracker = f"{remote.url}/copies/", f"{remote.url}/announce"
        publication = Publication(
            start, content, "--no-content", "--no-seed", "--web-seed", seed, "--tracker", tracker,
            port=publication.port,
        )  # fmt: skip
        # What is half there comes from the copy that it did not know when it began.
        mirror.process.line_with("mirrored slow.iso", seconds=100)
        assert same_bytes(content, tmp_path / "mirror")
        wait_for(
            lambda: f"{seed}game.iso" in served(mirror, "game.iso", tmp_path).web_seeds,
            what="the copy named by the mirror",
            still=lambda: mirror.process.output,
        )
        after = served(mirror, "game.iso", tmp_path)
        assert after.info.infohash == before.info.infohash
        assert (tracker,) in after.tiers
        # What is whole is announced where the publisher wants it to be, and not fetched again.
        wait_for(
            lambda: any(path.startswith("/announce") for path in remote.asked), what="an announce"
        )
        assert mirror.process.output.count("mirrored game.iso") == 1


@pytest.mark.long
def test_both_ends_may_be_killed_and_nothing_is_fetched_twice(start: Start, tmp_path: Path):
    content, target = tmp_path / "releases", tmp_path / "mirror"
    content.mkdir()
    (content / "kept").write_bytes(os.urandom(400_000))
    # So large that it takes long, as long as the rate is limited.
    (content / "slow").write_bytes(os.urandom(12_000_000))
    publication = Publication(start, content, "--no-content", "--up-rate", "400KiB")
    publication.wait_published("kept", "slow")
    mirror = Mirror(start, publication.url, target)
    mirror.process.line_with("mirrored kept")
    half = wait_for(lambda: next(target.glob(".outpour-mirror/*/slow"), None), what="slow begun")
    assert half is not None
    wait_for(lambda: half.stat().st_blocks * 512 > 600_000, what="a part of slow")
    assert not (target / "slow").exists()
    kept = mirror.row("kept")["infohash"]
    mirror.process.stop(signal.SIGKILL)
    publication.process.stop(signal.SIGKILL)
    # As if it had been killed before it cleared up after what is whole.
    half.parent.with_name(kept).mkdir(exist_ok=True)

    # A publisher that is down at the start is waited for, and what is here is served meanwhile.
    mirror.again()
    mirror.process.line_with(f"`{publication.url}`: connection refused; what is mirrored stays")
    mirror.process.line_with("mirrored kept (391 KiB, here already)")
    assert get(f"{mirror.url}content/kept") == (content / "kept").read_bytes()
    mirror.process.stop(signal.SIGKILL)
    publication._flags = ("--no-content",)
    publication.again()
    mirror.again()
    mirror.process.line_with("mirrored slow", seconds=100)
    assert same_bytes(content, target)
    wait_for(lambda: not (target / ".outpour-mirror").exists(), what="nothing half there")


@pytest.mark.long
def test_what_is_published_anew_replaces_and_what_is_withdrawn_goes_after_the_grace(
    start: Start, tmp_path: Path
):
    content, target = tmp_path / "releases", tmp_path / "mirror"
    (content / "tree").mkdir(parents=True)
    (content / "tree" / "one").write_bytes(os.urandom(100_000))
    (content / "daily").write_bytes(os.urandom(100_000))
    (content / "stays").write_bytes(b"stays")
    publication = Publication(start, content)
    publication.wait_published("tree", "daily", "stays")
    mirror = Mirror(start, publication.url, target, "--grace", "5s", "--delete")
    for name in ("tree", "daily", "stays"):
        mirror.process.line_with(f"mirrored {name}")
    (target / "tree" / "note").write_text("of somebody else")

    old = (target / "daily").read_bytes()
    (content / "daily").write_bytes(os.urandom(120_000))
    wait_for(
        lambda: same_bytes(content / "daily", target / "daily"),
        what="the new content",
        still=lambda: mirror.process.output,
    )
    assert old != (target / "daily").read_bytes()
    wait_for(lambda: mirror.row("daily").get("content_url"), what="the new content served")
    assert get(f"{mirror.url}content/daily") == (content / "daily").read_bytes()

    # Gone there, it is gone here: its own files, and none of somebody else.
    shutil.rmtree(content / "tree")
    wait_for(lambda: not (target / "tree" / "one").exists(), seconds=60, what="tree deleted")
    assert (target / "tree" / "note").read_text() == "of somebody else"
    assert not mirror.row("tree")

    # That nothing is left at all is not believed so soon.
    for path in content.iterdir():
        path.unlink()
    mirror.process.line_with("lists 0 torrents", seconds=60)
    publication.process.stop(signal.SIGKILL)
    mirror.process.line_with("trying again")
    assert get(f"{mirror.url}content/stays") == b"stays"


def test_the_newest_are_kept_and_an_older_one_goes_once_they_are_here(start: Start, tmp_path: Path):
    content, target = tmp_path / "releases", tmp_path / "mirror"
    content.mkdir()
    now = int(time.time()) - 100_000
    for number in range(4):
        path = content / f"week-{number}.osm"
        path.write_bytes(os.urandom(50_000))
        os.utime(path, (now + number * 1000, now + number * 1000))
    (content / "large.osm").write_bytes(os.urandom(200_000))
    publication = Publication(start, content)
    publication.wait_published("week-0.osm", "week-3.osm", "large.osm")
    flags = ("--keep", "2", "--delete", "--max-size", "100kB", "--only", "*.osm")
    mirror = Mirror(start, publication.url, target, *flags)
    mirror.process.line_with("mirrored week-3.osm")
    mirror.process.line_with("mirrored week-2.osm")
    (content / "week-4.osm").write_bytes(os.urandom(50_000))
    mirror.process.line_with("mirrored week-4.osm")
    mirror.process.line_with("withdrawn week-2.osm")
    wait_for(
        lambda: sorted(path.name for path in target.iterdir()) == ["week-3.osm", "week-4.osm"],
        what="the newest two",
    )


def test_content_that_is_there_already_is_compared_and_foreign_files_are_left(
    start: Start, tmp_path: Path
):
    content, target = tmp_path / "releases", tmp_path / "mirror"
    content.mkdir()
    target.mkdir()
    for name in ("brought", "foreign", "other"):
        (content / name).write_bytes(os.urandom(200_000))
    shutil.copy(content / "brought", target / "brought")
    (target / "foreign").write_bytes(bytes(200_000))
    publication = Publication(start, content, "--no-seed", "--no-content")
    publication.wait_published("brought", "foreign", "other")
    state = tmp_path / "state"
    mirror = Mirror(start, publication.url, target, "--state", str(state))
    # Nobody has it but us.
    mirror.process.line_with("mirrored brought")
    mirror.process.line_with("is there already, and no part of `foreign`")
    assert (target / "foreign").read_bytes() == bytes(200_000)

    # A damaged memory costs a comparison, and nothing else.
    mirror.process.stop(signal.SIGKILL)
    for name in ("mirror.sqlite-wal", "mirror.sqlite-shm"):
        (state / name).unlink(missing_ok=True)
    (state / "mirror.sqlite").write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    mirror.again()
    mirror.process.line_with("damaged, set aside")
    mirror.process.line_with("mirrored brought")
    with contextlib.closing(sqlite3.connect(state / "mirror.sqlite")) as database:
        rows = database.execute("SELECT name FROM held WHERE fingerprint IS NOT NULL").fetchall()
    assert rows == [(b"brought",)]


def test_what_cannot_be_mirrored_at_all_ends_with_one_line_and_a_code(start: Start, tmp_path: Path):
    port, other = free_port(), free_port()
    listen = ("--listen", f"127.0.0.1:{port}", "--peer-port", "0")

    def failed(*words: str | Path) -> tuple[int, list[str]]:
        process: Running = start("outpour", "mirror", *words, *listen)
        return process.wait(), process.lines

    page = start("python", "-m", "http.server", "--bind", "127.0.0.1", str(other))
    wait_for(lambda: _answers(f"http://127.0.0.1:{other}/"), what="a server of other things")
    code, lines = failed(f"http://127.0.0.1:{other}/", "-o", tmp_path / "m")
    assert code == 7
    assert "neither the page of an outpour publisher nor a feed" in "".join(lines)
    page.stop(signal.SIGINT)
    (tmp_path / "file").touch()
    code, lines = failed("http://127.0.0.1:1/", "-o", tmp_path / "file")
    assert code == 5
    assert f"`{tmp_path / 'file'}`: " in "".join(lines)


def test_a_folder_has_one_mirror_for_as_long_as_that_lives(start: Start, tmp_path: Path):
    folder = tmp_path / "m"

    def begin(source: str, state: str) -> Running:
        return start(
            "outpour", "mirror", f"http://127.0.0.1:1/{source}", "-o", folder,
            "--state", tmp_path / state, "--listen", "127.0.0.1:0", "--peer-port", "0",
        )  # fmt: skip

    first = begin("a", "1")
    first.line_with("serving")
    (tmp_path / "link").symlink_to(folder)
    folder = tmp_path / "link"
    second = begin("b", "2")
    assert second.wait() == 4
    assert second.lines == [
        f"error: `{folder}`: another mirror is using it, process {first.process.pid}",
        f"hint: `kill {first.process.pid}` stops the other one, or choose another folder for this "
        "one with `-o`",
    ]
    first.process.kill()
    first.wait()
    third = begin("c", "1")
    third.line_with("serving")
    assert third.stop(signal.SIGINT) == 0
    assert list(folder.iterdir()) == []


def _answers(url: str) -> bool:
    try:
        return status(url) == 200
    except OSError:
        return False


@pytest.mark.long
def test_a_mirror_that_registers_is_counted_named_and_given_first(start: Start, tmp_path: Path):
    content, tokens, token = tmp_path / "releases", tmp_path / "tokens", tmp_path / "token"
    content.mkdir()
    (content / "game.iso").write_bytes(os.urandom(300_000))
    tokens.write_text("volunteer 0123456789abcdef\n")
    token.write_text("0123456789abcdef\n")
    state = tmp_path / "state"
    flags = ("--mirror-tokens", str(tokens), "--state", str(state))
    publication = Publication(start, content, *flags)
    publication.wait_published("game.iso")
    mirror = Mirror(
        start, publication.url, tmp_path / "mirror", "--token-file", str(token)
    )  # fmt: skip
    seed = f"{mirror.url}content/game.iso"
    mirror.process.line_with("registered: the publisher counts this mirror", seconds=60)
    publication.process.line_with("mirror `volunteer` is counted")
    wait_for(
        lambda: seed in served(publication, "game.iso", tmp_path).web_seeds,
        what="the mirror in the .torrent",
    )
    assert get_json(f"{publication.url}api/v1/mirrors")["mirrors"][0]["url"] == mirror.url  # type: ignore[index]
    page = get(publication.url).decode()
    assert f'<a href="{mirror.url}"' in page
    assert "1</strong> mirror" in page
    infohash = publication.row("game.iso")["infohash"]
    first = [("127.0.0.1", publication.peer_port), ("127.0.0.1", mirror.peer_port)]
    wait_for(
        lambda: announced(publication.port, infohash)[:2] == first, what="the mirror given first"
    )

    # All this outlives the publisher, and a token lets nobody do anything else.
    publication.process.stop(signal.SIGKILL)
    publication.again()
    publication.wait_published("game.iso")
    assert seed in served(publication, "game.iso", tmp_path).web_seeds
    request = urllib.request.Request(
        f"{publication.url}api/v1/rates", headers={"Authorization": "Bearer 0123456789abcdef"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code in (401, 404)
    refused.value.close()

    # Who takes the token away is rid of the mirror.
    tokens.write_text("# nobody\n")
    publication.process.line_with("is dropped: it has no token any more", seconds=60)
    wait_for(
        lambda: seed not in served(publication, "game.iso", tmp_path).web_seeds,
        what="the mirror named no longer",
    )


def test_a_feed_of_another_tool_is_mirrored_and_what_has_no_room_is_left_out(
    start: Start, tmp_path: Path
):
    (tmp_path / "planet.osm").write_bytes(os.urandom(200_000))
    with serving() as remote:
        seeds = (f"{remote.url}/planet.osm",)
        small = create(tmp_path / "planet.osm", CreateOptions(web_seeds=seeds))
        length, piece = 100 << 40, 1 << 30
        info: dict[str, Encodable] = {
            "length": length, "name": "huge", "piece length": piece,
            "pieces": bytes(20 * (length // piece)),
        }  # fmt: skip
        remote.files = {
            "/feed.xml": FEED.encode(),
            "/planet.osm": (tmp_path / "planet.osm").read_bytes(),
            "/planet.osm.torrent": small.raw,
            "/huge.torrent": bencode.encode({"info": info, "url-list": f"{remote.url}/huge"}),
        }
        target = tmp_path / "mirror"
        mirror = Mirror(start, f"{remote.url}/feed.xml", target, "--every", "1s")
        mirror.process.line_with("mirrored planet.osm", seconds=60)
        mirror.process.line_with("`huge` needs 100 TiB")
        mirror.process.line_with("it names no tracker, web seed or peer to ask")
        assert same_bytes(tmp_path / "planet.osm", target / "planet.osm")
        # What falls out of a feed is still mirrored, and garbage changes nothing.
        remote.files["/feed.xml"] = b"<rss><channel>"
        mirror.process.line_with("what is mirrored stays")
        assert get(f"{mirror.url}content/planet.osm") == remote.files["/planet.osm"]


def test_what_a_feed_names_by_magnet_link_alone_is_asked_of_peers(start: Start, tmp_path: Path):
    content = tmp_path / "releases"
    content.mkdir()
    (content / "planet.osm").write_bytes(os.urandom(200_000))
    (content / "hybrid.osm").write_bytes(os.urandom(200_000))
    (content / "large.osm").write_bytes(os.urandom(900_000))
    publication = Publication(start, content, "--format", "hybrid")
    publication.wait_published("planet.osm", "hybrid.osm", "large.osm")
    tracker = quote(f"{publication.url}announce", safe="")
    links = [f"{'ab' * 20}&tr={tracker}", "garbage"]
    links += [
        f"{row['infohash']}&tr={tracker}" if row["name"] != "hybrid.osm"
        else f"{row['infohash']}&xt=urn:btmh:1220{row['infohash_v2']}&tr={tracker}"
        for row in publication.torrents()
    ]  # fmt: skip
    items = "".join(
        f"<item><title>map {number}</title><link>magnet:?xt=urn:btih:{escape(link)}</link></item>"
        for number, link in enumerate(links)
    )
    with serving() as remote:
        remote.files["/feed"] = f'<rss version="2.0"><channel>{items}</channel></rss>'.encode()
        target = tmp_path / "mirror"
        flags = ("--every", "1s", "--max-size", "500kB")
        mirror = Mirror(start, f"{remote.url}/feed", target, *flags)
        # The first names a torrent that nobody has, and holds nothing up.
        for name in ("planet.osm", "hybrid.osm"):
            mirror.process.line_with(f"mirrored {name}")
        assert same_bytes(content / "hybrid.osm", target / "hybrid.osm")
        assert "large.osm" not in mirror.process.output
        ours = served(mirror, "hybrid.osm", tmp_path)
        assert ours.info.version == "hybrid"
        assert ours.piece_layers == served(publication, "hybrid.osm", tmp_path).piece_layers
        # What is here is known by its link at the next start.
        mirror.process.stop(signal.SIGINT)
        publication.process.stop(signal.SIGINT)
        mirror.again()
        mirror.process.line_with("mirrored planet.osm (195 KiB, here already)")


FEED = """<rss version="2.0"><channel><title>maps</title>
<item><title>planet</title><enclosure url="planet.osm.torrent"/></item>
<item><title>huge</title><enclosure url="huge.torrent"/></item>
<item><title>link</title><link>magnet:?xt=urn:btih:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</link></item>
</channel></rss>"""
