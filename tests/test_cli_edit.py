"""`edit`, `reannounce` and `magnet`."""

import json
import shutil

import pytest

from outpour.metainfo import Metainfo

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
    said = run("edit", "--name", "b.txt", "--private", "--source", "S", "hello.torrent")
    info = Metainfo.read("hello.torrent").info
    assert (info.name, info.private, info.source) == ("b.txt", True, "S")
    assert f"changes from {HELLO} to {info.infohash_hex}" in said.err


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
        ["--name", "a/b", "hello.torrent"],
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


def test_magnet_writes_a_link_in_order_and_refuses_a_wrong_one(run):
    base32 = "4JOXYBWVEVQXDE7EAXBQUPDKO6ZOKZIQ"
    assert run("magnet", f"magnet:?xt=urn:btih:{base32}").out == f"magnet:?xt=urn:btih:{HELLO}\n"
    said = run("magnet", "magnet:?xt=urn:btih:12")
    assert said.code == 4
    assert "hint: `btih` takes" in said.err
