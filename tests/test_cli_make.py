"""`create`, `show` and `verify` on real files."""

import hashlib
import json
import os
import stat
from typing import Any

import pytest

from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo

URL = "http://127.0.0.1:6969/announce"


@pytest.fixture
def content(tmp_path, monkeypatch):
    """A folder `game` of two files in an empty working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    folder = tmp_path / "game"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"a" * 20000)
    (folder / "sub" / "b").write_bytes(b"b" * 5)
    (folder / ".hidden").write_bytes(b"h")
    return folder


def test_create_writes_the_torrent_here_and_says_so(run, content, tmp_path):
    said = run("create", content, "--tracker", URL)
    assert said.code == 0
    assert said.out == ""
    metainfo = Metainfo.read(tmp_path / "game.torrent")
    assert said.err.startswith("`game.torrent`: 2 files, 19.5 KiB, 2 pieces of 16 KiB, infohash ")
    assert metainfo.info.infohash_hex in said.err
    assert ".hidden" in said.err
    assert metainfo.announce == URL
    assert [file.path for file in metainfo.info.files] == [("a",), ("sub", "b")]
    assert metainfo.created_by is not None
    assert metainfo.creation_date is not None


def test_every_option_of_create_reaches_the_torrent(run, content, tmp_path):
    said = run(
        "create", content, "-t", f"{URL},http://127.0.0.1/2", "-t", "udp://127.0.0.1:1",
        "--web-seed", "http://127.0.0.1/seed/", "--piece-length", "32KiB", "--comment", "c",
        "--private", "--source", "S", "--name", "other", "--date", "2026-01-01T00:00:00Z",
        "--created-by", "me", "--hidden", "--exclude", "sub", "-o", tmp_path / "out",
    )  # fmt: skip
    assert said.code == 0, said.err
    metainfo = Metainfo.read(tmp_path / "out")
    info = metainfo.info
    assert metainfo.tiers == ((URL, "http://127.0.0.1/2"), ("udp://127.0.0.1:1",))
    assert metainfo.web_seeds == ("http://127.0.0.1/seed/",)
    assert (metainfo.comment, metainfo.created_by) == ("c", "me")
    assert metainfo.creation_date == 1767225600
    assert (info.piece_length, info.private, info.source, info.name) == (32768, True, "S", "other")
    assert [file.path for file in info.files] == [(".hidden",), ("a",)]


def test_create_leaves_out_what_it_is_told_to(run, content):
    said = run("create", content, "--no-date", "--no-created-by", "-o", "-")
    root = bencode.decode(said.raw)
    assert isinstance(root, dict)
    assert list(root) == [b"info"]


def test_create_is_reproducible_by_the_clock_of_the_build(run, content, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1234567890")
    first, second = (run("create", content, "-o", "-") for _ in range(2))
    assert first.raw == second.raw
    assert Metainfo.parse(first.raw).creation_date == 1234567890


@pytest.mark.parametrize("version", ["v1", "v2", "hybrid"])
def test_what_create_makes_verify_accepts_and_show_tells(run, content, version):
    assert run("create", content, "-t", URL, "--format", version).code == 0
    for place in (content, content.parent):
        said = run("verify", "game.torrent", place)
        assert said.code == 0, said.err
        assert "2 files" in said.err
    described = json.loads(run("show", "--json", "game.torrent").out)
    assert described["version"] == version
    assert (described["infohash_v1"] is None) == (version == "v2")
    assert (described["infohash_v2"] is None) == (version == "v1")
    assert [file["path"] for file in described["files"]] == ["a", "sub/b"]
    assert described["length"] == 20005


def test_create_does_not_replace_a_file_unless_forced(run, content):
    assert run("create", content).code == 0
    said = run("create", content)
    assert said.code == 5
    assert "hint: `--force` replaces it" in said.err
    assert run("create", content, "--force").code == 0


def test_create_into_a_folder_names_the_torrent_after_its_content(run, content, tmp_path):
    (tmp_path / "out").mkdir()
    assert run("create", content, "-o", "out").code == 0
    assert (tmp_path / "out" / "game.torrent").is_file()


def test_create_describes_the_torrent_as_show_does(run, content):
    made = json.loads(run("create", content, "--json").out)
    assert made == json.loads(run("show", "--json", "game.torrent").out)


def test_create_reads_a_torrent_back_through_a_pipe(run, content):
    raw = run("create", content, "-t", URL, "-o", "-").raw
    said = run("show", "-", stdin=raw)
    assert Metainfo.parse(raw).info.infohash_hex in said.out


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["none"], 4, "no such file or directory"),
        (["game", "--piece-length", "3MiB"], 2, "not a power of two"),
        (["game", "--piece-length", "many"], 2, "not a size"),
        (["game", "--tracker", "not a url"], 2, "not a URL"),
        (["game", "--web-seed", "x"], 2, "not a URL"),
        (["game", "--private"], 2, "names no tracker"),
        (["game", "--date", "soon"], 2, "not a date"),
        (["game", "--date", "1", "--no-date"], 2, "contradicts"),
        (["game", "--created-by", "x", "--no-created-by"], 2, "contradicts"),
        (["game", "--name", ".."], 2, "climbs"),
        (["game", "--allow", "nothing"], 2, "no such lint"),
        (["game", "--json", "-o", "-"], 2, "stdout already"),
        (["game", "-o", "none/x.torrent"], 5, "its folder is not there"),
        (["game", "--include", "*.none"], 4, "holds no files to publish"),
    ],
)
def test_what_create_cannot_do_is_said_and_nothing_is_written(run, content, words, code, error):
    said = run("create", *words)
    assert said.code == code
    assert error in said.err
    assert sorted(os.listdir()) == ["game"]  # noqa: PTH208 - names are enough


def test_names_that_other_systems_would_mix_up_need_to_be_allowed(run, content):
    (content / "A").write_bytes(b"A")
    said = run("create", content)
    assert said.code == 2
    assert "`a`, `A`" in said.err or "`A`, `a`" in said.err
    assert run("create", content, "--allow", "case-duplicates").code == 0


def test_a_private_torrent_without_tracker_needs_to_be_allowed(run, content):
    assert run("create", content, "--private", "--allow", "private-without-tracker").code == 0


def test_show_tells_people_what_is_in_a_torrent(run, classic):
    said = run("show", classic / "dir.torrent")
    assert said.err == ""
    assert said.out.splitlines() == [
        "name          dir",
        "infohash      2fec827bb5bf675dab3523d12794f42f7a9496f2",
        "version       v1",
        "size          30 B in 2 files",
        "pieces        1 of 256 KiB",
        "private       no",
        "trackers      1. http://127.0.0.1:7001/announce",
        "created       2026-11-22 17:13:07 UTC",
        "magnet        magnet:?xt=urn:btih:2fec827bb5bf675dab3523d12794f42f7a9496f2"
        "&dn=dir&xl=30&tr=http://127.0.0.1:7001/announce",
        "files",
        "  dir/  30 B",
        "  ├── a.txt  10 B",
        "  └── sub/  20 B",
        "      └── b.txt  20 B",
    ]


def test_show_cuts_a_long_tree_and_lists_every_file_on_request(run, tmp_path):
    files = [{"length": 1, "path": [f"{number:03}"]} for number in range(300)]
    info: Any = {"name": "d", "piece length": 16384, "pieces": b"\1" * 20, "files": files}
    (tmp_path / "t").write_bytes(bencode.encode({"info": info}))
    said = run("show", tmp_path / "t").out
    assert "  and 101 more lines; `--files` lists every file" in said
    assert run("show", "--files", tmp_path / "t").out.splitlines() == [
        f"1 {number:03}" for number in range(300)
    ]


def test_show_survives_a_path_that_is_a_file_and_a_folder(run, tmp_path):
    files = [{"length": 1, "path": ["a"]}, {"length": 2, "path": ["a", "b"]}]
    info: Any = {"name": "d", "piece length": 16384, "pieces": b"\1" * 20, "files": files}
    (tmp_path / "t").write_bytes(bencode.encode({"info": info}))
    said = run("show", tmp_path / "t")
    assert said.code == 0
    assert "file-as-folder" in said.out


def test_show_takes_several_torrents(run, classic):
    paths = [classic / "hello.torrent", classic / "dir.torrent"]
    assert [entry["name"] for entry in json.loads(run("show", "--json", *paths).out)] == [
        "hello.txt",
        "dir",
    ]
    assert len(run("show", "--magnet", *paths).out.splitlines()) == 2
    assert run("show", *paths).out.count("infohash ") == 2
    assert run("show", "--magnet", "--json", *paths).code == 2


def test_show_refuses_what_is_no_torrent(run, tmp_path):
    (tmp_path / "x").write_bytes(b"hello")
    said = run("show", tmp_path / "x")
    assert (said.code, said.out) == (4, "")
    assert said.err.startswith(f"error: `{tmp_path / 'x'}`: not a torrent: ")
    assert run("show", "-", stdin=b"").err.startswith("error: standard input: not a torrent: ")


@pytest.fixture
def made(run, content):
    """`game.torrent` of `game`."""
    assert run("create", content, "-t", URL).code == 0
    return content


def test_verify_names_what_is_wrong_and_ends_with_6(run, made):
    (made / "a").write_bytes(b"a" * 19999 + b"x")
    (made / "sub" / "b").unlink()
    (made / "new").write_bytes(b"")
    said = run("verify", "game.torrent", made)
    assert said.code == 6
    lines = said.out.splitlines()
    assert lines[1].split() == ["missing", "sub/b", "bytes", "0-4"]
    assert lines[0].split()[:2] == ["unverified", "a"]
    assert "1 of 2 files differ from `game.torrent`; " in said.err
    assert "hint: mend it: outpour download game.torrent -o " in said.err
    assert "`new`" in said.err
    assert ".hidden" not in said.err


def test_verify_tells_how_much_is_right_and_names_the_folder_in_its_hint(run, content):
    assert run("create", content, "-t", URL, "-l", "16KiB").code == 0
    (content / "a").write_bytes(b"x" + b"a" * 19999)
    said = run("verify", "game.torrent", content)
    assert "; 18.10 % of the content is right, 1 of 2 pieces are bad" in said.err
    assert f"hint: mend it: outpour download game.torrent -o {content.parent}" in said.err
    other = content.rename(content.parent / "other name")
    said = run("verify", "game.torrent", other)
    assert f"hint: mend it: btdownloadheadless --saveas '{other}' game.torrent" in said.err
    assert "100" not in said.err.split("%")[0]


def test_verify_is_not_ok_when_only_padding_is_bad(run, tmp_path):
    pieces = hashlib.sha1(b"a" * 16384).digest() + hashlib.sha1(b"p" * 16384).digest()
    files = [
        {"length": 16384, "path": ["a"]},
        {"attr": "p", "length": 16384, "path": [".pad", "16384"]},
    ]
    info: Any = {"files": files, "name": "d", "piece length": 16384, "pieces": pieces}
    (tmp_path / "t.torrent").write_bytes(bencode.encode({"info": info}))
    (tmp_path / "d/.pad").mkdir(parents=True)
    (tmp_path / "d/a").write_bytes(b"a" * 16384)
    (tmp_path / "d/.pad/16384").write_bytes(b"p" * 16384)
    said = run("verify", tmp_path / "t.torrent", tmp_path / "d")
    assert (said.code, said.out) == (6, "")
    assert "0 of 1 file differ" in said.err
    assert "1 of 2 pieces are bad, of nothing but padding" in said.err
    assert "hint: nothing mends it: clients take padding for zeros" in said.err
    report = json.loads(run("verify", "--json", tmp_path / "t.torrent", tmp_path / "d").out)
    assert (report["ok"], report["bad_pieces"], report["piece_count"]) == (False, [1], 2)


@pytest.mark.parametrize("ending", [".part", ".!qB"])
def test_verify_recognises_what_a_client_still_downloads(run, made, ending):
    (made / "a").rename(made / f"a{ending}")
    said = run("verify", "game.torrent", made)
    assert said.code == 6
    assert said.out.split() == ["unfinished", "a", "called", f"`a{ending}`"]
    assert "100.00 % of the content is right" in said.err
    assert "not in the torrent" not in said.err
    (made / f"a{ending}").write_bytes(b"a" * 16384 + b"x" * 3616)
    file = json.loads(run("verify", "--json", "game.torrent", made).out)["files"][0]
    assert (file["status"], file["bad"]) == ("unfinished", [[16384, 20000]])


def test_verify_takes_several_torrents_and_goes_on_after_a_bad_one(run, made, tmp_path):
    (tmp_path / "one").write_bytes(b"1")
    assert run("create", tmp_path / "one", "-t", URL).code == 0
    (tmp_path / "bad.torrent").write_bytes(b"x")
    said = run("verify", "game.torrent", "bad.torrent", "one.torrent", tmp_path)
    assert said.code == 4
    assert [line[:6] for line in said.err.splitlines() if "every piece" in line] == [
        f"`{tmp_path}"[:6]
    ] * 2
    assert "`bad.torrent`: not a torrent" in said.err
    (tmp_path / "one").write_bytes(b"2")
    said = run("verify", "--json", "bad.torrent", "one.torrent", "game.torrent", tmp_path)
    assert said.code == 6
    assert [report["ok"] for report in json.loads(said.out)] == [False, True]


def test_verify_tells_programs_byte_ranges(run, made):
    (made / "a").write_bytes(b"x" + b"a" * 19999)
    said = run("verify", "--json", "game.torrent", made)
    assert said.code == 6
    report = json.loads(said.out)
    assert report["ok"] is False
    assert report["bad_pieces"] == [0]
    assert report["files"][0] == {
        "path": "a", "status": "bad", "length": 20000, "found": 20000,
        "bad": [[0, 16384]], "unverified": [], "bad_blocks": [], "reason": None,
    }  # fmt: skip
    assert report["files"][1]["status"] == "ok"


def test_verify_names_the_blocks_of_v2(run, content):
    assert run("create", content, "--format", "v2", "--piece-length", "16KiB").code == 0
    (content / "a").write_bytes(b"a" * 19999 + b"x")
    said = run("verify", "game.torrent", content)
    assert said.code == 6
    assert said.out.split() == ["bad", "a", "bytes", "16384-19999,", "blocks", "1"]
    assert json.loads(run("verify", "--json", "game.torrent", content).out)["bad_pieces"] == [1]


def test_verify_names_what_cannot_be_read_and_ends_with_4(run, made):
    (made / "sub" / "b").unlink()
    (made / "sub" / "b").symlink_to("b")
    said = run("verify", "game.torrent", made)
    assert said.code == 4
    assert "unreadable  sub/b  too many levels of symbolic links" in said.out
    assert "could not be checked against `game.torrent`" in said.err


def test_content_that_may_not_be_read_is_no_mistake_on_the_command_line(run, made, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert run("verify", "game.torrent", made).code == 4


def test_verify_in_a_hurry_looks_at_sizes_only(run, made):
    (made / "a").write_bytes(b"x" * 20000)
    assert run("verify", "--quick", "game.torrent", made).code == 0
    (made / "a").write_bytes(b"x")
    said = run("verify", "--quick", "game.torrent", made)
    assert said.code == 6
    assert "1 of 20000 bytes" in said.out


def test_verify_lists_the_good_files_on_request(run, made):
    said = run("verify", "--files", "game.torrent", made)
    assert [line.split() for line in said.out.splitlines()] == [["ok", "a"], ["ok", "sub/b"]]


def test_verify_of_nothing_is_a_read_error(run, made):
    assert run("verify", "game.torrent", "none").code == 4
    assert run("verify", "none.torrent", made).code == 4


def test_a_new_torrent_has_the_mode_of_a_new_file(run, content):
    old = os.umask(0o027)
    try:
        assert run("create", content).code == 0
    finally:
        os.umask(old)
    assert stat.S_IMODE((content.parent / "game.torrent").stat().st_mode) == 0o640
