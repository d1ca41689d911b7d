"""The make family of the old commands: their arguments, their lines and their bytes."""

import shutil
from typing import Any

import pytest

from outpour.cli.classic.announce import btcopyannounce, btreannounce, btsethttpseeds
from outpour.cli.classic.make import btcompletedir, btmakemetafile
from outpour.cli.classic.rename import btrename
from outpour.cli.classic.show import btshowmetainfo
from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo

OLD = "http://127.0.0.1:7001/announce"
NEW = "http://127.0.0.1:6969/announce"
HELLO = "e25d7c06d525617193e405c30a3c6a77b2e56510"


@pytest.fixture
def here(classic, tmp_path, monkeypatch):
    """A working directory with the torrents and the content of the originals."""
    monkeypatch.chdir(tmp_path)
    for path in classic.glob("*.torrent"):
        shutil.copy(path, tmp_path)
    (tmp_path / "hello.txt").write_bytes(b"hello world\n")
    return tmp_path


@pytest.mark.parametrize(
    "words",
    [
        ["hello.txt", OLD, "--comment", "a comment"],
        [OLD, "hello.txt", "--comment=a comment", "--piece-size-pow2", "18"],
        ["--comment", "a comment", "hello.txt", f" {OLD} "],
    ],
)
def test_btmakemetafile_makes_what_the_original_made(run, here, words):
    said = run(*words, tool=btmakemetafile)
    assert (said.code, said.out) == (0, "")
    made = bencode.decode((here / "hello.txt.torrent").read_bytes())
    original = bencode.decode((here / "hello.torrent").read_bytes())
    assert isinstance(made, dict)
    assert isinstance(original, dict)
    for root in (made, original):
        del root[b"creation date"]
    assert made == original


def test_btmakemetafile_chooses_pieces_by_size_in_the_order_of_bittornado(run, here):
    run(OLD, "hello.txt", tool=btmakemetafile)
    assert Metainfo.read("hello.txt.torrent").info.piece_length == 1 << 15
    with (here / "big").open("wb") as file:
        file.truncate((4 << 20) + 1)
    run(OLD, "hello.txt", "big", tool=btmakemetafile)
    assert Metainfo.read("big.torrent").info.piece_length == 1 << 16


def test_btmakemetafile_takes_the_options_of_bittornado(run, here):
    said = run(
        OLD, "hello.txt", "--target", "t", "--announce_list", f"{OLD},{NEW}|udp://127.0.0.1:1",
        "--httpseeds", "http://127.0.0.1/1|http://127.0.0.1/2", "--filesystem_encoding", "utf-8",
        tool=btmakemetafile,
    )  # fmt: skip
    assert said.code == 0
    assert said.err == "note: --filesystem_encoding has no effect any more\n"
    metainfo = Metainfo.read("t")
    assert metainfo.announce == OLD
    assert metainfo.announce_list == ((OLD, NEW), ("udp://127.0.0.1:1",))
    assert metainfo.http_seeds == ("http://127.0.0.1/1", "http://127.0.0.1/2")
    assert metainfo.created_by is None


def test_btmakemetafile_of_a_folder_leaves_out_what_the_original_did(run, here):
    folder = here / "dir"
    for name in ("sub/b.txt", "a.txt", ".hidden", "core", "CVS/x", "sub/CVS/y", "Thumbs.db"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert run("dir/", OLD, tool=btmakemetafile).code == 0
    files = Metainfo.read("dir.torrent").info.files
    assert ["/".join(file.path) for file in files] == ["Thumbs.db", "a.txt", "sub/b.txt"]


def test_btmakemetafile_leaves_out_what_it_has_written_before(run, here):
    (here / "folder").mkdir()
    (here / "folder/a").write_bytes(b"a")
    target = here / "folder/made.torrent"
    for _ in range(2):
        said = run("folder", OLD, "--target", target, tool=btmakemetafile)
        assert said.code == 0, said.err
        assert [file.path for file in Metainfo.read(target).info.files] == [("a",)]


def test_btmakemetafile_refuses_names_that_the_original_did(run, here):
    (here / "~backup").write_bytes(b"x")
    said = run("~backup", OLD, tool=btmakemetafile)
    assert said.code == 4
    assert said.err == "error: name ~backup disallowed for security reasons\n"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["hello.txt"], 2, "Must supply at least 2 args."),
        (["hello.txt", OLD, "--nope", "1"], 2, "unknown key --nope"),
        (["hello.txt", OLD, "--comment"], 2, "parameter passed in at end with no value"),
        (["hello.txt", "other.txt"], 2, "no tracker url given"),
        (["none", OLD], 4, "no such file or directory"),
        (["hello.txt", OLD, "--piece_size_pow2", "3"], 2, "--piece_size_pow2 3: not from"),
        ([OLD, "hello.txt", "hello.txt", "--target", "t"], 2, "--target takes one file"),
    ],
)
def test_btmakemetafile_fails_with_a_code_and_the_old_words(run, here, words, code, error):
    said = run(*words, tool=btmakemetafile)
    assert (said.code, said.out) == (code, "")
    assert error in said.err
    assert not (here / "hello.txt.torrent").exists()


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_btmakemetafile_lists_its_options(run, words):
    said = run(*words, tool=btmakemetafile)
    assert said.code == 0
    assert said.out.startswith(
        "usage is -\nbtmakemetafile file trackerurl [params]\n\n--piece_size"
    )
    assert (
        "--comment <arg>\n          optional human-readable comment to put in .torrent" in said.out
    )


def test_btcompletedir_makes_a_torrent_of_everything_in_a_folder(run, here):
    folder = here / "all"
    for name in ("one/x", "two.bin", "done", "done.torrent", ".hidden", "core"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    said = run(OLD, "all", tool=btcompletedir)
    assert (said.code, said.out, said.err) == (0, "", "")
    assert sorted(path.name for path in folder.glob("*.torrent")) == [
        "done.torrent",
        "one.torrent",
        "two.bin.torrent",
    ]
    assert (folder / "done.torrent").read_bytes() == b"x"
    assert Metainfo.read(folder / "one.torrent").info.is_folder


def test_btcompletedir_makes_the_rest_when_some_cannot_be_made(run, here):
    folder = here / "many"
    folder.mkdir()
    for name in ("a", "n" * 248, "z"):
        (folder / name).write_bytes(b"x")
    (folder / "dangling").symlink_to("nowhere")
    said = run("http://127.0.0.1:1/announce", folder, tool=btcompletedir)
    assert said.code == 4
    assert sorted(path.name for path in folder.glob("*.torrent")) == ["a.torrent", "z.torrent"]
    assert said.err.count("error: ") == 2


def test_btcompletedir_takes_files_either_order_and_a_target(run, here):
    (here / "out").mkdir()
    said = run("hello.txt", OLD, "--target", "out", tool=btcompletedir)
    assert said.code == 0
    assert Metainfo.read("out/hello.txt.torrent").announce == OLD
    assert run(OLD, "hello.txt", "--target", "none", tool=btcompletedir).code == 4
    assert run(tool=btcompletedir).code == 2


def test_btreannounce_tells_the_old_tracker_once(run, here):
    said = run(NEW, "hello.torrent", "dir.torrent", tool=btreannounce)
    assert said.code == 0
    assert said.out == (
        f"old announce for hello.torrent: {OLD}\nold announce for dir.torrent: {OLD}\n"
    )
    assert Metainfo.read("hello.torrent").announce == NEW
    assert Metainfo.read("hello.torrent").info.infohash_hex == HELLO
    assert run(NEW, "hello.torrent", tool=btreannounce).out == ""


def test_btreannounce_takes_a_list_anywhere_and_an_old_list_follows(run, here):
    tiers = f"{OLD},http://127.0.0.1/2|udp://127.0.0.1:1"
    run(OLD, "hello.torrent", "--announce-list", tiers, tool=btreannounce)
    assert Metainfo.read("hello.torrent").announce_list == (
        (OLD, "http://127.0.0.1/2"),
        ("udp://127.0.0.1:1",),
    )
    said = run(NEW, "hello.torrent", tool=btreannounce)
    assert said.out == (
        f"old announce for hello.torrent: {OLD}\nold announce-list for hello.torrent: {tiers}\n"
    )
    assert Metainfo.read("hello.torrent").announce_list[0] == (NEW, "http://127.0.0.1/2")


def test_btreannounce_explains_itself_and_goes_on_after_a_failure(run, here):
    said = run(NEW, tool=btreannounce)
    usage = "btreannounce http://new.uri:port/announce file1.torrent file2.torrent\n\n"
    assert (said.code, said.out) == (2, usage)
    assert run("--help", tool=btreannounce).code == 0
    said = run(NEW, "none", "hello.torrent", tool=btreannounce)
    assert said.code == 4
    assert said.out == f"old announce for hello.torrent: {OLD}\n"
    assert run("hello.torrent", "dir.torrent", tool=btreannounce).code == 2


def test_btcopyannounce_tells_new_and_old(run, here):
    run(NEW, "hello.torrent", "--announce_list", f"{NEW}|{OLD}", tool=btreannounce)
    said = run("hello.torrent", "dir.torrent", tool=btcopyannounce)
    assert said.out == (
        f"new announce: {NEW}\nnew announce-list: {NEW}|{OLD}\n"
        f"old announce for dir.torrent: {OLD}\n"
    )
    assert Metainfo.read("dir.torrent").announce_list == ((NEW,), (OLD,))
    run("big.torrent", "dir.torrent", tool=btcopyannounce)
    assert Metainfo.read("dir.torrent").announce_list == ()
    said = run(tool=btcopyannounce)
    assert said.code == 2
    assert said.out.splitlines() == [
        "Usage: btcopyannounce <source.torrent> <file1.torrent> [file2.torrent...]",
        "copies announce information from source to all specified torrents",
    ]


def test_btsethttpseeds_sets_and_strips(run, here):
    assert (
        run("http://127.0.0.1/1|http://127.0.0.1/2", "hello.torrent", tool=btsethttpseeds).out == ""
    )
    assert Metainfo.read("hello.torrent").http_seeds == ("http://127.0.0.1/1", "http://127.0.0.1/2")
    said = run("0", "hello.torrent", tool=btsethttpseeds)
    assert said.out == (
        "old http-seed list for hello.torrent: http://127.0.0.1/1|http://127.0.0.1/2\n"
    )
    assert Metainfo.read("hello.torrent").http_seeds == ()
    assert run("0", "hello.torrent", tool=btsethttpseeds).out == ""
    assert run("|", "hello.torrent", tool=btsethttpseeds).code == 2
    assert run("0", tool=btsethttpseeds).code == 2


def test_btrename_prints_its_lines_and_warns_of_the_new_infohash(run, here):
    said = run("hello.torrent", "new.txt", tool=btrename)
    assert said.code == 0
    assert said.out == (
        "btrename 20021119 - change the suggested filename in a .torrent file\n\n"
        "old filename: hello.txt\nnew filename: new.txt\n\ndone.\n\n"
    )
    info = Metainfo.read("hello.torrent").info
    assert info.name == "new.txt"
    assert HELLO in said.err
    assert info.infohash_hex in said.err
    said = run("hello.torrent", tool=btrename)
    assert said.code == 2
    assert said.out.endswith("\n\nbtrename file.torrent new.filename.ext\n\n")
    assert run("hello.torrent", "../x", tool=btrename).code == 2


def test_btshowmetainfo_of_a_file_is_byte_exact(run, here):
    assert run("./hello.torrent", tool=btshowmetainfo).out == (
        "btshowmetainfo 20021207 - decode BitTorrent metainfo files\n"
        "\n"
        "metainfo file.: hello.torrent\n"
        f"info hash.....: {HELLO}\n"
        "file name.....: hello.txt\n"
        "file size.....: 12 (0 * 262144 + 12)\n"
        f"announce url..: {OLD}\n"
        "comment.......: a comment\n"
        "\n"
    )


def test_btshowmetainfo_of_a_folder_is_byte_exact(run, here):
    run("edit", "-t", f"{OLD},{NEW}", "-t", OLD, "--http-seed", "http://127.0.0.1/", "dir.torrent")
    said = run("dir.torrent", "none", tool=btshowmetainfo)
    assert said.code == 4
    assert said.out.split("\n\n", 1)[1] == (
        "metainfo file.: dir.torrent\n"
        "info hash.....: 2fec827bb5bf675dab3523d12794f42f7a9496f2\n"
        "directory name: dir\n"
        "files.........: \n"
        "   a.txt (10)\n"
        "   sub/b.txt (20)\n"
        "archive size..: 30 (0 * 262144 + 30)\n"
        f"announce url..: {OLD}\n"
        f"announce-list.: {OLD},{NEW}|{OLD}\n"
        "http seeds....: http://127.0.0.1/\n"
        "\n"
    )


def test_btshowmetainfo_explains_itself_and_survives_a_lack_of_trackers(run, here):
    said = run(tool=btshowmetainfo)
    assert said.code == 2
    assert said.out.endswith("\n\nbtshowmetainfo file1.torrent file2.torrent file3.torrent ...\n\n")
    run("edit", "--no-trackers", "hello.torrent")
    assert "announce url..: \n" in run("hello.torrent", tool=btshowmetainfo).out


def test_btshowmetainfo_shows_both_hashes_of_a_hybrid(run, here):
    run("create", "hello.txt", "--format", "hybrid", "-t", OLD)
    info = Metainfo.read("hello.txt.torrent").info
    assert info.infohash_v1 is not None
    assert info.infohash_v2 is not None
    shown = run("hello.txt.torrent", tool=btshowmetainfo).out
    assert f"info hash.....: {info.infohash_v1.hex()}\n" in shown
    assert f"info hash v2..: {info.infohash_v2.hex()}\n" in shown


COMMANDS: dict[str, list[Any]] = {
    "btmakemetafile": ["hello.txt", OLD],
    "btcompletedir": [OLD, "hello.txt"],
    "btreannounce": [NEW, "hello.torrent"],
    "btrename": ["hello.torrent", "x"],
    "btcopyannounce": ["hello.torrent", "dir.torrent"],
    "btsethttpseeds": ["0", "hello.torrent"],
    "btshowmetainfo": ["hello.torrent"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_old_command_is_installed(spawn, here, name):
    assert spawn(name, *COMMANDS[name], cwd=here).code == 0
