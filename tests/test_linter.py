from typing import Any

import pytest

from outpour.torrent import bencode
from outpour.torrent.linter import LINTS, PIECES_MANY, TORRENT_BYTES_LARGE, lint, lint_paths
from outpour.torrent.metainfo import Metainfo

URL = "http://127.0.0.1:6969/announce"


def torrent(length=12, piece_length=16384, root=None, **info):
    pieces = b"\1" * 20 * -(-length // piece_length)
    content = {"length": length, "name": "a", "piece length": piece_length, "pieces": pieces}
    return Metainfo.parse(
        bencode.encode({"announce": URL, **(root or {}), "info": {**content, **info}})
    )


def names(metainfo):
    return [note.name for note in lint(metainfo)]


def test_a_plain_torrent_has_no_lints(classic):
    assert names(torrent()) == []
    for path in sorted(classic.glob("*.torrent")):
        assert names(Metainfo.read(path)) == []


@pytest.mark.parametrize(
    ("name", "metainfo"),
    [
        ("no-tracker", torrent(root={"announce": ""})),
        ("private-without-tracker", torrent(root={"announce": ""}, private=1)),
        ("private-with-nodes", torrent(root={"nodes": [["::1", 1]]}, private=1)),
        ("announce-not-listed", torrent(root={"announce-list": [["http://127.0.0.1/other"]]})),
        ("tracker-scheme", torrent(root={"announce": "gopher://127.0.0.1/"})),
        ("login-in-url", torrent(root={"announce": "http://me:secret@127.0.0.1/a"})),
        ("login-in-url", torrent(root={"url-list": "https://me@127.0.0.1/"})),
        ("web-seed-scheme", torrent(root={"url-list": "file:///etc"})),
        ("many-pieces", torrent(length=(PIECES_MANY + 1) * 16384)),
        ("large-torrent", torrent(root={"comment": "x" * TORRENT_BYTES_LARGE})),
        ("piece-length-odd", torrent(piece_length=20000)),
        ("piece-length-small", torrent(piece_length=8192)),
        ("piece-length-large", torrent(piece_length=1 << 26)),
        ("empty", torrent(length=0)),
        ("windows-names", torrent(name="CON.txt")),
        ("names-not-utf8", torrent(name=b"\xe9")),
        ("names-unprintable", torrent(name="a\u202egpj.exe")),
    ],
)
def test_what_is_unwise_is_named(name, metainfo):
    assert names(metainfo) == [name]


@pytest.mark.parametrize(("more", "is_read"), [(0, True), (1, False)])
def test_what_is_too_large_is_what_libtorrent_refuses(tmp_path, more, is_read):
    libtorrent = pytest.importorskip("libtorrent")
    room = TORRENT_BYTES_LARGE - len(torrent(root={"comment": "x" * 1_000_000}).raw) + 1_000_000
    metainfo = torrent(root={"comment": "x" * (room + more)})
    while len(metainfo.raw) > TORRENT_BYTES_LARGE + more:
        room -= len(metainfo.raw) - TORRENT_BYTES_LARGE - more
        metainfo = torrent(root={"comment": "x" * (room + more)})
    assert len(metainfo.raw) == TORRENT_BYTES_LARGE + more
    (tmp_path / "t.torrent").write_bytes(metainfo.raw)
    try:
        libtorrent.torrent_info(str(tmp_path / "t.torrent"))
    except RuntimeError:
        assert not is_read
    else:
        assert is_read
    assert ("large-torrent" in names(metainfo)) is not is_read


def test_unsorted_keys_are_named():
    raw = torrent().raw
    swapped = b"d4:info" + raw[raw.index(b"4:info") + 6 : -1] + b"8:announce3:x:/e"
    assert "unsorted-keys" in names(Metainfo.parse(swapped))


def test_missing_piece_layers_of_v2_are_named():
    tree = {"a": {"": {"length": 20000, "pieces root": b"\1" * 32}}}
    info: Any = {"name": "a", "piece length": 16384, "meta version": 2, "file tree": tree}
    metainfo = Metainfo.parse(bencode.encode({"announce": URL, "info": info}))
    assert names(metainfo) == ["missing-piece-layers"]


def test_padding_that_outweighs_the_content_is_named():
    files = [
        {"length": 1, "path": ["a"]},
        {"length": 16383, "path": [".pad", "16383"], "attr": "p"},
        {"length": 1, "path": ["b"]},
    ]
    info: Any = {"name": "d", "piece length": 16384, "files": files, "pieces": b"\1" * 40}
    metainfo = Metainfo.parse(bencode.encode({"announce": URL, "info": info}))
    assert names(metainfo) == ["padding"]


@pytest.mark.parametrize(
    ("name", "paths"),
    [
        ("duplicate-paths", [("a",), ("a",)]),
        ("case-duplicates", [("A", "x"), ("a", "x")]),
        ("case-duplicates", [("straße",), ("STRASSE",)]),
        ("file-as-folder", [("a",), ("a", "b")]),
        ("windows-names", [("a.",)]),
        ("windows-names", [("what?",)]),
        ("windows-names", [("lpt1",)]),
    ],
)
def test_what_is_unwise_in_paths_is_named(name, paths):
    assert [note.name for note in lint_paths(paths)] == [name]


def test_one_name_in_two_unicode_forms_is_named_twice():
    notes = [note.name for note in lint_paths([("\u00e9",), ("e\u0301",)])]
    assert notes == ["unicode-duplicates", "names-decomposed"]


@pytest.mark.parametrize(
    "paths", [[("a", "A")], [("console.txt",), ("com10",)], [("a", "b"), ("a", "c")], [("ü",)]]
)
def test_paths_that_every_system_stores_have_no_lints(paths):
    assert lint_paths(paths) == ()


def test_a_folder_named_like_a_file_in_it_is_no_duplicate():
    assert lint_paths([("a",)], root="a") == ()


def test_messages_show_some_of_many_and_obey_no_terminal():
    (note,) = lint_paths([(f"\x9b{number}",) for number in range(9)])
    assert note.message.isprintable()
    assert note.message.endswith("and 6 more")
    assert note.name in LINTS
