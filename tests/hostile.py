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


# What crafted files do to other readers is told in the names: paths that climb, terminals that
# are driven, arithmetic that overflows, memory that is asked for.
HOSTILE = {
    "path climbs": (folder((["..", "etc", "passwd"], 1)), "info.files[0].path"),
    "path climbs inside": (folder((["a", "..", "..", "b"], 1)), "info.files[0].path"),
    "path is a dot": (folder((["."], 1)), "info.files[0].path"),
    "path has an empty component": (folder((["a", "", "b"], 1)), "info.files[0].path"),
    "path is empty": (folder(([], 1)), "info.files[0].path"),
    "path is absolute": (folder((["/etc/passwd"], 1)), "info.files[0].path"),
    "path has a separator": (folder((["a/b"], 1)), "info.files[0].path"),
    "path has the separator of Windows": (folder((["..\\b"], 1)), "info.files[0].path"),
    "path has a drive": (folder((["C:", "b"], 1)), "info.files[0].path"),
    "path has a NUL": (folder((["a\0b"], 1)), "info.files[0].path"),
    "path has an escape": (folder((["a\x1b[2Jb"], 1)), "info.files[0].path"),
    "path has a C1 escape": (folder((["a\x9b2Jb"], 1)), "info.files[0].path"),
    "path has a newline": (folder((["a\nb"], 1)), "info.files[0].path"),
    "path is no list": (folder(("a", 1)), "info.files[0].path"),
    "path holds numbers": (folder(([1], 1)), "info.files[0].path"),
    "path component is too long": (folder((["a" * 256], 1)), "info.files[0].path"),
    "path is too long": (folder((["a" * 250] * 20, 1)), "info.files[0].path"),
    "path is too deep": (folder((["a"] * 129, 1)), "info.files[0].path"),
    "name climbs": (single(name="../../evil"), "info.name"),
    "name is two dots": (single(name=".."), "info.name"),
    "name is empty": (single(name=""), "info.name"),
    "name is a number": (single(name=7), "info.name"),
    "name is missing": (single(name=None), "info.name"),
    "preferred name climbs": (single(**{"name.utf-8": ".."}), "info.name"),
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
    "length and files": (folder((["a"], 1), length=1), "info.length"),
    "link climbs": (
        folder(
            (["a"], 1),
            files=[{"length": 0, "path": ["a"], "attr": "l", "symlink path": [".."]}],
            pieces=b"",
        ),
        "info.files[0].symlink path",
    ),
    "link leads nowhere": (
        folder(files=[{"length": 0, "path": ["a"], "attr": "l"}], pieces=b""),
        "info.files[0].symlink path",
    ),
    "link has content": (
        folder(
            files=[{"length": 1, "path": ["a"], "attr": "l", "symlink path": ["b"]}],
            pieces=b"\1" * 20,
        ),
        "info.files[0].length",
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
    "announce is a number": ({**single(), "announce": 1}, "announce"),
    "announce-list holds numbers": ({**single(), "announce-list": [[1]]}, "announce-list"),
    "announce-list is endless": ({**single(), "announce-list": [["u"] * 10_001]}, "announce-list"),
    "url-list holds numbers": ({**single(), "url-list": [1]}, "url-list"),
    "v2 path climbs": (tree([(("..", "b"), 1)]), "info.file tree"),
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
    bencode.encode(single()) + b"\n",
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
    "no tracker": (single(), "no-tracker"),
    "private and no tracker": (single(private=1), "private-without-tracker"),
    "tracker is a program": ({**single(), "announce": "javascript:alert(1)"}, "tracker-scheme"),
}
"""What is read because clients accept it, and the lint that tells of it."""


def encoded(value):
    return value if isinstance(value, bytes) else bencode.encode(value)
