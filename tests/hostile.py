"""Torrents crafted to harm whoever reads them, and what they are built from."""

from typing import Any

from outpour.torrent import bencode

LEAF = bytes(range(32))


def single(**changes):
    """A torrent of one file of 12 bytes, with keys of its info dictionary changed."""
    info = {"length": 12, "name": "a.txt", "piece length": 16384, "pieces": b"\1" * 20}
    info.update({key.replace("_", " "): value for key, value in changes.items()})
    return {"info": {key: value for key, value in info.items() if value is not None}}


def folder(*entries, piece_length=16384, **changes):
    """A torrent of a folder `d`, with as many pieces as its files need."""
    files = [{"length": length, "path": path} for path, length in entries]
    count = 0 if "pieces" in changes else -(-sum(n for _, n in entries) // piece_length)
    defaults = {"name": "d", "length": None, "pieces": b"\1" * 20 * count}
    return single(**{**defaults, "files": files, "piece_length": piece_length, **changes})


def tree(entries, piece_length=16384, **changes):
    """A torrent of v2 with the given files, each of one block or empty."""
    node: dict[str, object] = {}
    for path, length in entries:
        at: Any = node
        for part in path:
            at = at.setdefault(part, {})
        at[""] = {"length": length, **({"pieces root": LEAF} if length else {})}
    defaults = {"name": "d", "length": None, "pieces": None, "meta version": 2, "file tree": node}
    return single(**{**defaults, "piece_length": piece_length, **changes})


CLIMBING = {
    "path climbs": (folder((["..", "etc", "passwd"], 1)), "info.files"),
    "path climbs inside": (folder((["a", "..", "..", "b"], 1)), "info.files"),
    "path climbs behind a separator": (folder((["a", "/..", "b"], 1)), "info.files"),
    "path climbs around a NUL": (folder(([".\0.", "b"], 1)), "info.files"),
    "name is two dots": (folder((["b"], 1), name=".."), "info.name"),
    "name of a file is two dots": (single(name=".."), "info.name"),
    "preferred name climbs": (folder((["b"], 1), **{"name.utf-8": ".."}), "info.name"),
    "link climbs": (
        folder(
            files=[
                {"length": 1, "path": ["a"]},
                {"length": 0, "path": ["b"], "attr": "l", "symlink path": ["..", "a"]},
            ],
            pieces=b"\1" * 20,
        ),
        "info.files",
    ),
    "v2 path climbs": (tree([(("..", "b"), 1)]), "info.files"),
}
"""What clients read, and what nothing may be stored of: the field that placing it is refused at."""

PLACED: dict[str, tuple[Any, list[tuple[str, ...]]]] = {
    "path is a dot": (folder((["."], 1)), [("d", "_")]),
    "path has an empty component": (folder((["a", "", "b"], 1)), [("d", "a", "_", "b")]),
    "path is absolute": (folder((["/etc/passwd"], 1)), [("d", "etcpasswd")]),
    "path has a separator": (folder((["a/b"], 1)), [("d", "ab")]),
    "path has separators that would climb": (
        folder((["x/../../y", "b"], 1)), [("d", "x....y", "b")]
    ),
    "path has the separator of Windows": (folder((["..\\b"], 1)), [("d", "..b")]),
    "path has a drive": (folder((["C:", "b"], 1)), [("d", "C:", "b")]),
    "path has a NUL": (folder((["a\0b"], 1)), [("d", "ab")]),
    "path has an escape": (folder((["a\x1b[2Jb"], 1)), [("d", "a_[2Jb")]),
    "path has a C1 escape": (folder((["a\x9b2Jb"], 1)), [("d", "a_2Jb")]),
    "path has a newline": (folder((["a\nb"], 1)), [("d", "a_b")]),
    "path is of another code page": (folder(([b"\xd6\\.mkv"], 1)), [("d", "_.mkv")]),
    "path component is too long": (folder((["a" * 256], 1)), [("d", "a" * 240)]),
    "path component is too long and has an ending": (
        folder((["a" * 300 + ".iso"], 1)), [("d", "a" * 240 + ".iso")]
    ),
    "path without letters": (folder((["/"], 1), (["/"], 1)), [("d", "_"), ("d", "_.1")]),
    "name has separators that would climb": (single(name="../../evil"), [("....evil",)]),
    "name is empty": (folder((["b"], 1), name=""), [("_", "b")]),
    "name has a separator": (folder((["b"], 1), name="R1/beta6"), [("R1beta6", "b")]),
    "preferred name is no string": (folder((["b"], 1), **{"name.utf-8": 1}), [("d", "b")]),
    "v2 name has a separator": (
        tree([(("a/b",), 1), (("z",), 1)], name="c/d"), [("cd", "ab"), ("cd", "z")]
    ),
    "two files have one path": (folder((["a.x"], 1), (["a.x"], 1)), [("d", "a.x"), ("d", "a.1.x")]),
    "a file is a folder": (folder((["a"], 1), (["a", "b"], 1)), [("d", "a.1"), ("d", "a", "b")]),
    "padding has no path": (
        folder(
            files=[{"length": 1, "path": ["a"]}, {"length": 9, "attr": "p"}], pieces=b"\1" * 20
        ),
        [("d", "a")],
    ),
    "padding of BitComet": (
        folder((["a"], 1), (["_____padding_file_0_if you see this file"], 9)), [("d", "a")]
    ),
}  # fmt: skip
"""Torrents with names that no disk takes, and where libtorrent puts their files."""

# What crafted files do to other readers is told in the names: paths that climb, terminals that
# are driven, arithmetic that overflows, memory that is asked for.
HOSTILE = {
    "path is empty": (folder(([], 1)), "info.files[0].path"),
    "path is no list": (folder(("a", 1)), "info.files[0].path"),
    "path holds numbers": (folder(([1], 1)), "info.files[0].path"),
    "path is too long": (folder((["a" * 300] * 120, 1)), "info.files[0].path"),
    "path is too deep": (folder((["a"] * 129, 1)), "info.files[0].path"),
    "length is negative": (single(length=-1), "info.length"),
    "length of a file is negative": (
        folder((["a"], 20000), (["b"], -5)),
        "info.files[1].length",
    ),
    "length is missing": (single(length=None), "info.length"),
    "lengths overflow": (
        folder((["a"], 2**62), (["b"], 2**62), piece_length=2**30, pieces=b""),
        "info.files[1].length",
    ),
    "link has content": (
        folder(
            files=[{"length": 1, "path": ["a"], "attr": "l", "symlink path": ["b"]}],
            pieces=b"\1" * 20,
        ),
        "info.pieces",
    ),
    "files is empty": (single(length=None, files=[]), "info.files"),
    "files is no list": (single(length=None, files={}), "info.files"),
    "files holds no dictionary": (single(length=None, files=[1]), "info.files[0]"),
    "piece length is zero": (single(piece_length=0), "info.piece length"),
    "piece length is negative": (single(piece_length=-16384), "info.piece length"),
    "piece length is absurd": (single(piece_length=2**62), "info.piece length"),
    "piece length is text": (single(piece_length="16384"), "info.piece length"),
    "pieces is cut off": (single(pieces=b"\1" * 19), "info.pieces"),
    "pieces are too few": (single(length=10**12), "info.pieces"),
    "pieces are too many": (single(pieces=b"\1" * 40), "info.pieces"),
    "pieces is missing": (single(pieces=None), "info.pieces"),
    "meta version is unknown": (single(meta_version=3), "info.meta version"),
    "info is missing": ({"announce": "http://127.0.0.1/"}, "info"),
    "info is a list": ({"info": []}, "info"),
    "announce-list is endless": ({**single(), "announce-list": [["u"] * 10_001]}, "announce-list"),
    "v2 path is empty": (tree([((), 1)]), "info.file tree"),
    "v2 tree is empty": (single(meta_version=2, pieces=None, length=None), "info.file tree"),
    "v2 folder is empty": (tree([], **{"file tree": {"a": {}}}), "info.file tree"),
    "v2 file is a folder": (
        tree([], **{"file tree": {"a": {"": {"length": 0}, "b": {}}}}),
        "info.file tree",
    ),
    "v2 root is cut off": (
        tree([], **{"file tree": {"a": {"": {"length": 1, "pieces root": b"x"}}}}),
        "info.file tree.pieces root",
    ),
    "v2 length is negative": (tree([(("a",), -1)]), "info.file tree.length"),
    "v2 lengths overflow": (
        tree([(("a",), 2**62), (("b",), 2**62)]),
        "info.file tree.length",
    ),
    "v2 root is nothing": (
        tree([], **{"file tree": {"a": {"": {"length": 1, "pieces root": bytes(32)}}}}),
        "info.file tree.pieces root",
    ),
    "v2 holds padding": (
        tree(
            [],
            **{
                "file tree": {
                    "a": {"": {"length": 1, "pieces root": LEAF}},
                    "p": {"": {"attr": "p", "length": 1, "pieces root": LEAF}},
                }
            },
        ),
        "info.file tree",
    ),
    "v2 piece length is odd": (tree([(("a",), 1)], piece_length=20000), "info.piece length"),
    "v2 piece length is small": (tree([(("a",), 1)], piece_length=8192), "info.piece length"),
    "hybrid lists differ by name": (
        tree([(("a",), 1)], files=[{"length": 1, "path": ["b"]}], pieces=b"\1" * 20),
        "info.file tree",
    ),
    "hybrid lists differ by length": (
        tree([(("a",), 1)], files=[{"length": 2, "path": ["a"]}], pieces=b"\1" * 20),
        "info.file tree",
    ),
    "hybrid is not aligned": (
        tree(
            [(("a",), 1), (("b",), 1)],
            files=[{"length": 1, "path": ["a"]}, {"length": 1, "path": ["b"]}],
            pieces=b"\1" * 20,
        ),
        "info.files",
    ),
    "piece layers of a stranger": (
        {**tree([(("a",), 20000)]), "piece layers": {b"\2" * 32: b"\2" * 64}},
        "piece layers",
    ),
    "piece layers do not lead to the root": (
        {**tree([(("a",), 20000)]), "piece layers": {LEAF: b"\2" * 64}},
        "piece layers",
    ),
}


MALFORMED = [
    b"",
    b"not a torrent",
    b"l" * 1_000_000,
    b"d4:info" + b"d1:a" * 1_000_000,
    bencode.encode(single()).replace(b"i12e", b"i-0e"),
    bencode.encode(single()).replace(b"5:a.txt", b"05:a.txt"),
    bencode.encode(single()).replace(b"i12e", b"i012e"),
    bencode.encode(single()).replace(b"i12e", b"i+12e"),
    bencode.encode(single()).replace(b"i12e", b"i 12e"),
    bencode.encode(single()).replace(b"5:a.txt", b"999999999999:a.txt"),
    bencode.encode(single()).replace(b"4:name5:a.txt", b"4:name5:a.txt4:name5:b.txt"),
    bencode.encode(single())[:-1],
]
"""Bytes that readers of the wild read differently, or that no reader should follow to the end."""

LINTED = {
    "keys are not sorted": (
        b"d4:infod12:piece lengthi16384e4:name5:a.txt6:pieces20:" + b"\1" * 20 + b"6:lengthi12eee",
        "unsorted-keys",
    ),
    "two files have one path": (folder((["a"], 1), (["a"], 2)), "duplicate-paths"),
    "a file is a folder": (folder((["a"], 1), (["a", "b"], 2)), "file-as-folder"),
    "paths differ by case": (folder((["A"], 1), (["a"], 2)), "case-duplicates"),
    "a name reorders its line": (single(name="gpj.\u202eexe"), "names-unprintable"),
    "a name is no UTF-8": (single(name=b"latin1_\xe9"), "names-not-utf8"),
    "a name is a device": (single(name="CON.txt"), "windows-names"),
    "a name ends with a dot": (single(name="a."), "windows-names"),
    "there is no content": (single(length=0, pieces=b""), "empty"),
    "pieces are odd": (single(piece_length=20_000), "piece-length-odd"),
    "pieces are huge": (single(piece_length=1 << 30), "piece-length-large"),
    "piece layers are missing": (
        tree([], **{"file tree": {"a": {"": {"length": 20_000, "pieces root": LEAF}}}}),
        "missing-piece-layers",
    ),
    "bytes behind the end": (bencode.encode(single()) + b"\r\n", "trailing-bytes"),
    "a page behind the end": (bencode.encode(single()) + b"<html>" * 50, "trailing-bytes"),
    "announce is a number": ({**single(), "announce": 1}, "malformed-keys"),
    "announce is a list": ({**single(), "announce": ["http://a/"]}, "malformed-keys"),
    "announce holds two": ({**single(), "announce": "http://a/ http://b/"}, "tracker-joined"),
    "announce holds two with a comma": (
        {**single(), "announce": "http://a/announce,http://b/"}, "tracker-joined"
    ),
    "announce-list is a string": ({**single(), "announce-list": "http://a/"}, "malformed-keys"),
    "announce-list is flat": ({**single(), "announce-list": ["http://a/"]}, "malformed-keys"),
    "announce-list holds numbers": ({**single(), "announce-list": [[1]]}, "malformed-keys"),
    "url-list holds numbers": ({**single(), "url-list": [1, "http://a/"]}, "malformed-keys"),
    "url-list is a number": ({**single(), "url-list": 0}, "malformed-keys"),
    "httpseeds is a dictionary": ({**single(), "httpseeds": {}}, "malformed-keys"),
    "comment is a number": ({**single(), "comment": 5}, "malformed-keys"),
    "creator is a list": ({**single(), "created by": []}, "malformed-keys"),
    "creation date is text": ({**single(), "creation date": "today"}, "malformed-keys"),
    "creation date is in milliseconds": (
        {**single(), "creation date": 1_700_000_000_000}, "date-milliseconds"
    ),
    "length and files": (folder((["a"], 1), length=1), "malformed-keys"),
    "name is a number": (single(name=7), "malformed-keys"),
    "name is missing": (single(name=None), "malformed-keys"),
    "private is text": (single(private="1"), "private-not-number"),
    "meta version is text": (single(meta_version="2"), "no-tracker"),
    "piece layers of v1": ({**single(), "piece layers": {b"x": b""}}, "no-tracker"),
    "link leads nowhere": (
        folder(
            files=[{"length": 1, "path": ["a"]}, {"length": 0, "path": ["b"], "attr": "l"}],
            pieces=b"\1" * 20,
        ),
        "malformed-keys",
    ),
    "link has a length": (
        folder(
            files=[
                {"length": 1, "path": ["a"]},
                {"length": 1, "path": ["b"], "attr": "l", "symlink path": ["a"]},
            ],
            pieces=b"\1" * 20,
        ),
        "malformed-keys",
    ),
    "a name is cut off": (single(name="a" * 250), "names-long"),
    "hybrid in another order": (
        tree(
            [(("a",), 1), (("b",), 1)],
            files=[
                {"length": 1, "path": ["b"]},
                {"attr": "p", "length": 16383, "path": [".pad", "16383"]},
                {"length": 1, "path": ["a"]},
            ],
            pieces=b"\1" * 40,
        ),
        "hybrid-order",
    ),
    "hybrid with needless padding": (
        tree(
            [(("a",), 1), (("b",), 1)],
            files=[
                {"length": 1, "path": ["a"]},
                {"attr": "p", "length": 16383 + 16384, "path": [".pad", "32767"]},
                {"length": 1, "path": ["b"]},
            ],
            pieces=b"\1" * 60,
        ),
        "hybrid-order",
    ),
    "no tracker": (single(), "no-tracker"),
    "private and no tracker": (single(private=1), "private-without-tracker"),
    "tracker is a program": ({**single(), "announce": "javascript:alert(1)"}, "tracker-scheme"),
}  # fmt: skip
"""What is read because clients accept it, and the lint that tells of it."""


def encoded(value):
    return value if isinstance(value, bytes) else bencode.encode(value)
