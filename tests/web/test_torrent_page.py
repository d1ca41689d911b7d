"""The page of one torrent: what it offers, how its files are checked, and what became of it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree

import pytest

from outpour.tracker.figures import Sample, TorrentRow
from outpour.web.content_copy import ContentCopy
from outpour.web.torrents import folder_archive
from outpour.web.torrents.magnet_code import code_of

from .conftest import NOW, FakeView, Site, make_metainfo

META = "{urn:ietf:params:xml:ns:metalink}"
HOSTILE = "</script><script>alert(1)</script>\u202egnp.<b>&\n\u2028" + "😀" * 40


def with_checksums(view: FakeView, infohash: bytes, contents: Sequence[bytes]) -> list[str]:
    digests = [hashlib.sha256(content).digest() for content in contents]
    view.checksums[infohash] = digests
    return [digest.hex() for digest in digests]


def files_of(document: bytes) -> dict[str, ElementTree.Element]:
    root = ElementTree.fromstring(document)
    return {str(file.get("name")): file for file in root.findall(f"{META}file")}


def test_a_file_offers_its_download_and_its_checksum_at_once(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("disk.iso", b"d" * 3000, tmp_path)
    (digest,) = with_checksums(view, infohash, [b"d" * 3000])
    page = site.get(f"/torrent/{infohash.hex()}").text
    assert re.search(r'<a class="button button-primary[^>]*href="/content/disk.iso"', page)
    assert digest in page
    assert "/torrents/disk.iso.torrent" in page
    assert f"/torrents/{infohash.hex()}.meta4" in page


def test_checksums_are_told_of_content_that_is_not_served_here_or_not_yet(
    view: FakeView, site: Site
):
    infohash = view.publish("set", {"a": b"1" * 5, "b": b"2" * 2000})
    digests = with_checksums(view, infohash, [b"1" * 5, b"2" * 2000])
    files = site.get(f"/api/v1/torrents/{infohash.hex()}").json["files"]
    assert [file["sha256"] for file in files] == digests


def test_a_checksum_that_the_publisher_wrote_is_shown_where_none_was_made(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("disk.iso", b"d" * 3000, tmp_path)
    written = "ab" * 32
    site.beside.checksums = lambda infohash: {(): written}  # type: ignore[method-assign]
    assert written in site.get(f"/torrent/{infohash.hex()}").text
    made = with_checksums(view, infohash, [b"d" * 3000])[0]
    site.on_loop(lambda: site.app.state.context.files._kept.clear())
    page = site.get(f"/torrent/{infohash.hex()}").text
    assert made in page
    assert written not in page


def test_the_files_of_a_folder_have_sizes_dates_links_and_checksums(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("set", {"a/one.txt": b"1" * 5, "two.txt": b"2" * 2000}, tmp_path)
    digests = with_checksums(view, infohash, [b"1" * 5, b"2" * 2000])
    page = site.get(f"/torrent/{infohash.hex()}").text
    assert all(digest in page for digest in digests)
    assert 'href="/content/set/a/one.txt"' in page
    assert 'href="/content/set/?zip"' in page
    assert page.count('class="file-facts"><time datetime="20') == 2
    api = site.get(f"/api/v1/torrents/{infohash.hex()}").json
    assert [file["sha256"] for file in api["files"]] == digests


def test_without_checksums_none_are_said(view: FakeView, site: Site, tmp_path: Path):
    infohash = view.publish("set", {"a": b"1"}, tmp_path)
    page = site.get(f"/torrent/{infohash.hex()}").text
    assert "SHA256SUMS" not in page
    assert site.get("/torrents/set.SHA256SUMS").status == 404
    api = site.get(f"/api/v1/torrents/{infohash.hex()}").json
    assert api["files"][0]["sha256"] is None


@pytest.mark.parametrize("named", ["name", "infohash"])
def test_sha256sum_checks_the_files_by_the_list(
    view: FakeView, site: Site, tmp_path: Path, named: str
):
    names = {"a/one.txt": b"1", "odd\\name": b"2", "new\nline": b"3", "ü.bin": b"4"}
    infohash = view.publish("set", names, tmp_path)
    with_checksums(view, infohash, list(names.values()))
    stem = "set" if named == "name" else infohash.hex()
    answer = site.get(f"/torrents/{stem}.SHA256SUMS")
    assert answer.status == 200
    (tmp_path / "SUMS").write_bytes(answer.body)
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SUMS"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(b"OK") == 4


def test_a_metalink_names_every_file_its_checksum_and_its_sources(
    view: FakeView, site: Site, tmp_path: Path
):
    files = {"a/one.txt": b"1", "b ü.txt": b"2"}
    infohash = view.publish("set", files, tmp_path, web_seeds=("http://127.0.0.1:9/seed/",))
    digests = with_checksums(view, infohash, list(files.values()))
    answer = site.get("/torrents/set.meta4")
    assert answer.headers["content-type"] == "application/metalink4+xml"
    found = files_of(answer.body)
    assert list(found) == ["set/a/one.txt", "set/b ü.txt"]
    one = found["set/b ü.txt"]
    assert one.findtext(f"{META}size") == "1"
    assert one.find(f"{META}hash").attrib == {"type": "sha-256"}  # type: ignore[union-attr]
    assert one.findtext(f"{META}hash") == digests[1]
    urls = [url.text for url in one.findall(f"{META}url")]
    assert urls == [
        f"{site.url}/content/set/b%20%C3%BC.txt",
        "http://127.0.0.1:9/seed/set/b%20%C3%BC.txt",
    ]
    metaurl = one.find(f"{META}metaurl")
    assert metaurl is not None
    assert (metaurl.get("mediatype"), metaurl.get("name")) == ("torrent", "b ü.txt")
    assert metaurl.text == f"{site.url}/torrents/set.torrent"


def test_a_metalink_of_a_single_file_has_the_hashes_of_its_pieces(
    view: FakeView, site: Site, tmp_path: Path
):
    content = b"d" * 40_000
    view.publish("disk.iso", content, tmp_path)
    (file,) = files_of(site.get("/torrents/disk.iso.meta4").body).values()
    pieces = file.find(f"{META}pieces")
    assert pieces is not None
    assert pieces.attrib == {"length": "16384", "type": "sha-1"}
    assert [hash_.text for hash_ in pieces] == [
        hashlib.sha1(content[at : at + 16384]).hexdigest() for at in range(0, 40_000, 16384)
    ]


def test_a_hostile_name_harms_no_document(view: FakeView, site: Site):
    infohash = view.list_metainfo(
        make_metainfo(HOSTILE.encode(), {"x\x01y/\u202e<i>": b"1", "z": b"2"}),
        None,
        comment=HOSTILE,
    )
    page = site.get(f"/torrent/{infohash.hex()}").text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    # Neither the end of the element nor the beginning of a comment or another one can be in it.
    assert "<" not in block
    described = json.loads(block)
    assert described["@type"] == "Dataset"
    assert "alert(1)" in described["name"]
    found = files_of(site.get(f"/torrents/{infohash.hex()}.meta4").body)
    assert len(found) == 2
    assert not any("\u202e" in name or "\n" in name for name in found)


def test_a_dataset_names_its_downloads(view: FakeView, site: Site, tmp_path: Path):
    infohash = view.publish("set", {"a.csv": b"1,2", "b.iso": b"x"}, tmp_path, comment="Numbers")
    digests = with_checksums(view, infohash, [b"1,2", b"x"])
    page = site.get(f"/torrent/{infohash.hex()}").text
    (block,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    described = json.loads(block)
    torrent, csv, _ = described["distribution"]
    assert torrent["encodingFormat"] == "application/x-bittorrent"
    assert site.get(torrent["contentUrl"].removeprefix(site.url)).status == 200
    assert (csv["encodingFormat"], csv["sha256"]) == ("text/csv", digests[0])
    assert site.get(csv["contentUrl"].removeprefix(site.url)).body == b"1,2"
    assert len(described["description"]) >= 50


def test_the_code_holds_the_magnet_link_and_stays_black_on_white(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("disk.iso", b"d", tmp_path)
    answer = site.get(f"/torrent/{infohash.hex()}/qr.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    root = ElementTree.fromstring(answer.body)
    assert root.tag.endswith("svg")
    assert "#fff" in answer.text
    assert "#000" in answer.text
    assert site.get(f"/torrent/{'0' * 40}/qr.svg").status == 404


def test_a_code_of_a_link_with_too_much_in_it_holds_what_fits():
    trackers = "".join(f"&tr=http%3A%2F%2F127.0.0.1%3A{port}%2Fannounce" for port in range(1, 200))
    seeds = "".join(f"&ws=http%3A%2F%2F127.0.0.1%2F{number}" for number in range(200))
    magnet = f"magnet:?xt=urn:btih:{'ab' * 20}&dn={'n' * 5000}{trackers}{seeds}"
    assert b"<svg" in code_of(magnet)


def test_a_withdrawn_torrent_says_so_and_an_unknown_one_is_not_there(view: FakeView, site: Site):
    gone = TorrentRow(b"w" * 20, "old<b>.iso", 5000, 0, 0, 12)
    view.withdrawn[gone.infohash] = gone
    view.samples[gone.infohash] = tuple(
        Sample(NOW - 86_400 * 3 + at, 4, 1, 2) for at in range(0, 7200, 60)
    )
    answer = site.get(f"/torrent/{gone.infohash_hex}", accept="text/html")
    assert answer.status == 410
    assert "withdrawn" in answer.text
    assert "old&lt;b&gt;.iso" in answer.text
    assert "at most 4 seeders" in answer.text
    assert site.get(f"/torrent/{'0' * 40}", accept="text/html").status == 404


@pytest.mark.parametrize(
    ("key", "label"),
    [("24h", "24 hours"), ("7d", "7 days"), ("90d", "90 days"), ("1y", "a year"), ("x", "7 days")],
)
def test_a_chart_of_each_range_has_ticks_gaps_and_points(
    view: FakeView, site: Site, key: str, label: str
):
    infohash = view.publish("x", b"1", complete=5)
    day = 86_400
    view.samples[infohash] = tuple(
        Sample(at, 5, 2, at // day) for at in range(NOW - 365 * day, NOW, 3600)
    )
    page = site.get(f"/torrent/{infohash.hex()}?range={key}")
    (points,) = re.findall(r'class="chart-points">(.*?)</script>', page.text)
    assert len(json.loads(points)) > 20
    assert re.search(rf'aria-current="true">{label}<', page.text)
    assert page.text.count('class="tick') > 3
    alone = site.get(f"/torrent/{infohash.hex()}/swarm?range={key}")
    assert "<html" not in alone.text
    assert 'id="swarm"' in alone.text


def test_a_folder_page_is_a_table_with_sizes_and_times(view: FakeView, site: Site, tmp_path: Path):
    view.publish("set", {"a/one.txt": b"1" * 5, "two.txt": b"2" * 2000}, tmp_path)
    page = site.get("/content/set/").text
    assert re.search(r"two\.txt.*?1\.95 KiB.*?<time datetime=\"20", page, re.DOTALL)
    assert "Download as zip" in page
    every = site.get("/content/").text
    assert re.search(r"set</bdi>.*?<time datetime=\"20", every, re.DOTALL)


def test_a_folder_is_a_zip_of_the_length_that_was_said(view: FakeView, site: Site, tmp_path: Path):
    files = {"a/one.txt": b"1" * 5, "ü\\b:c.txt": b"2" * 300_000, "empty": b"", "a/b/c": b"x"}
    view.publish("set", files, tmp_path)
    answer = site.get("/content/set/?zip")
    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["content-disposition"] == 'attachment; filename="set.zip"'
    head = site.get("/content/set/?zip", "HEAD")
    assert head.headers["content-length"] == answer.headers["content-length"]
    with zipfile.ZipFile(BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        found = {info.filename: archive.read(info) for info in archive.infolist()}
    assert sorted(found.values()) == sorted(files.values())
    assert all(name.startswith("set/") and "\\" not in name for name in found)
    (tmp_path / "set.zip").write_bytes(answer.body)
    for program in (["unzip", "-tq", "set.zip"], ["bsdtar", "-tf", "set.zip"]):
        try:
            done = subprocess.run(program, cwd=tmp_path, capture_output=True, check=False)
        except FileNotFoundError:
            continue
        assert done.returncode == 0, (program, done.stdout, done.stderr)


def test_a_folder_inside_is_a_zip_of_its_own(view: FakeView, site: Site, tmp_path: Path):
    view.publish("set", {"a/b/one": b"1", "a/two": b"2", "three": b"3"}, tmp_path)
    answer = site.get("/content/set/a/?zip")
    with zipfile.ZipFile(BytesIO(answer.body)) as archive:
        assert sorted(archive.namelist()) == ["a/b/one", "a/two"]


def test_a_zip_ends_early_when_a_file_has_changed(view: FakeView, site: Site, tmp_path: Path):
    infohash = view.publish("set", {"a": b"1" * 100, "b": b"2" * 100}, tmp_path)
    view.identities[infohash] = lambda path, _: path != ("b",)
    with pytest.raises(Exception, match="IncompleteRead"):
        site.get("/content/set/?zip")
    assert site.get("/content/set/").status == 200
    assert site.on_loop(lambda: site.app.state.context.archives.count) == 0


def test_a_thousand_slow_readers_of_zips_leave_room_for_others(
    view: FakeView, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(folder_archive, "ARCHIVES_MAX", 20)
    view.publish("set", {f"file-{number}": bytes(2_000_000) for number in range(4)}, tmp_path)
    readers = []
    refused = 0
    try:
        for _ in range(60):
            reader = site.connect()
            reader.sendall(b"GET /content/set/?zip HTTP/1.1\r\nHost: x\r\n\r\n")
            readers.append(reader)
        for reader in readers:
            refused += reader.recv(64).startswith(b"HTTP/1.1 503")
        assert refused == 40
        assert site.get("/content/set/").status == 200
        assert site.get("/content/set/file-1").status == 200
    finally:
        for reader in readers:
            reader.close()


def test_what_is_no_folder_of_a_torrent_is_no_zip(view: FakeView, site: Site, tmp_path: Path):
    view.publish("disk.iso", b"1", tmp_path)
    assert "<table" in site.get("/content/?zip").text
    assert site.get("/content/disk.iso?zip").body == b"1"


def test_copies_are_shown_with_their_state_and_programs_are_sent_to_good_ones_alone(
    view: FakeView, site: Site
):
    urls = [f"http://{name}.example/disk.iso" for name in ("good", "gone", "liar", "new", "own")]
    good, gone, liar, new, own = urls
    metainfo = make_metainfo(b"disk.iso", b"d" * 3000, **{"url-list": [good, liar, new, own]})
    infohash = view.list_metainfo(metainfo, None, web_seeds=metainfo.web_seeds)
    site.copies.known[infohash] = (
        ContentCopy(good, "good", "mirror", NOW - 600, NOW - 60),
        ContentCopy(gone.replace("//", "//user:secret@"), "missing", "publisher", NOW - 600, NOW),
        ContentCopy(liar, "wrong", "publisher", NOW - 600, NOW - 600),
    )
    page = site.get(f"/torrent/{infohash.hex()}").text
    rows = dict(re.findall(r"<tr><td>.*?(\w+)\.example.*?</td>(<td>.*?)</tr>", page, re.DOTALL))
    assert {
        name: re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", row)) for name, row in rows.items()
    } == {
        "good": " mirror good checked 2026-11-18 11:05 UTC ",
        "gone": " web seed missing not there since 2026-11-18 10:56 UTC , looked at "
        "2026-11-18 11:06 UTC ",
        "liar": " web seed wrong has other content since 2026-11-18 10:56 UTC , not used ",
        "new": " web seed named in the torrent, not checked ",
    }
    assert "secret" not in page
    assert f'href="{liar}"' not in page
    api = site.get(f"/api/v1/torrents/{infohash.hex()}")
    assert "secret" not in api.text
    assert [(one["url"], one["state"], one["by"]) for one in api.json["copies"]] == [
        (good, "good", "mirror"), (gone, "missing", "publisher"),
        (liar, "wrong", "publisher"), (new, "unchecked", "torrent"),
    ]  # fmt: skip
    document = files_of(site.get(f"/torrents/{infohash.hex()}.meta4").body)["disk.iso"]
    assert [url.text for url in document.findall(f"{META}url")] == [good, new]
