"""`edit`, `reannounce` and `magnet`."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo

NEW = "http://127.0.0.1:6969/announce"
OLD = "http://127.0.0.1:7001/announce"
HELLO = "e25d7c06d525617193e405c30a3c6a77b2e56510"


@pytest.fixture
def torrents(classic, tmp_path, monkeypatch):
    """Copies of the classic torrents in the working directory."""
    monkeypatch.chdir(tmp_path)
    for path in classic.glob("*.torrent"):
        shutil.copy(path, tmp_path)
    return tmp_path


def test_edit_changes_fields_and_keeps_the_infohash(run, torrents):
    said = run(
        "edit", "-t", f"{NEW},{OLD}", "-t", "udp://127.0.0.1:1", "--web-seed", "http://127.0.0.1/",
        "--comment", "new", "--created-by", "me", "--date", "5", "hello.torrent",
    )  # fmt: skip
    assert (said.code, said.out, said.err) == (0, "", "")
    metainfo = Metainfo.read("hello.torrent")
    assert metainfo.info.infohash_hex == HELLO
    assert metainfo.tiers == ((NEW, OLD), ("udp://127.0.0.1:1",))
    assert metainfo.web_seeds == ("http://127.0.0.1/",)
    assert (metainfo.comment, metainfo.created_by, metainfo.creation_date) == ("new", "me", 5)


def test_edit_removes_fields(run, torrents):
    words = ["--no-trackers", "--no-date", "--comment", "", "--no-web-seeds", "--no-http-seeds"]
    assert run("edit", *words, "hello.torrent").code == 0
    metainfo = Metainfo.read("hello.torrent")
    assert (metainfo.tiers, metainfo.comment, metainfo.creation_date) == ((), None, None)
    assert metainfo.info.infohash_hex == HELLO


def test_edit_says_when_the_infohash_changes(run, torrents):
    words = ["--name", "b.txt", "--private", "--source", "S"]
    said = run("edit", "--new-infohash", *words, "hello.torrent")
    info = Metainfo.read("hello.torrent").info
    assert (info.name, info.private, info.source) == ("b.txt", True, "S")
    assert f"changes from {HELLO} to {info.infohash_hex}" in said.err


def test_edit_adds_removes_and_replaces_single_trackers_and_web_seeds(run, torrents):
    third, seed = "udp://127.0.0.1:1", "http://127.0.0.1/seed/"

    def edit(*words):
        said = run("edit", *words, "hello.torrent")
        assert said.code == 0, said.err
        metainfo = Metainfo.read("hello.torrent")
        assert metainfo.info.infohash_hex == HELLO
        return metainfo

    assert edit("--add-tracker", NEW, "--add-tracker", OLD).tiers == ((OLD,), (NEW,))
    assert edit("--replace-tracker", OLD, third).tiers == ((third,), (NEW,))
    assert edit("--remove-tracker", third).tiers == ((NEW,),)
    assert edit("--add-web-seed", seed, "--add-web-seed", NEW).web_seeds == (seed, NEW)
    assert edit("--add-web-seed", seed, "--remove-web-seed", NEW).web_seeds == (seed,)
    assert edit("--node", "[::1]:6881").nodes == (("::1", 6881),)
    assert edit("--no-nodes").nodes == ()


@pytest.mark.parametrize("flag", ["--web-seed", "--add-web-seed"])
def test_edit_ends_the_web_seed_of_a_folder_with_a_slash(run, torrents, flag):
    for name, end in (("dir.torrent", "/"), ("hello.torrent", "")):
        assert run("edit", flag, "http://127.0.0.1/seed", name).code == 0
        assert Metainfo.read(name).web_seeds == (f"http://127.0.0.1/seed{end}",)


def test_edit_merges_any_field(run, torrents):
    said = run(
        "edit", "--merge",
        '{"publisher": "me", "x": [1, {"y": "z"}], "comment": null}', "hello.torrent",
    )  # fmt: skip
    assert said.code == 0, said.err
    metainfo = Metainfo.read("hello.torrent")
    root = bencode.decode(metainfo.raw)
    assert isinstance(root, dict)
    assert (root[b"publisher"], root[b"x"]) == (b"me", [1, {b"y": b"z"}])
    assert metainfo.comment is None
    assert metainfo.info.infohash_hex == HELLO
    words = ["--new-infohash", "--merge", '{"info": {"source": "S"}}']
    assert run("edit", *words, "hello.torrent").code == 0
    assert Metainfo.read("hello.torrent").info.source == "S"


@pytest.mark.parametrize(("version", "lines"), [("v1", 1), ("v2", 1), ("hybrid", 2)])
def test_edit_tells_each_infohash_that_changes(run, tmp_path, monkeypatch, version, lines):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_bytes(b"a" * 40_000)
    assert run("create", "a", "-t", NEW, "--format", version).code == 0
    before = Metainfo.read("a.torrent").info
    said = run("edit", "--new-infohash", "--name", "b", "a.torrent")
    after = Metainfo.read("a.torrent").info
    assert [file.path for file in after.files] == [("b",)]
    notes = said.err.splitlines()
    assert len(notes) == lines
    if before.infohash_v2 and after.infohash_v2:
        assert (
            f"v2 changes from {before.infohash_v2.hex()} to {after.infohash_v2.hex()}" in notes[-1]
        )
    if before.infohash_v1 and after.infohash_v1:
        assert f"infohash changes from {before.infohash_hex} to {after.infohash_hex}" in notes[0]
    assert run("verify", "a.torrent", "a").code == 0


def test_edit_goes_on_after_a_file_that_fails_and_leaves_it_alone(run, torrents):
    (torrents / "bad.torrent").write_bytes(b"d4:infoi1ee")
    words = ["edit", "--comment", "new", "bad.torrent", "none.torrent", "hello.torrent"]
    said = run(*words)
    assert said.code == 4
    assert said.err.count("error: ") == 2
    assert (torrents / "bad.torrent").read_bytes() == b"d4:infoi1ee"
    assert Metainfo.read("hello.torrent").comment == "new"


def test_edit_keeps_the_mode_and_leaves_nothing_behind(run, torrents):
    (torrents / "hello.torrent").chmod(0o604)
    assert run("edit", "--comment", "new", "hello.torrent").code == 0
    assert stat.S_IMODE((torrents / "hello.torrent").stat().st_mode) == 0o604
    assert sorted(path.name for path in torrents.iterdir()) == [
        "big.torrent", "dir.torrent", "hello.torrent"
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_edit_in_a_folder_that_is_closed_is_said_and_changes_nothing(run, torrents):
    before = (torrents / "hello.torrent").read_bytes()
    torrents.chmod(0o500)
    try:
        said = run("edit", "--comment", "new", "hello.torrent")
    finally:
        torrents.chmod(0o700)
    assert said.code == 5
    assert (torrents / "hello.torrent").read_bytes() == before


def test_edit_writes_elsewhere_or_to_stdout_and_keeps_the_original(run, torrents, classic):
    assert run("edit", "--comment", "x", "-o", "new.torrent", "hello.torrent").code == 0
    assert Metainfo.read("new.torrent").comment == "x"
    raw = run("edit", "--comment", "y", "-", stdin=(torrents / "hello.torrent").read_bytes()).raw
    assert Metainfo.parse(raw).comment == "y"
    original = (classic / "hello.torrent").read_bytes()
    assert (torrents / "hello.torrent").read_bytes() == original


def test_edit_that_changes_nothing_leaves_the_file_alone(run, torrents):
    before = (torrents / "hello.torrent").stat()
    said = run("edit", "--comment", "a comment", "hello.torrent")
    assert said.err == "`hello.torrent`: nothing to change\n"
    assert (torrents / "hello.torrent").stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "words",
    [
        ["--tracker", NEW, "--no-trackers", "hello.torrent"],
        ["--web-seed", NEW, "--no-web-seeds", "hello.torrent"],
        ["--date", "5", "--no-date", "hello.torrent"],
        ["-o", "x", "hello.torrent", "dir.torrent"],
        ["--tracker", "nowhere", "hello.torrent"],
        ["--new-infohash", "--name", "a/b", "hello.torrent"],
        ["--name", "b", "hello.torrent"],
        ["--private", "hello.torrent"],
        ["--public", "hello.torrent"],
        ["--source", "S", "hello.torrent"],
        ["--merge", '{"info": {"x": 1}}', "hello.torrent"],
        ["--merge", '{"announce": 5}', "hello.torrent"],
        ["--merge", '{"x": 1.5}', "hello.torrent"],
        ["--merge", '{"x": [true]}', "hello.torrent"],
        ["--merge", '{"x": [null]}', "hello.torrent"],
        ["--merge", '{"x": NaN}', "hello.torrent"],
        ["--merge", '{"x": 9223372036854775808}', "hello.torrent"],
        ["--merge", "[" * 100_000, "hello.torrent"],
        ["--merge", "[]", "hello.torrent"],
        ["--merge", '{"info": 1}', "hello.torrent"],
        ["--new-infohash", "--merge", '{"info": {"piece length": 0}}', "hello.torrent"],
        ["--node", "nowhere", "hello.torrent"],
        ["--node", "::1:6881", "hello.torrent"],
        ["--node", "127.0.0.1:6881", "--no-nodes", "hello.torrent"],
        ["--replace-tracker", OLD, "nowhere", "hello.torrent"],
        ["--comment", "x", "http://127.0.0.1:9/hello.torrent"],
    ],
)
def test_edit_refuses_what_contradicts_itself(run, torrents, words):
    said = run("edit", *words)
    assert said.code == 2
    assert Metainfo.read("hello.torrent").announce == OLD


def test_reannounce_moves_every_torrent_and_says_from_where(run, torrents):
    said = run("reannounce", NEW, "hello.torrent", "dir.torrent")
    assert said.code == 0
    assert said.err.splitlines()[0] == f"`hello.torrent`: {OLD} -> {NEW}"
    assert Metainfo.read("hello.torrent").announce == NEW
    assert Metainfo.read("dir.torrent").announce == NEW
    assert Metainfo.read("hello.torrent").info.infohash_hex == HELLO
    assert run("reannounce", NEW, "hello.torrent").err == "`hello.torrent`: unchanged\n"


def test_reannounce_goes_on_after_a_file_that_fails(run, torrents):
    said = run("reannounce", NEW, "none.torrent", "hello.torrent")
    assert said.code == 4
    assert "`none.torrent`: no such file" in said.err
    assert Metainfo.read("hello.torrent").announce == NEW


def test_reannounce_drops_other_tiers_only_when_told(run, torrents):
    run("edit", "-t", OLD, "-t", "udp://127.0.0.1:1", "hello.torrent", "dir.torrent")
    run("reannounce", NEW, "hello.torrent")
    assert Metainfo.read("hello.torrent").tiers == ((NEW,), ("udp://127.0.0.1:1",))
    run("reannounce", "--all-tiers", NEW, "hello.torrent")
    assert Metainfo.read("hello.torrent").tiers == ((NEW,),)
    run("reannounce", "--from", "dir.torrent", "hello.torrent")
    assert Metainfo.read("hello.torrent").tiers == ((OLD,), ("udp://127.0.0.1:1",))


@pytest.mark.parametrize(
    "words", [[NEW], ["hello.torrent", "dir.torrent"], ["--all-tiers", "--from", "a", "b"]]
)
def test_reannounce_needs_a_url_and_a_torrent(run, torrents, words):
    said = run("reannounce", *words)
    assert said.code == 2
    assert "hint: " in said.err or "--from" in said.err


def test_a_link_to_a_torrent_stays_a_link(run, torrents):
    (torrents / "link.torrent").symlink_to("hello.torrent")
    assert run("reannounce", NEW, "link.torrent").code == 0
    assert (torrents / "link.torrent").is_symlink()
    assert Metainfo.read("hello.torrent").announce == NEW


def test_magnet_goes_both_ways(run, torrents):
    link = run("magnet", "hello.torrent").out.strip()
    assert link.startswith(f"magnet:?xt=urn:btih:{HELLO}&dn=hello.txt&xl=12&tr=")
    assert run("magnet", link).out.strip() == link
    parts = json.loads(run("magnet", "--json", link).out)
    assert parts["infohash"] == parts["infohash_v1"] == HELLO
    assert (parts["name"], parts["length"], parts["trackers"]) == ("hello.txt", 12, [OLD])
    assert run("magnet", "-", stdin=(torrents / "hello.torrent").read_bytes()).out.strip() == link


def test_magnet_names_files_peers_and_more_trackers(run, torrents):
    said = run(
        "magnet", "--select", "1", "--peer", "127.0.0.1:6881", "--tracker", NEW, "--tracker", OLD,
        "dir.torrent",
    )  # fmt: skip
    assert said.out.strip().endswith(f"&tr={OLD}&tr={NEW}&x.pe=127.0.0.1:6881&so=1")
    parts = json.loads(run("magnet", "--json", said.out.strip()).out)
    assert parts["selected"] == [{"first": 1, "last": 1}]
    assert parts["peers"] == [{"host": "127.0.0.1", "port": 6881}]
    for words, code in ((["2"], 2), (["0-2"], 2), (["x"], 4)):
        assert run("magnet", "--select", *words, "dir.torrent").code == code


def test_magnet_writes_a_link_in_order_and_refuses_a_wrong_one(run):
    base32 = "4JOXYBWVEVQXDE7EAXBQUPDKO6ZOKZIQ"
    assert run("magnet", f"magnet:?xt=urn:btih:{base32}").out == f"magnet:?xt=urn:btih:{HELLO}\n"
    said = run("magnet", "magnet:?xt=urn:btih:12")
    assert said.code == 4
    assert "hint: `btih` takes" in said.err


def test_edit_writes_many_into_a_folder_and_keeps_the_originals(run, torrents):
    originals = {name: Path(name).read_bytes() for name in ("hello.torrent", "dir.torrent")}
    Path("edited").mkdir()
    said = run("edit", "--comment", "x", "-o", "edited", "bad.torrent", *originals)
    assert said.code == 4
    assert sorted(path.name for path in Path("edited").iterdir()) == [*sorted(originals)]
    for name, raw in originals.items():
        assert Path(name).read_bytes() == raw
        edited = Metainfo.read(Path("edited") / name)
        assert (edited.comment, edited.info.raw) == ("x", Metainfo.parse(raw).info.raw)
    said = run("edit", "--comment", "y", "-o", "none", *originals)
    assert said.code == 2
    assert "hint: name a folder" in said.err
    raw = originals["hello.torrent"]
    assert run("edit", "--comment", "z", "-o", "edited", "-", stdin=raw).code == 0
    assert Metainfo.read("edited/hello.txt.torrent").comment == "z"


def test_edit_writes_no_two_torrents_into_one_file(run, torrents):
    for name, of in (("edited", None), ("a", "hello.torrent"), ("b", "dir.torrent")):
        Path(name).mkdir()
        if of is not None:
            shutil.copy(of, Path(name) / "x.torrent")
    said = run("edit", "--comment", "x", "-o", "edited", "a/x.torrent", "b/x.torrent")
    assert (said.code, "`b/x.torrent`: `edited/x.torrent` was written" in said.err) == (5, True)
    assert Metainfo.read("edited/x.torrent").info.infohash_hex == HELLO


def test_an_edit_drops_what_is_behind_the_end(run, torrents):
    raw = Path("hello.torrent").read_bytes()
    Path("hello.torrent").write_bytes(raw + b"\n\n")
    for words in (
        ["edit", "--comment", "x"],
        ["edit", "--new-infohash", "--private"],
        ["reannounce", "http://127.0.0.1:1/x"],
    ):
        Path("t.torrent").write_bytes(raw + b"\n\n")
        where = ["t.torrent"]
        assert run(*words, *where).code == 0
        after = Metainfo.read("t.torrent")
        assert after.trailing == 0
        assert after.raw.endswith(b"e")


def test_reannounce_moves_the_twin_too(run, torrents):
    urls = ["http://127.0.0.1:6969/announce", "udp://127.0.0.1:6969/announce"]
    assert run("edit", "-t", urls[0], "-t", urls[1], "hello.torrent").code == 0
    assert run("reannounce", "http://127.0.0.1:7000/announce", "hello.torrent").code == 0
    assert Metainfo.read("hello.torrent").tiers == (
        ("http://127.0.0.1:7000/announce",), ("udp://127.0.0.1:7000/announce",),
    )  # fmt: skip


def test_diff_tells_fields_and_files_and_ends_with_1(run, tmp_path):
    for name, version in (("one", "v2"), ("two", "v2")):
        folder = tmp_path / name / "game"
        folder.mkdir(parents=True)
        (folder / "same").write_bytes(b"s" * 20_000)
        (folder / "changed").write_bytes(name.encode() * 9)
        (folder / f"only {name}").write_bytes(b"x")
        words = ["-f", version, "-t", f"http://127.0.0.1/{name}", "--no-date"]
        assert run("create", folder, "-o", tmp_path / f"{name}.torrent", *words).code == 0
    one, two = tmp_path / "one.torrent", tmp_path / "two.torrent"
    said = run("diff", one, two)
    assert said.code == 1
    lines = said.out.splitlines()
    assert "- trackers: http://127.0.0.1/one" in lines
    assert "+ trackers: http://127.0.0.1/two" in lines
    files = [line.rsplit(":", 1)[0] for line in lines if "bytes" in line]
    assert files == ["- changed", "+ changed", "- only one", "+ only two"]
    assert "same" not in said.out
    told = json.loads(run("diff", "--json", one, two).out)
    assert (told["same"], told["same_infohash"]) == (False, False)
    assert [file["path"] for file in told["files"]] == ["changed", "only one", "only two"]
    assert run("edit", "--comment", "x", "--merge", '{"z": 1}', "-o", two, one).code == 0
    said = run("diff", one, two)
    assert said.out.splitlines() == ["+ comment: x", "+ z: 1"]
    assert json.loads(run("diff", "--json", one, two).out)["same_infohash"] is True
    said = run("diff", one, one)
    assert (said.code, said.out) == (0, "")
    assert run("diff", one, tmp_path / "none").code == 4
