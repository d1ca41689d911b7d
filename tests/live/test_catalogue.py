"""Publishing what a catalogue lists: content on servers, of which nothing is kept here."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
from pathlib import Path

import pytest

from outpour.torrent.metainfo import Metainfo
from tests.live.conftest import Start, get, get_json
from tests.live.publication import Publication
from tests.remote_server import Remote, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]
NAMES = ("a.iso", "b.iso", "d/x", "d/y")


@pytest.fixture
def remote():
    draw = random.Random(5)
    with serving() as made:
        made.files = {
            f"/{name}": draw.randbytes(70_000) for name in ("a.iso", "b.iso", "d/x", "d/y")
        }
        made.headers["Last-Modified"] = "Fri, 02 Jan 2026 00:00:00 GMT"
        yield made


def written(path: Path, *entries: str) -> Path:
    return replaced(path, "".join(f"[[torrent]]\n{entry}\n" for entry in entries))


def replaced(path: Path, text: str) -> Path:
    """Write a file that nobody finds empty in between."""
    new = path.with_name("new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
    return path


def publication(start: Start, tmp_path: Path, *flags: str) -> Publication:
    return Publication(
        start, None, "--catalogue", str(tmp_path / "catalogue.toml"), "--state",
        str(tmp_path / "state"), "--no-seed", *flags,
    )  # fmt: skip


def names(publication: Publication) -> set[str]:
    return {row["name"] for row in publication.torrents()}


def seeds(publication: Publication, name: str) -> tuple[str, ...]:
    raw = get(f"{publication.url}torrents/{name}.torrent")
    return Metainfo.parse(raw).web_seeds


def test_a_page_and_a_tracker_stand_for_content_that_is_on_no_local_disk(
    start: Start, tmp_path: Path, remote: Remote
) -> None:
    sums = "".join(
        f"{hashlib.sha256(remote.files[f'/d/{name}']).hexdigest()}  {name}\n" for name in "xy"
    )
    remote.files["/d/SHA256SUMS"] = sums.encode()
    (tmp_path / "near.bin").write_bytes(bytes(5000))
    digest = hashlib.sha256(remote.files["/a.iso"]).hexdigest()
    written(
        tmp_path / "catalogue.toml",
        f'url = "{remote.url}/a.iso"\nsha256 = "{digest}"\ndescription = "The release."\n'
        'licence = "CC0-1.0"\ndate = 2026-01-31\ngroup = "Releases"',
        f'list = "{remote.url}/d/SHA256SUMS"\ngroup = "Data"\n'
        'description = """Many lines.\n\nThey *say* much."""',
        'path = "near.bin"\nlicence = "MIT"',
    )
    published = publication(start, tmp_path)
    published.wait_published("a.iso", "d", "near.bin")
    row = published.row("a.iso")
    assert (row["group"], row["comment"], row["created"]) == (
        "Releases", "The release.", 1769817600,
    )  # fmt: skip
    assert row["content_url"] is None
    assert published.row("d")["created"] == 1767312000
    detail = get_json(f"{published.url}api/v1/torrents/{row['infohash']}")
    files = detail["files"]
    assert isinstance(files, list)
    assert (detail["licence"], files[0]["sha256"]) == ("CC0-1.0", digest)
    detail = get_json(f"{published.url}api/v1/torrents/{published.row('d')['infohash']}")
    assert detail["description"] == "Many lines.\n\nThey *say* much."
    page = get(f"{published.url}torrent/{row['infohash']}").decode()
    assert "CC0-1.0" in page
    assert "The release." in page
    assert b"CC0-1.0" in get(f"{published.url}feed.atom")
    feed = json.loads(get(f"{published.url}feed.json?group=Releases"))
    assert [item["title"] for item in feed["items"]] == ["a.iso"]
    assert seeds(published, "a.iso") == (f"{remote.url}/a.iso",)
    assert seeds(published, "d") == (f"{remote.url}/",)
    target = tmp_path / "target"
    torrent = published.torrent_file("d", tmp_path)
    assert start("outpour", "download", torrent, "-o", target, "--no-state").wait() == 0
    assert (target / "d" / "x").read_bytes() == remote.files["/d/x"]


def test_changes_of_the_file_are_followed_and_a_bad_entry_stops_no_other(
    start: Start, tmp_path: Path, remote: Remote
) -> None:
    good = f'url = "{remote.url}/a.iso"'
    catalogue = written(
        tmp_path / "catalogue.toml",
        good,
        f'ulr = "{remote.url}/b.iso"',
        f'url = "{remote.url}/gone.iso"',
        f'name = "wrong.iso"\nurl = "{remote.url}/b.iso"\nsha256 = "{"0" * 64}"',
        f'name = "a.iso"\nurl = "{remote.url}/b.iso"',
    )
    published = publication(start, tmp_path)
    published.wait_published("a.iso")
    process = published.process
    assert "entry 2: unknown key `ulr`" in process.line_with("entry 2")
    assert "HTTP 404 not found" in process.line_with("gone.iso")
    assert "SHA-256" in process.line_with("wrong.iso")
    before = published.row("a.iso")["infohash"]
    written(catalogue, f'{good}\ngroup = "New"', f'name = "b"\nurl = "{remote.url}/b.iso"')
    published.wait_published("a.iso", "b")
    wait_for(lambda: published.row("a.iso")["group"] == "New", what="the group")
    assert published.row("a.iso")["infohash"] == before
    # What is half written changes nothing.
    replaced(catalogue, "[[torrent")
    assert "not TOML" in process.line_with("skipped catalogue.toml")
    assert names(published) == {"a.iso", "b"}
    written(catalogue, f'name = "b"\nurl = "{remote.url}/b.iso"')
    wait_for(lambda: names(published) == {"b"}, what="the one that stays")
    # It goes after the row.
    torrent = tmp_path / "state" / "torrents" / "a.iso.torrent"
    wait_for(lambda: not torrent.exists(), what="the .torrent to be gone")


def test_servers_that_can_be_no_web_seed_or_give_something_else_are_said(
    start: Start, tmp_path: Path, remote: Remote
) -> None:
    remote.has_ranges = False
    remote.redirects["/round"] = "/round"
    remote.files["/page"] = b"<html>"
    remote.files["/empty"] = b""
    with serving() as pages:
        pages.files["/page"] = b"<html>Not found"
        pages.headers["Content-Type"] = "text/html"
        entries = [
            f'url = "{remote.url}/a.iso"',
            f'url = "{remote.url}/round"',
            f'url = "{remote.url}/empty"',
            f'url = "{pages.url}/page"',
            f'list = "{remote.url}/page"\nname = "no-list"',
        ]
        written(tmp_path / "catalogue.toml", *entries)
        published = publication(start, tmp_path)
        published.wait_published("a.iso")
        assert "gives no parts of files" in published.process.line_with("note: `http")
        for name, said in (
            ("skipped round", "redirect"),
            ("skipped empty", "has no content"),
            ("skipped page", "answers with a page"),
            ("skipped no-list", "neither a URL nor a checksum"),
        ):
            assert said in published.process.line_with(name)
    assert names(published) == {"a.iso"}
    assert seeds(published, "a.iso") == ()


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, 4, "is a directory"),
        ("title = 1", 3, "unknown key `title`"),
        ("torrent = 1", 3, "`torrent` is no list"),
        ("[[torrent", 3, "not TOML"),
    ],
)
def test_what_is_no_catalogue_is_said_at_once(
    start: Start, tmp_path: Path, text: str | None, code: int, said: str
) -> None:
    catalogue = tmp_path / "catalogue.toml"
    catalogue.mkdir() if text is None else catalogue.write_text(text)
    process = start("outpour", "publish", "--catalogue", catalogue, "--listen", "127.0.0.1:0")
    assert process.wait() == code
    assert said in process.output


def test_a_restart_reads_nothing_again_and_needs_no_server(start: Start, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        remote = stack.enter_context(serving())
        remote.files = {"/a.iso": os.urandom(50_000), "/b.iso": os.urandom(50_000)}
        written(
            tmp_path / "catalogue.toml",
            f'urls = ["{remote.url}/a.iso", "{remote.url}/b.iso"]',
        )
        published = publication(start, tmp_path)
        published.wait_published("a.iso")
        assert "has other bytes" in published.process.line_with("b.iso")
        remote.files["/b.iso"] = remote.files["/a.iso"]
        infohash = published.row("a.iso")["infohash"]
        assert published.process.stop() == 0
        remote.asked.clear()
        again = published.again()
        assert "unchanged" in again.line_with("published a.iso")
        # The copy is looked at anew.
        both = (f"{remote.url}/a.iso", f"{remote.url}/b.iso")
        wait_for(lambda: seeds(published, "a.iso") == both, what="the copy among the seeds")
        assert remote.asked.count("/a.iso") == 1
        assert again.stop() == 0
    again = published.again()
    assert "unchanged" in again.line_with("published a.iso")
    assert published.row("a.iso")["infohash"] == infohash
    assert seeds(published, "a.iso")[0] == both[0]


def test_what_is_replaced_at_its_server_is_read_anew(
    start: Start, tmp_path: Path, remote: Remote
) -> None:
    written(tmp_path / "catalogue.toml", f'url = "{remote.url}/a.iso"')
    published = publication(start, tmp_path)
    published.wait_published("a.iso")
    before = published.row("a.iso")["infohash"]
    assert published.process.stop() == 0
    remote.files["/a.iso"] = remote.files["/b.iso"] + b"more"
    published.again()
    published.wait_published("a.iso")
    assert published.row("a.iso")["infohash"] != before
