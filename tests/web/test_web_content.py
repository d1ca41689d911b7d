"""The web seed: files of torrents by range requests (BEP 19), and nothing beside them."""

from __future__ import annotations

import os
import random
import shutil
import socket
import tempfile
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outpour import CreateOptions, create
from outpour.engine import FileTimes, ResumeStore
from outpour.making.walker import walk
from outpour.publisher.entries import PublishEntry
from outpour.publisher.file_identities import FileIdentities
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication
from outpour.publisher.sight import look
from outpour.web import content, sendfile
from outpour.web.byte_ranges import UnsatisfiableError, parse_range
from outpour.web.content import open_published
from outpour.web.contract import ContentRoot
from outpour.web.file_headers import media_type
from outpour.web.limits import CONTENT_CHUNK_BYTES, CONTENT_WINDOW_BYTES, RANGES_MAX
from tests.waiting import wait_for

from .conftest import Answer, FakeView, Site, read_all

BIG = random.Random(1).randbytes(2 * CONTENT_WINDOW_BYTES + 12345)


@pytest.fixture
def big(view: FakeView, tmp_path: Path) -> bytes:
    view.publish("big.bin", BIG, tmp_path)
    return BIG


def parts_of(answer: Answer) -> list[tuple[str, bytes]]:
    """Split a multipart answer into (content-range, body)."""
    kind, _, boundary = answer.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    mark = f"--{boundary}".encode()
    assert answer.body.startswith(mark)
    assert answer.body.endswith(mark + b"--\r\n")
    parts = []
    for part in answer.body.split(mark)[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().strip().split("\r\n"))
        parts.append((fields["content-range"], body[:-2]))
    return parts


def test_a_whole_file_arrives(big: bytes, site: Site):
    answer = site.get("/content/big.bin")
    assert answer.status == 200
    assert answer.body == big
    assert answer.headers["content-length"] == str(len(big))
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in site.get("/content/big.bin", accept_encoding="gzip").headers


def test_an_empty_file_arrives(view: FakeView, site: Site, tmp_path: Path):
    view.publish("set", {"empty": b"", "full": b"1"}, tmp_path)
    answer = site.get("/content/set/empty")
    assert (answer.status, answer.body) == (200, b"")
    assert site.get("/content/set/empty", range="bytes=0-").status == 416


@settings(max_examples=150, deadline=None)
@given(
    length=st.integers(0, 70),
    start=st.none() | st.integers(0, 80),
    stop=st.none() | st.integers(0, 80),
)
def test_a_range_is_the_slice_of_the_file(length: int, start: int | None, stop: int | None):
    data = bytes(range(length))
    field = f"bytes={'' if start is None else start}-{'' if stop is None else stop}"
    if start is None and stop is None:
        assert parse_range(field, length) is None
        return
    if start is None:
        expected = data[-(stop or 0) :] if stop else b""
    elif stop is not None and stop < start:
        assert parse_range(field, length) is None
        return
    else:
        expected = data[start:] if stop is None else data[start : stop + 1]
    if not expected:
        with pytest.raises(UnsatisfiableError):
            parse_range(field, length)
        return
    ((begin, end),) = parse_range(field, length) or ()
    assert data[begin:end] == expected


@settings(max_examples=200, deadline=None)
@given(
    length=st.integers(0, 60),
    wanted=st.lists(st.tuples(st.integers(0, 70), st.integers(0, 9)), min_size=1, max_size=30),
)
def test_many_ranges_never_send_a_byte_twice(length: int, wanted: list[tuple[int, int]]):
    field = "bytes=" + ", ".join(f"{start}-{start + size}" for start, size in wanted)
    asked = {at for start, size in wanted for at in range(start, start + size + 1)} & set(
        range(length)
    )
    try:
        spans = parse_range(field, length)
    except UnsatisfiableError:
        assert not asked
        return
    if spans is None:
        return
    sent = [at for start, stop in spans for at in range(start, stop)]
    assert sent == sorted(asked)
    assert len(spans) <= RANGES_MAX


@settings(max_examples=300, deadline=None)
@given(
    field=st.text(alphabet="bytes=-,0123456789 \t\x00²x", max_size=40), length=st.integers(0, 99)
)
def test_no_range_header_breaks_the_parser(field: str, length: int):
    try:
        for start, stop in parse_range(field, length) or ():
            assert 0 <= start < stop <= length
    except UnsatisfiableError:
        pass


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.integers(0, len(BIG) - 1), size=st.integers(1, 2 * CONTENT_CHUNK_BYTES))
def test_ranges_over_the_wire_are_slices(big: bytes, site: Site, start: int, size: int):
    answer = site.get("/content/big.bin", range=f"bytes={start}-{start + size - 1}")
    assert answer.status == 206
    assert answer.body == big[start : start + size]
    last = min(start + size, len(big)) - 1
    assert answer.headers["content-range"] == f"bytes {start}-{last}/{len(big)}"
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("field", ["bytes=999999999-", "bytes=-0", f"bytes={len(BIG)}-"])
def test_a_range_behind_the_end_is_not_satisfiable(big: bytes, site: Site, field: str):
    answer = site.get("/content/big.bin", range=field)
    assert answer.status == 416
    assert answer.headers["content-range"] == f"bytes */{len(big)}"
    assert answer.body == b""


@pytest.mark.parametrize(
    "field",
    ["bytes=9-3", "bytes=x-", "lines=1-2", "bytes", "bytes=1", "bytes=-", "bytes=1-2-3",
     "bytes=+1-2", "bytes=1_0-20", "bytes=" + "9" * 5000 + "-"],
)  # fmt: skip
def test_a_malformed_range_gives_the_whole_file(big: bytes, site: Site, field: str):
    assert site.get("/content/big.bin", "HEAD", range=field).status == 200


def test_several_ranges_come_as_parts(big: bytes, site: Site):
    answer = site.get("/content/big.bin", range="bytes=100-199, 0-9, -5, 105-110, 99999999-")
    assert answer.status == 206
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert parts_of(answer) == [
        (f"bytes 0-9/{len(big)}", big[:10]),
        (f"bytes 100-199/{len(big)}", big[100:200]),
        (f"bytes {len(big) - 5}-{len(big) - 1}/{len(big)}", big[-5:]),
    ]


def test_a_swarm_of_ranges_costs_no_more_than_the_file(big: bytes, site: Site):
    overlapping = "bytes=" + ",".join("0-" for _ in range(1300))
    answer = site.get("/content/big.bin", range=overlapping)
    assert answer.status in (200, 206)
    assert answer.body == big
    scattered = "bytes=" + ",".join(f"{at}-{at}" for at in range(0, 2000, 2))
    assert site.get("/content/big.bin", "HEAD", range=scattered).status == 200


def test_a_range_counts_only_if_the_file_is_still_the_same(big: bytes, site: Site):
    whole = site.get("/content/big.bin", "HEAD")
    for same in (whole.headers["etag"], whole.headers["last-modified"]):
        assert site.get("/content/big.bin", range="bytes=0-9", if_range=same).status == 206
    for other in ('"other"', "W/" + whole.headers["etag"], formatdate(0, usegmt=True)):
        assert site.get("/content/big.bin", "HEAD", range="bytes=0-9", if_range=other).status == 200


def test_conditions_are_answered_without_a_body(big: bytes, site: Site):
    head = site.get("/content/big.bin", "HEAD").headers
    tag, modified = head["etag"], head["last-modified"]
    early = formatdate(1, usegmt=True)
    assert site.get("/content/big.bin", if_none_match=tag).status == 304
    assert site.get("/content/big.bin", if_none_match="*").status == 304
    assert site.get("/content/big.bin", if_modified_since=modified).status == 304
    assert site.get("/content/big.bin", "HEAD", if_modified_since=early).status == 200
    assert site.get("/content/big.bin", if_match='"other"').status == 412
    assert site.get("/content/big.bin", "HEAD", if_match=tag).status == 200
    assert site.get("/content/big.bin", if_unmodified_since=early).status == 412
    assert site.get("/content/big.bin", "HEAD", if_modified_since="nonsense").status == 200


def test_a_head_request_tells_about_the_range(big: bytes, site: Site):
    answer = site.get("/content/big.bin", "HEAD", range="bytes=5-9")
    assert (answer.status, answer.body) == (206, b"")
    assert answer.headers["content-length"] == "5"


def test_files_in_folders_are_found_by_their_path(view: FakeView, site: Site, tmp_path: Path):
    files = {"a/b/c.txt": b"deep", "ä ö#?%.txt": b"umlaut", "日本/x&y+z": b"far"}
    view.publish("set é", files, tmp_path)
    for path, data in files.items():
        assert site.get(f"/content/{quote('set é')}/{quote(path)}").body == data


def test_a_name_with_bytes_that_are_no_utf8_is_found(view: FakeView, site: Site, tmp_path: Path):
    view.publish(b"caf\xe9", b"latin", tmp_path)
    assert site.get("/content/caf%E9").body == b"latin"


def test_a_folder_of_very_many_files_is_listed_in_pages(view: FakeView, site: Site, tmp_path: Path):
    view.publish("many", {f"{number:04}": b"" for number in range(1500)} | {"z": b"1"}, tmp_path)
    first = site.get("/content/many/").text
    assert 'href="/content/many/0999"' in first
    assert "1000" not in first
    assert 'href="/content/many/?page=2"' in first
    assert 'href="/content/many/z"' in site.get("/content/many/?page=2").text


def test_folders_are_listed_with_links_that_work(view: FakeView, site: Site, tmp_path: Path):
    view.publish("set", {"a/x.txt": b"1", "b.txt": b"22"}, tmp_path)
    redirect = site.get("/content/set")
    assert redirect.status == 301
    assert redirect.headers["location"] == "/content/set/"
    listing = site.get("/content/set/").text
    assert 'href="/content/set/a/"' in listing
    assert 'href="/content/set/b.txt"' in listing
    assert 'href="/content/set/a/x.txt"' in site.get("/content/set/a/").text
    assert 'href="/content/set/"' in site.get("/content/").text
    assert site.get("/content").status == 301


def test_names_that_clients_adapt_lead_to_the_one_file_they_can_mean(
    view: FakeView, site: Site, tmp_path: Path
):
    files = {"a: b/what?.txt": b"1", " c .": b"2", "con": b"3", "x:y": b"4", "x*y": b"5"}
    view.publish("set: 1?", files, tmp_path)
    base = "/content/set_%201_/"
    for path, data in {
        "a_%20b/what_.txt": b"1", "a%3A%20b/what%3F.txt": b"1", "c": b"2", "_con": b"3",
    }.items():  # fmt: skip
        assert site.get(base + path).body == data, path
    # Two files can be meant by this.
    assert site.get(f"{base}x_y").status == 404
    assert site.get(base).status == 200
    view.publish("one: 1", b"one", tmp_path)
    assert site.get("/content/one_%201").body == b"one"


def test_a_file_with_a_slash_behind_it_or_its_name_twice_is_the_file(
    view: FakeView, site: Site, tmp_path: Path
):
    view.publish("one.bin", b"one", tmp_path)
    view.publish("only", {"in/a.bin": b"aaa"}, tmp_path)
    for path in ("one.bin/", "one.bin/one.bin"):
        assert site.get(f"/content/{path}").body == b"one", path
    for path in (
        "only/in/a.bin", "only/in/a.bin/", "only/in/a.bin/only/in/a.bin", "only/in/a.bin/in/a.bin",
    ):  # fmt: skip
        assert site.get(f"/content/{path}").body == b"aaa", path
    for path in ("one.bin/two", "one.bin/one.bin/one.bin", "only/in/a.bin/only"):
        assert site.get(f"/content/{path}").status == 404, path


def test_pad_files_are_zeros_as_long_as_the_torrent_says(
    view: FakeView, site: Site, tmp_path: Path
):
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "a").write_bytes(b"a" * 1000)
    (folder / "b").write_bytes(b"b" * 5000)
    metainfo = create(folder, CreateOptions(format="hybrid"))
    view.list_metainfo(metainfo, folder)
    pad = next(file for file in metainfo.info.files if file.is_padding)
    url = f"/content/set/.pad/{pad.path[-1]}"
    assert site.get(url).body == bytes(pad.length)
    assert site.get(url, range="bytes=5-9").body == bytes(5)
    assert site.get(url, "HEAD").headers["content-length"] == str(pad.length)
    for path in (".pad/1", ".pad", ".pad/", ".pad/x"):
        assert site.get(f"/content/set/{path}").status == 404, path


@pytest.mark.parametrize(
    "path",
    ["../secret", "..%2fsecret", "%2e%2e/secret", "%2e%2e%2fsecret", "a/../../secret",
     "a/%2e%2e/%2e%2e/secret", "./b.txt", "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd",
     "a//x.txt", "b.txt//", "b.txt%00", "b.txt%00.png", "secret", "unlisted.txt", "a/x.txt/y",
     "..\\secret", "%c0%ae%c0%ae/secret", "B.TXT", "pad"],
)  # fmt: skip
def test_nothing_but_the_files_of_the_torrent_is_served(
    view: FakeView, site: Site, tmp_path: Path, path: str
):
    view.publish("set", {"a/x.txt": b"1", "b.txt": b"22"}, tmp_path)
    for place in (tmp_path / "secret", tmp_path / "set/secret", tmp_path / "set/unlisted.txt"):
        place.write_text("secret")
    request = f"GET /content/set/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = site.raw(request.encode())
    assert answer.startswith(b"HTTP/1.1 404 "), answer[:200]
    assert b"secret" not in answer


@pytest.mark.parametrize("path", ["../secret", "%2e%2e/secret", "secret", "..", "%2e%2e/", "//"])
def test_nothing_beside_the_torrents_is_served(
    view: FakeView, site: Site, tmp_path: Path, path: str
):
    view.publish("file", b"1", tmp_path)
    (tmp_path / "secret").write_text("secret")
    answer = site.raw(f"GET /content/{path} HTTP/1.0\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 404 "), answer[:200]


def test_a_link_out_of_the_folder_is_not_followed(view: FakeView, site: Site, tmp_path: Path):
    view.publish("set", {"a/x.txt": b"1", "b.txt": b"22", "c.txt": b"333"}, tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.txt").write_bytes(b"9")
    (tmp_path / "set/a/x.txt").unlink()
    (tmp_path / "set/a").rmdir()
    (tmp_path / "set/a").symlink_to(outside)
    (tmp_path / "set/b.txt").unlink()
    (tmp_path / "set/b.txt").symlink_to("/etc/hostname")
    (tmp_path / "set/c.txt").rename(tmp_path / "set/real.txt")
    (tmp_path / "set/c.txt").symlink_to("real.txt")
    assert site.get("/content/set/a/x.txt").status == 404
    assert site.get("/content/set/b.txt").status == 404
    # One that stays inside is part of what was published.
    assert site.get("/content/set/c.txt").body == b"333"


def test_what_is_no_file_or_no_longer_the_file_of_the_torrent_is_not_served(
    view: FakeView, site: Site, tmp_path: Path
):
    view.publish("set", {"gone": b"1", "grown": b"22", "pipe": b"", "loop": b"4"}, tmp_path)
    folder = tmp_path / "set"
    (folder / "gone").unlink()
    (folder / "grown").write_bytes(b"22222")
    (folder / "pipe").unlink()
    os.mkfifo(folder / "pipe")
    (folder / "loop").unlink()
    (folder / "loop").symlink_to("loop")
    for name in ("gone", "grown", "pipe", "loop"):
        assert site.get(f"/content/set/{name}").status == 404


def test_a_file_that_is_not_the_one_that_was_hashed_is_not_served(
    view: FakeView, site: Site, tmp_path: Path
):
    infohash = view.publish("set", {"same": b"11", "replaced": b"22", "touched": b"33"}, tmp_path)
    folder = tmp_path / "set"
    identities = FileIdentities(walk(folder).entries, is_folder=True)
    view.identities[infohash] = identities.holds
    before = (folder / "replaced").stat()
    (folder / "new").write_bytes(b"44")
    (folder / "new").replace(folder / "replaced")
    # Size and time are those of before.
    os.utime(folder / "replaced", ns=(before.st_atime_ns, before.st_mtime_ns))
    os.utime(folder / "touched", ns=(1, 1))
    assert site.get("/content/set/same").body == b"11"
    assert site.get("/content/set/replaced").status == 404
    assert site.get("/content/set/touched").status == 404


def test_one_of_another_size_is_not_the_file_that_was_hashed(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"11")
    entries = walk(tmp_path).entries
    identities = FileIdentities(entries, is_folder=True)
    before = (tmp_path / "a").stat()
    assert identities.holds(("a",), before)
    assert not identities.holds(("b",), before)
    assert not identities.holds(("c",), before)
    (tmp_path / "a").write_bytes(b"111")
    os.utime(tmp_path / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert not identities.holds(("a",), (tmp_path / "a").stat())


@pytest.mark.parametrize("second", [-(1 << 63), -62_135_596_801, 13_569_465_600, (1 << 63) - 1])
def test_a_file_may_be_of_any_time_that_a_file_system_knows(
    view: FakeView, site: Site, tmp_path: Path, second: int
):
    infohash = view.publish("any", b"11", tmp_path)
    # Of those at hand the one in memory has all of them; the others take the nearest they can.
    place = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else tmp_path))
    file = view.contents[infohash] = place / "any"
    try:
        file.write_bytes(b"11")
        os.utime(file, ns=(0, second * 10**9))
        identities = FileIdentities(walk(file).entries, is_folder=False)
        view.identities[infohash] = identities.holds
        assert site.get("/content/any").body == b"11"
        store = ResumeStore(tmp_path / "resume")
        store.save(infohash, place, b"data", files=FileTimes.of([b"any"], place))
        kept = store.load(infohash, place)
        assert kept is not None
        assert kept.trusted
        os.utime(file, ns=(0, (second + (1 if second < 0 else -1)) * 10**9))
        assert site.get("/content/any").status == 404
        kept = store.load(infohash, place)
        assert kept is not None
        assert not kept.trusted
    finally:
        shutil.rmtree(place)


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_becomes_a_link_between_looking_and_opening_leads_nowhere(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    inside, outside = tmp_path / "set" / "a", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir(parents=True)
        (folder / "x.txt").write_bytes(b"1")
    root = ContentRoot(tmp_path / "set", tmp_path / "set", lambda *_: True)
    opened = open_published(root, ("a", "x.txt"))
    assert opened is not None
    opened.close()
    beneath = content._open_beneath
    below = () if what == "folder" else ("x.txt",)

    def swap(folder: Path, parts: tuple[str, ...]) -> int:
        inside.joinpath(*below).rename(tmp_path / "away")
        inside.joinpath(*below).symlink_to(outside.joinpath(*below))
        return beneath(folder, parts)

    monkeypatch.setattr(content, "_open_beneath", swap)
    assert open_published(root, ("a", "x.txt")) is None


def test_a_published_link_to_a_folder_is_held_by_the_folder_that_it_was_found_in(tmp_path: Path):
    folder, outside = tmp_path / "content", tmp_path / "outside"
    (folder / "v1").mkdir(parents=True)
    outside.mkdir()
    (folder / "v1" / "x.txt").write_bytes(b"1")
    # The very file, so that nothing but its place speaks against it.
    (outside / "x.txt").hardlink_to(folder / "v1" / "x.txt")
    link = folder / "latest"
    link.symlink_to("v1")
    entry = PublishEntry(link, folder, is_link=True)
    options = PublishOptions((folder,))
    made = create(link, CreateOptions())
    publication = Publication.of(entry, look(entry, options), made)
    root = ContentRoot(link, publication.fence, publication.files.holds)
    opened = open_published(root, ("x.txt",))
    assert opened is not None
    opened.close()
    link.unlink()
    link.symlink_to(outside)
    assert open_published(root, ("x.txt",)) is None


def test_a_withdrawn_torrent_is_no_longer_served(view: FakeView, site: Site, tmp_path: Path):
    infohash = view.publish("x", b"1", tmp_path)
    assert site.get("/content/x").status == 200

    def withdraw() -> None:
        del view.torrents[infohash], view.metainfos[infohash], view.contents[infohash]

    site.on_loop(withdraw)
    wait_for(lambda: site.get("/content/x").status == 404)
    assert site.get("/torrents/x.torrent").status == 404


@pytest.mark.parametrize(
    ("name", "kind", "place"),
    [
        ("page.html", "text/html", "attachment"),
        ("page.xhtml", "application/xhtml+xml", "attachment"),
        ("drawing.svg", "image/svg+xml", "attachment"),
        ("code.js", "text/plain; charset=utf-8", "inline"),
        ("style.css", "text/plain; charset=utf-8", "inline"),
        ("unknown", "application/octet-stream", "attachment"),
        ("photo.png", "image/png", "inline"),
        ("film.mp4", "video/mp4", "inline"),
        ("readme.txt", "text/plain; charset=utf-8", "inline"),
        ("source.tar.gz", "application/gzip", "attachment"),
    ],
)
def test_published_files_cannot_script_the_page(
    view: FakeView, site: Site, tmp_path: Path, name: str, kind: str, place: str
):
    view.publish(name, b"<script>alert(1)</script>", tmp_path)
    headers = site.get(f"/content/{name}").headers
    assert headers["content-type"] == kind
    assert headers["content-disposition"].startswith(place)
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert ("sandbox" in headers["content-security-policy"]) == (place == "attachment")


def test_no_script_type_is_left_to_a_browser():
    for ending in ("js", "mjs", "css", "html", "htm", "svg", "xml", "xhtml", "xsl", "swf", "hta"):
        assert not media_type(f"x.{ending}").startswith(("text/javascript", "text/css"))


def test_a_kept_connection_serves_range_after_range(big: bytes, site: Site):
    """A web seed asks for its pieces one after the other, some of them ahead."""
    request = (
        "GET /content/big.bin HTTP/1.1\r\nHost: x\r\nRange: bytes={}-{}\r\nConnection: {}\r\n\r\n"
    )
    with site.connect() as connection:
        spans = [(at, at + 200_000) for at in range(0, 3_000_000, 300_000)]
        for index, (start, stop) in enumerate(spans):
            last = "close" if index == len(spans) - 1 else "keep-alive"
            connection.sendall(request.format(start, stop - 1, last).encode())
        stream = read_all(connection)
    for start, stop in spans:
        head, _, stream = stream.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206")
        assert stream[: stop - start] == BIG[start:stop]
        stream = stream[stop - start :]
    assert not stream


def test_a_reader_that_leaves_in_the_middle_frees_its_file(big: bytes, site: Site):
    with site.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /content/big.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(1000)
        wait_for(lambda: any("big.bin" in name for name in open_files()), what="open file")
    wait_for(lambda: not any("big.bin" in name for name in open_files()), what="closed file")
    wait_for(lambda: site.server.connection_count == 0)


def open_files() -> list[str]:
    names = []
    for entry in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(entry.readlink()))
        except OSError:
            continue
    return names


def test_a_file_cut_short_while_it_is_sent_ends_the_connection(
    view: FakeView, site: Site, tmp_path: Path
):
    path = tmp_path / "huge.bin"
    infohash = view.publish("huge.bin", b"1", tmp_path)
    with path.open("wb") as file:
        file.truncate(64 << 20)
    view.contents[infohash] = path
    metainfo = view.metainfos[infohash].replace(b"6:lengthi1e", b"6:lengthi67108864e")
    metainfo = metainfo.replace(b"12:piece lengthi16384e", b"12:piece lengthi67108864e")
    view.metainfos[infohash] = metainfo
    with site.connect() as connection:
        # Less than the file, and no less than a packet of loopback, whose window would starve.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)
        connection.sendall(b"GET /content/huge.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1000)
        os.truncate(path, 10)
        received = 0
        try:
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
        except ConnectionError:
            pass
    assert received < 64 << 20
    assert site.get("/healthz").status == 200


def test_a_file_changed_while_it_is_sent_ends_the_connection(
    view: FakeView, site: Site, tmp_path: Path
):
    length = 64 << 20
    path = tmp_path / "huge.bin"
    infohash = view.publish("huge.bin", b"1", tmp_path)
    with path.open("wb") as file:
        file.truncate(length)
    # The clock of files may stand still for some milliseconds.
    os.utime(path, (1e9, 1e9))
    metainfo = view.metainfos[infohash].replace(b"6:lengthi1e", b"6:lengthi%de" % length)
    view.metainfos[infohash] = metainfo.replace(
        b"12:piece lengthi16384e", b"12:piece lengthi%de" % length
    )
    with site.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)
        connection.sendall(b"GET /content/huge.bin HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.recv(1000)
        with path.open("r+b") as file:
            file.write(b"other")
        received = 0
        try:
            while chunk := connection.recv(1 << 20):
                received += len(chunk)
        except ConnectionError:
            pass
    assert received < length


def test_where_the_kernel_cannot_send_files_they_are_read(
    big: bytes, site: Site, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("outpour.web.web_seed.EXTENSION", "not offered")
    assert site.get("/content/big.bin").body == big
    spans = "bytes=5-9,2000000-4000000"
    assert [body for _, body in parts_of(site.get("/content/big.bin", range=spans))] == [
        big[5:10], big[2000000:4000001],
    ]  # fmt: skip


def test_a_file_that_is_not_in_memory_is_read_beside_the_event_loop(
    big: bytes, site: Site, monkeypatch: pytest.MonkeyPatch
):
    read = []
    through = sendfile._read_through

    def is_cold(*_: object) -> int:
        raise BlockingIOError

    def count(file: BinaryIO, start: int, stop: int) -> None:
        through(file, start, stop)
        read.append((start, stop))

    # Only the question whether a page is in memory asks for one byte.
    preadv = os.preadv
    monkeypatch.setattr(os, "preadv", lambda *args: is_cold() if len(args) == 4 else preadv(*args))
    monkeypatch.setattr(sendfile, "_read_through", count)
    assert site.get("/content/big.bin").body == big
    assert sum(stop - start for start, stop in read) == len(big)
