"""Torrents of what lies on HTTP servers, from servers of every kind of manners."""

from __future__ import annotations

import hashlib
import json
import os
import random
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outpour.base import http_ranges
from outpour.making import hasher
from outpour.making.elsewhere import remote_plan, remote_work
from outpour.making.elsewhere.layers import joined
from outpour.making.elsewhere.url_list import common_base, listed_url, read_list
from outpour.making.elsewhere.window import stretches
from outpour.torrent.metainfo import Metainfo
from tests.certificates import make_certificate
from tests.remote_server import Remote, serving

PIECE = 16384


@pytest.fixture
def remote(monkeypatch) -> Iterator[Remote]:
    monkeypatch.setattr(http_ranges, "PAUSE_S", 0.001)
    with serving() as made:
        yield made


@pytest.fixture
def small_windows(monkeypatch) -> None:
    """As many windows and requests for kilobytes as there are for gigabytes."""
    monkeypatch.setattr(remote_work, "WINDOW", 4 * PIECE)
    monkeypatch.setattr(remote_work, "WINDOW_SUMMED", 4 * PIECE)
    monkeypatch.setattr(remote_work, "REQUEST_MAX", 8 * PIECE)
    monkeypatch.setattr(remote_work, "REQUEST_MIN", 4 * PIECE)
    monkeypatch.setattr(remote_work, "MEMORY", 24 * PIECE)
    monkeypatch.setattr(remote_work, "PARTS_MAX", 3)


@pytest.mark.parametrize("piece_length", ["16KiB", "128KiB"])
@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
def test_a_url_gives_the_torrent_of_the_same_file_on_disk_with_itself_as_web_seed(
    run, remote, small_windows, tmp_path, format, piece_length
):
    body = os.urandom(70 * PIECE + 77)
    remote.files["/d/disk%20a.img"] = body
    (tmp_path / "disk a.img").write_bytes(body)
    how = ["--format", format, "--piece-length", piece_length]
    url = f"{remote.url}/d/disk%20a.img"
    assert run("create", url, "-o", tmp_path / "far.torrent", *how).code == 0
    assert run("create", tmp_path / "disk a.img", "-o", tmp_path / "near.torrent", *how).code == 0
    far, near = (Metainfo.read(tmp_path / f"{one}.torrent") for one in ("far", "near"))
    assert far.info.raw == near.info.raw
    assert far.piece_layers == near.piece_layers
    assert far.web_seeds == (url,)


@pytest.mark.parametrize("format", ["v1", "v2", "hybrid"])
def test_a_list_of_checksums_gives_the_torrent_of_the_folder(
    run, remote, small_windows, tmp_path, format
):
    root = tmp_path / "release 7"
    (root / "sub").mkdir(parents=True)
    lines = []
    for name in ("a.bin", "sub/b ü.bin", "sub/empty", "z"):
        body = b"" if name.endswith("empty") else os.urandom(random.randrange(1, 9 * PIECE))
        (root / name).write_bytes(body)
        remote.files[f"/cdn/release%207/{name.replace('ü', '%C3%BC').replace(' ', '%20')}"] = body
        lines.append(f"{hashlib.sha256(body).hexdigest()} *./{name}")
    remote.files["/cdn/release%207/SHA256SUMS"] = "\n".join(lines).encode()
    how = ["--format", format, "--piece-length", "16KiB"]
    sums = f"{remote.url}/cdn/release%207/SHA256SUMS"
    done = run("create", "--from", sums, "-o", tmp_path / "far.torrent", *how)
    assert (done.code, done.out) == (0, "")
    assert run("create", root, "-o", tmp_path / "near.torrent", *how).code == 0
    far, near = (Metainfo.read(tmp_path / f"{one}.torrent") for one in ("far", "near"))
    assert far.info.raw == near.info.raw
    # A client puts name and path behind it (BEP 19).
    assert far.web_seeds == (f"{remote.url}/cdn/",)


def test_files_of_one_server_come_over_few_connections(run, remote, tmp_path):
    names = [f"f{number:02}" for number in range(40)]
    remote.files = {f"/d/{name}": os.urandom(random.randrange(3000)) for name in names}
    remote.files["/d/SHA256SUMS"] = "".join(
        f"{hashlib.sha256(remote.files[f'/d/{name}']).hexdigest()}  {name}\n" for name in names
    ).encode()
    sums = f"{remote.url}/d/SHA256SUMS"
    assert run("create", "--from", sums, "-o", tmp_path / "d.torrent").code == 0
    assert remote.connections <= 1 + remote_plan.PROBES + remote_work.CONNECTIONS
    (tmp_path / "d").mkdir()
    for name in names:
        (tmp_path / "d" / name).write_bytes(remote.files[f"/d/{name}"])
    assert run("create", tmp_path / "d", "-o", tmp_path / "near.torrent").code == 0
    far, near = (Metainfo.read(tmp_path / f"{one}.torrent") for one in ("d", "near"))
    assert far.info.raw == near.info.raw


def test_an_empty_file_says_nothing_of_what_its_server_can(run, remote, tmp_path):
    remote.files = {"/d/a": os.urandom(100), "/d/none": b""}
    answer = remote.answer

    def as_nginx_does(request: BaseHTTPRequestHandler) -> None:
        remote.has_ranges = not request.path.endswith("none")
        answer(request)

    remote.answer = as_nginx_does
    urls = [f"{remote.url}/d/{name}" for name in ("a", "none")]
    done = run("create", "--as-one", *urls, "-o", tmp_path / "d.torrent")
    assert (done.code, "no parts" in done.err) == (0, False)
    assert Metainfo.read(tmp_path / "d.torrent").web_seeds == (f"{remote.url}/",)


def test_files_that_redirect_are_found_where_they_lead(run, remote, tmp_path):
    remote.files = {f"/far/{name}": os.urandom(100) for name in "abc"}
    remote.redirects = {f"/d/{name}": f"/far/{name}" for name in "abc"}
    urls = [f"{remote.url}/d/{name}" for name in "abc"]
    assert run("create", "--as-one", *urls, "-o", tmp_path / "d.torrent").code == 0
    made = Metainfo.read(tmp_path / "d.torrent").info.pieces
    assert made == hashlib.sha1(b"".join(remote.files[f"/far/{name}"] for name in "abc")).digest()


def test_a_list_gives_a_torrent_of_each_where_that_is_asked(run, remote, tmp_path):
    remote.files = {"/x/a": os.urandom(9), "/y/b": os.urandom(9)}
    (tmp_path / "list").write_text(f"# two\n{remote.url}/x/a\n\n{remote.url}/y/b\n")
    assert run("create", "--from", tmp_path / "list", "--each", "-o", tmp_path).code == 0
    assert (tmp_path / "a.torrent").exists()
    assert Metainfo.read(tmp_path / "b.torrent").web_seeds == (f"{remote.url}/y/b",)


def test_one_that_is_not_there_keeps_no_other_from_being_made(run, remote, tmp_path):
    remote.files = {"/a": b"one"}
    done = run("create", f"{remote.url}/gone", f"{remote.url}/a", "-o", tmp_path)
    assert done.code == 7
    assert "HTTP 404" in done.err
    assert (tmp_path / "a.torrent").exists()
    assert not (tmp_path / "gone.torrent").exists()


def test_a_server_that_cuts_each_answer_short_is_asked_for_the_rest(
    run, remote, small_windows, tmp_path
):
    body = os.urandom(9 * PIECE)
    remote.files["/a"] = body
    remote.cut_every = 5000
    assert run("create", f"{remote.url}/a", "-o", tmp_path, "--piece-length", "16KiB").code == 0
    made = Metainfo.read(tmp_path / "a.torrent").info.pieces
    assert made == b"".join(
        hashlib.sha1(body[at : at + PIECE]).digest() for at in range(0, len(body), PIECE)
    )


def test_a_server_that_is_busy_for_a_moment_is_asked_again(run, remote, tmp_path):
    remote.files["/a"] = os.urandom(100)
    assert run("create", f"{remote.url}/a", "-o", tmp_path / "one.torrent").code == 0
    answer, times = remote.answer, iter(range(99))

    def refuse_the_second(request: BaseHTTPRequestHandler) -> None:
        # The first asks how long it is.
        remote.refuse = next(times) == 1
        answer(request)

    remote.answer = refuse_the_second
    assert run("create", f"{remote.url}/a", "-o", tmp_path / "two.torrent").code == 0
    assert next(times) > 2


def test_a_server_without_ranges_is_read_once_and_named_nowhere(
    run, remote, small_windows, tmp_path
):
    body = os.urandom(9 * PIECE + 1)
    remote.files["/a"] = body
    remote.has_ranges = False
    done = run("create", f"{remote.url}/a", "-o", tmp_path, "--piece-length", "16KiB")
    assert (done.code, "gives no parts of files" in done.err) == (0, True)
    made = Metainfo.read(tmp_path / "a.torrent")
    assert made.web_seeds == ()
    assert made.info.pieces[-20:] == hashlib.sha1(body[-1:]).digest()
    assert len(remote.asked) == 2


@pytest.mark.parametrize("how", [[], ["--checksums"]])
def test_one_slow_answer_holds_nobody_up_for_good(run, remote, small_windows, tmp_path, how):
    body = os.urandom(80 * PIECE)
    remote.files["/a"] = body
    answer, lock, waiting = remote.answer, threading.Lock(), [threading.Event()]

    def hold_back_the_first(request: BaseHTTPRequestHandler) -> None:
        is_first = request.headers["Range"].startswith("bytes=0-") and len(remote.asked) > 0
        with lock:
            held = waiting.pop() if is_first and waiting else None
        if held is not None:
            # The others go on as far as there is memory.
            held.wait(0.3)
        answer(request)

    remote.answer = hold_back_the_first
    done = run("create", f"{remote.url}/a", "-o", tmp_path, "--piece-length", "16KiB", *how)
    assert done.code == 0
    made = Metainfo.read(tmp_path / "a.torrent").info.pieces
    assert made == b"".join(
        hashlib.sha1(body[at : at + PIECE]).digest() for at in range(0, len(body), PIECE)
    )
    if how:
        sums = (tmp_path / "a.SHA256SUMS").read_text()
        assert sums.startswith(hashlib.sha256(body).hexdigest())


def test_hashing_that_fails_ends_the_reading(run, remote, small_windows, tmp_path, monkeypatch):
    monkeypatch.setenv("OUTPOUR_HASH", "abacus")
    remote.files["/a"] = bytes(200 * PIECE)
    done = run("create", f"{remote.url}/a", "-o", tmp_path, "--piece-length", "16KiB")
    assert done.code == 3
    assert "`abacus` is not a kernel" in done.err
    assert not (tmp_path / "a.torrent").exists()


def test_what_lies_behind_tls_is_read_where_its_certificate_is_named(run, remote, tmp_path):
    certificate, key = make_certificate(tmp_path)
    body = os.urandom(70 * PIECE)
    with serving((certificate, key)) as secure:
        secure.files = {"/a": body, "/SUMS": f"{hashlib.sha256(body).hexdigest()}  a\n".encode()}
        for what in ([f"{secure.url}/a"], ["--from", f"{secure.url}/SUMS", "--name", "x"]):
            refused = run("create", *what, "-o", tmp_path)
            assert refused.code == 7
            assert "its certificate is not trusted" in refused.err
            assert "hint: to trust it" in refused.err
            assert "`--ca-file FILE`" in refused.err
            assert run("create", *what, "-o", tmp_path, "--ca-file", certificate).code == 0
    assert Metainfo.read(tmp_path / "a.torrent").info.length == len(body)
    bad = run("create", f"{secure.url}/a", "-o", tmp_path, "--ca-file", key)
    assert (bad.code, "holds no certificate" in bad.err) == (4, True)


def test_a_file_that_is_replaced_meanwhile_is_refused(run, remote, small_windows, tmp_path):
    remote.files["/a"] = os.urandom(40 * PIECE)
    remote.tags = (f'"{number // 3}"' for number in range(10**6))
    done = run("create", f"{remote.url}/a", "-o", tmp_path, "--piece-length", "16KiB")
    assert done.code == 4
    assert "changed while it was read" in done.err
    assert not (tmp_path / "a.torrent").exists()


def test_a_file_with_another_checksum_is_refused_and_nothing_is_written(run, remote, tmp_path):
    remote.files["/a"] = b"other"
    (tmp_path / "SUMS").write_text(f"SHA256 (a) = {hashlib.sha256(b'one').hexdigest()}\n")
    done = run(
        "create", "--from", tmp_path / "SUMS", "--base", remote.url, "--each", "-o", tmp_path
    )
    assert done.code == 6
    assert hashlib.sha256(b"other").hexdigest() in done.err
    assert not (tmp_path / "a.torrent").exists()


@pytest.mark.parametrize(
    ("headers", "code", "text"),
    [
        ({"Content-Type": "text/html; charset=utf-8"}, 7, "answers with a page"),
        ({"Content-Encoding": "gzip"}, 7, "compressed (gzip)"),
    ],
)
def test_an_answer_that_is_not_the_file_itself_is_refused(
    run, remote, tmp_path, headers, code, text
):
    remote.files["/disk.img"] = b"<html>"
    remote.headers = headers
    done = run("create", f"{remote.url}/disk.img", "-o", tmp_path)
    assert (done.code, text in done.err, "hint:" in done.err) == (code, True, True)


def test_redirects_are_followed_and_those_in_a_circle_are_told(run, remote, tmp_path):
    remote.files["/mirror/a"] = b"content"
    remote.redirects = {"/a": "/mirror/a", "/round": "/round"}
    assert run("create", f"{remote.url}/a", "-o", tmp_path).code == 0
    # Clients follow it too; where it leads may be another place tomorrow.
    assert Metainfo.read(tmp_path / "a.torrent").web_seeds == (f"{remote.url}/a",)
    done = run("create", f"{remote.url}/round", "-o", tmp_path)
    assert (done.code, "redirects without end" in done.err) == (7, True)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--from", "SUMS"], "names without a URL"),
        (["--from", "SUMS", "--base", "{}/", "x"], "`--from` says already"),
        (["--as-one", "."], "joins URLs"),
        (["--base", "{}/", "."], "there is none"),
        (["{}/folder/"], "its name is empty"),
        (["{}/a/%2e%2e"], "its name"),
        (["{}/a", "--reuse", "x.torrent"], "`--reuse`"),
        (["--as-one", "{}/a/b", "http://127.0.0.2/a/c"], "several servers"),
        ([], "nothing to make a torrent of"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(run, remote, tmp_path, monkeypatch, words, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "SUMS").write_text(f"{'0' * 64}  name\n")
    done = run("create", *(word.format(remote.url) for word in words))
    assert done.code == 2
    assert text in done.err


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a//b", "a/../../b"])
def test_a_list_cannot_name_what_lies_above_its_base(run, remote, tmp_path, name):
    (tmp_path / "SUMS").write_text(f"{'0' * 64}  {name}\n")
    done = run("create", "--from", tmp_path / "SUMS", "--base", f"{remote.url}/b", "-o", tmp_path)
    assert (done.code, remote.asked) == (2, [])


def test_the_torrent_is_described_as_that_of_a_file_on_disk(run, remote, tmp_path):
    remote.files["/a"] = b"content"
    done = run("create", f"{remote.url}/a", "-o", tmp_path, "--json")
    told = json.loads(done.out)
    assert (told["name"], told["length"], told["web_seeds"]) == ("a", 7, [f"{remote.url}/a"])


lengths = st.lists(st.integers(0, 9 * PIECE), min_size=1, max_size=6)


@settings(max_examples=60)
@given(lengths, st.sampled_from([1, 2, 5]), st.sampled_from([1, 2, 99]), st.booleans())
def test_stretches_hold_every_byte_once_and_end_at_pieces(sizes, pieces, parts_max, is_padded):
    slots: list[tuple[int | None, int]] = []
    for number, size in enumerate(sizes):
        slots.append((number, size))
        if is_padded and -size % PIECE:
            slots.append((None, -size % PIECE))
    cut = stretches(slots, PIECE, pieces * PIECE, parts_max)
    for one in cut[:-1]:
        assert sum(count for _, _, count in one.parts) % PIECE == 0
        assert 0 < sum(count for _, _, count in one.parts) <= pieces * PIECE
    for number, size in enumerate(sizes):
        spans = [part[1:] for one in cut for part in one.parts if part[0] == number]
        assert [begin for begin, _ in spans] == [
            sum(n for _, n in spans[:i]) for i in range(len(spans))
        ]
        assert sum(count for _, count in spans) == size


@settings(max_examples=40)
@given(st.integers(1, 12 * PIECE), st.integers(1, 4), st.sampled_from([PIECE, 4 * PIECE]))
def test_the_tree_of_a_file_is_put_together_from_those_of_its_parts(
    tmp_path_factory, length, pieces, piece_length
):
    folder = tmp_path_factory.mktemp("parts")
    body = random.Random(length).randbytes(length)
    (folder / "whole").write_bytes(body)
    parts = []
    for at in range(0, length, pieces * piece_length):
        part = body[at : at + pieces * piece_length]
        (folder / "part").write_bytes(part)
        parts.append((hasher.hash_v2([(folder / "part", len(part))], piece_length)[0], len(part)))
    whole = hasher.hash_v2([(folder / "whole", length)], piece_length)[0]
    assert joined(parts, length, piece_length) == whole


def test_lists_are_read_in_both_forms_of_sha256sum_with_escaped_names():
    digest = hashlib.sha256(b"x").hexdigest()
    raw = f"{digest}  a b\nSHA256 (c) = {digest.upper()}\n\\{digest}  d\\\\e\n".encode()
    # A backslash can stand in no name of a torrent that all systems take.
    found = read_list(raw.splitlines()[0] + b"\n" + raw.splitlines()[1], "http://h/x", "list")
    assert [one.url for one in found] == ["http://h/x/a%20b", "http://h/x/c"]
    assert {one.sha256 for one in found} == {hashlib.sha256(b"x").digest()}


def test_what_is_no_part_of_a_name_or_address_is_left_off_and_nothing_else():
    assert listed_url("http://h/a%23b?x=1#top").url == "http://h/a%23b?x=1"
    digest = hashlib.sha256(b"x").hexdigest()
    raw = f"\ufeff{digest}  a\u2028 \r\nhttp://h/b#top \r\n{digest} *#c\n"
    found = read_list(raw.encode(), "http://h/", "list")
    assert [one.path for one in found] == [("a\u2028 ",), ("b",), ("#c",)]
    assert [one.url for one in found][1:] == ["http://h/b", "http://h/%23c"]


def test_the_folder_that_all_urls_are_below_is_found():
    assert common_base(["http://h/a/b/c", "http://h/a/b/d/e"]) == "http://h/a/b/"
    assert common_base(["http://h/a", "http://h/b/c"]) == "http://h/"
    assert listed_url("http://h/a/b%20c", "http://h/").path == ("a", "b c")
