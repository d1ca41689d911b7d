"""Fuzz everything that reads a torrent or a magnet link: `python fuzz/metainfo.py --seconds 60`.

Seeds are changed at random, as bytes and as values, and what comes out is read. It must be refused
with a message, or be a torrent that every later step can work with. Equal seeds and numbers give
equal inputs, so that a failure is found again; its input is written to `fuzz/failed-HASH`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from outpour.base.errors import FormatError, UsageError
from outpour.base.text import is_unprintable
from outpour.cli.shared.env import Env
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.report import describe, describe_link, print_link, print_report
from outpour.making.verifier import verify
from outpour.torrent import bencode, editor
from outpour.torrent.bencode import Value
from outpour.torrent.disk_names import (
    disk_names,
    files_as_folders,
    other_disk_names,
)
from outpour.torrent.info import Info
from outpour.torrent.linter import lint
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from outpour.torrent.paths import component_fault

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "tests" / "vectors"
LENGTH_MAX = 20_000
CHANGES_MAX = 6

TOKENS = [
    b"d", b"l", b"e", b"i", b"0:", b"1:a", b"i0e", b"i-1e", b"i1e", b"-", b":", b"de", b"le",
    b"i9223372036854775807e", b"i9223372036854775808e", b"i00e", b"i-0e", b"01:a", b"999999999999:",
    b"4:info", b"6:length", b"4:path", b"5:files", b"4:name", b"6:pieces", b"12:piece length",
    b"9:file tree", b"11:pieces root", b"12:piece layers", b"12:meta version", b"4:attr", b"1:l",
    b"12:symlink path", b"13:announce-list", b"8:url-list", b"7:similar", b"2:..", b"1:/", b"1:\0",
]  # fmt: skip
VALUES: list[Value] = [
    0, 1, -1, 2, 16384, 1 << 30, (1 << 63) - 1, -(1 << 63), b"", b".", b"..", b"a", b"/", b"\0",
    b"\xff", b"p", b"l", b"\xe2\x80\xae", b"a" * 300, bytes(20), bytes(32), [], {}, [b"a"],
    [[b"u"]], {b"": {b"length": 0}}, {b"a": {b"": {b"length": 1, b"pieces root": bytes(32)}}},
]  # fmt: skip
LINKS = [
    f"magnet:?xt=urn:btih:{'ab' * 20}&dn=a+b&xl=5&tr=http%3A%2F%2Fa%2F&tr.1=udp://b:1&ws=http://c/"
    "&xs=http://d/&x.pe=127.0.0.1:1&x.pe=[::1]:2&so=0,2-4",
    f"magnet:?xt=urn:btmh:1220{'cd' * 32}&xt=urn:btih:4JOXYBWVEVQXDE7EAXBQUPDKO6ZOKZIQ",
]
LETTERS = "&=?:%+.,-0123456789abcdefurntihm[]\x00\x1b\u202e\udc80é "


def seeds() -> list[bytes]:
    """Give torrents to begin with: of every version, with most fields."""
    found = [path.read_bytes() for path in sorted(VECTORS.rglob("*.torrent"))]
    leaf: Value = {b"": {b"length": 5, b"pieces root": b"\1" * 32}}
    long: Value = {b"": {b"length": 40_000, b"pieces root": b"\2" * 32}}
    listed: list[Value] = [
        {b"length": 5, b"path": [b"a"], b"attr": b"x"},
        {b"length": 16_379, b"path": [b".pad", b"16379"], b"attr": b"p"},
        {b"length": 0, b"path": [b"l"], b"attr": b"l", b"symlink path": [b"a"]},
        {b"length": 40_000, b"path": [b"d", b"b"]},
    ]
    shared: dict[bytes, Value] = {b"name": b"n", b"piece length": 16_384}
    link: Value = {b"": {b"length": 0, b"attr": b"l", b"symlink path": [b"a"]}}
    tree: Value = {b"a": leaf, b"d": {b"b": long}, b"l": link}
    v2: dict[bytes, Value] = {**shared, b"meta version": 2, b"file tree": tree}
    v1: dict[bytes, Value] = {**shared, b"files": listed, b"pieces": bytes(80)}
    one: dict[bytes, Value] = {**shared, b"length": 5, b"pieces": bytes(20), b"attr": b"p"}
    outside: dict[bytes, Value] = {
        b"announce": b"http://a/", b"announce-list": [[b"http://a/", b"udp://b:1"]],
        b"comment": b"c", b"created by": b"me", b"creation date": 5, b"url-list": [b"http://w/"],
        b"httpseeds": [b"http://h/"], b"nodes": [[b"::1", 1]], b"similar": [bytes(20)],
        b"collections": [b"o"],
    }  # fmt: skip
    for info in (v1, v2, one, {**v1, **v2}, {**v1, b"private": 1, b"source": b"s"}):
        found.append(bencode.encode({**outside, b"info": info}))
    return found


def mutate(chance: random.Random, corpus: list[bytes]) -> bytes:
    """Make one input of the corpus, changed a few times."""
    raw = chance.choice(corpus)
    if chance.random() < 0.5:
        try:
            value = bencode.decode(raw, strict=False)
        except FormatError:
            pass
        else:
            for _ in range(chance.randint(1, CHANGES_MAX)):
                _change_value(chance, value)
            raw = bencode.encode(value)
    if chance.random() < 0.6:
        data = bytearray(raw)
        for _ in range(chance.randint(1, CHANGES_MAX)):
            _change_bytes(chance, data, corpus)
        raw = bytes(data)
    return raw[:LENGTH_MAX]


def _change_value(chance: random.Random, value: Value) -> None:
    while isinstance(value, list | dict) and value:
        places: list[int] | list[bytes]
        places = list(range(len(value))) if isinstance(value, list) else sorted(value)
        place = chance.choice(places)
        inner = value[place]  # type: ignore[index, call-overload]
        if isinstance(inner, list | dict) and inner and chance.random() < 0.75:
            value = inner
            continue
        kind = chance.random()
        if kind < 0.2:
            del value[place]  # type: ignore[arg-type]
        elif kind < 0.3 and isinstance(value, list):
            value.append(inner)
        elif kind < 0.4 and isinstance(value, dict):
            value[chance.choice(TOKENS).partition(b":")[2] or b"x"] = inner
        else:
            value[place] = _copy(chance.choice(VALUES))  # type: ignore[index, call-overload]
        return


def _copy(value: Value) -> Value:
    return bencode.decode(bencode.encode(value)) if isinstance(value, list | dict) else value


def _change_bytes(chance: random.Random, data: bytearray, corpus: list[bytes]) -> None:
    at = chance.randint(0, len(data))
    end = min(len(data), at + chance.choice((0, 1, 1, 2, 8, 64)))
    kind = chance.randrange(5)
    if kind == 0:
        data[at:end] = bytes(chance.randrange(256) for _ in range(end - at))
    elif kind == 1:
        del data[at:end]
    elif kind == 2:
        data[at:at] = data[at:end] * chance.choice((1, 2, 100))
    elif kind == 3:
        data[at:end] = chance.choice(TOKENS)
    else:
        other = chance.choice(corpus)
        begin = chance.randint(0, len(other))
        data[at:end] = other[begin : begin + chance.choice((4, 40, 400))]


def mutate_link(chance: random.Random) -> str:
    """Make one magnet link, changed a few times."""
    letters = list(chance.choice(LINKS))
    for _ in range(chance.randint(0, CHANGES_MAX)):
        at = chance.randrange(len(letters)) if letters else 0
        letters[at : at + chance.choice((0, 1, 1, 5))] = chance.choices(
            LETTERS, k=chance.choice((0, 1, 1, 3))
        )
    return "".join(letters)


def check_torrent(raw: bytes, empty: str) -> bool:
    """Read bytes as a torrent and do with it what commands do.

    Args:
        raw: The bytes.
        empty: An empty folder.

    Returns:
        Whether it was one.
    """
    _check_bencode(raw)
    try:
        metainfo = Metainfo.parse(raw)
    except FormatError as error:
        assert _is_harmless(error.message)
        return False
    info = metainfo.info
    assert metainfo.raw == raw
    assert info.raw in raw
    assert info.infohash in {
        hashlib.sha1(info.raw).digest(),
        hashlib.sha256(info.raw).digest()[:20],
    }
    for file in info.files:
        assert file.length >= 0
        assert file.offset >= 0
        assert file.path
    _check_names(info)
    link = Magnet.of(metainfo)
    assert Magnet.parse(str(link)).infohash == info.infohash
    lint(metainfo)
    json.dumps(describe(metainfo))
    _print(lambda printer: print_report(printer, metainfo))
    after = editor.edit(metainfo, editor.Changes(comment="fuzzed", creation_date=None))
    assert after.info.raw == info.raw
    changes: list[Callable[[], Metainfo]] = [
        lambda: editor.reannounce(metainfo, "http://fuzz/"),
        lambda: editor.set_private(metainfo, private=not info.private),
        lambda: editor.rename(metainfo, "fuzzed"),
    ]
    for change in changes:
        try:
            change()
        except UsageError as error:
            # Another name or flag may make a torrent too long, or two files one.
            assert _is_harmless(error.message)
    if info.length < 1 << 40 and info.piece_count < 1000 and not _climbs(info):
        report = verify(metainfo, empty)
        assert not report.ok or all(file.is_padding for file in info.files)
    return True


def _climbs(info: Info) -> bool:
    try:
        disk_names(info)
    except FormatError:
        return True
    return False


def _check_names(info: Info) -> None:
    if _climbs(info):
        assert info.has_odd_names
        return
    usual = disk_names(info)
    for way in (usual, *other_disk_names(info)):
        assert len(way) == sum(not file.is_padding for file in info.files)
        assert not any({"", ".", ".."} & {*path} or "\0" in "".join(path) for path in way)
        assert not any("/" in name for path in way for name in path)
    assert len(set(usual)) == len(usual)
    assert not files_as_folders(usual)
    if not info.has_odd_names:
        names = (name for file in info.files for name in (*file.path, *(file.symlink or ())))
        assert not any(map(component_fault, names))


def _check_bencode(raw: bytes) -> None:
    try:
        value = bencode.decode(raw)
    except FormatError:
        return
    assert bencode.encode(value) == raw


def check_link(text: str) -> bool:
    """Read a text as a magnet link and say whether it was one."""
    try:
        link = Magnet.parse(text)
    except FormatError as error:
        assert _is_harmless(error.message)
        return False
    assert Magnet.parse(str(link)) == link
    json.dumps(describe_link(link))
    _print(lambda printer: print_link(printer, link))
    return True


def _print(write: Callable[[Printer], None]) -> None:
    out = io.StringIO()
    write(Printer(Env(io.BytesIO(), out, out, False, False, False)))
    assert all(_is_harmless(line) for line in out.getvalue().split("\n"))


def _is_harmless(line: str) -> bool:
    # Not `str.isprintable`, to which a no-break space and letters of newer Unicode are strange.
    return not any(map(is_unprintable, line))


def inputs(seed: int) -> Iterator[bytes | str]:
    """Give inputs without end, the same for the same seed."""
    chance = random.Random(seed)
    corpus = seeds()
    while True:
        yield mutate_link(chance) if chance.random() < 0.2 else mutate(chance, corpus)


def run(*, seed: int, examples: int | None = None, seconds: float | None = None) -> tuple[int, int]:
    """Try inputs until so many or so long.

    Returns:
        How many were tried, and how many of them were torrents or links.

    Raises:
        AssertionError: One was read wrongly; other exceptions mean that reading failed badly.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    tried = good = 0
    with tempfile.TemporaryDirectory() as empty:
        for item in inputs(seed):
            if tried == examples or (deadline is not None and time.monotonic() > deadline):
                break
            try:
                good += check_link(item) if isinstance(item, str) else check_torrent(item, empty)
            except BaseException as error:
                if not isinstance(error, KeyboardInterrupt):
                    _keep(item, seed, tried)
                raise
            tried += 1
    return tried, good


def _keep(item: bytes | str, seed: int, number: int) -> None:
    raw = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item
    path = HERE / f"failed-{hashlib.sha1(raw).hexdigest()[:12]}"
    path.write_bytes(raw)
    sys.stderr.write(f"seed {seed}, input {number} failed and is kept in {path}\n")


def main() -> int:
    """Run for so long and tell how many inputs were tried."""
    parser = argparse.ArgumentParser(description="Fuzz the readers of torrents and magnet links.")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="by default another one each time")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    try:
        tried, good = run(seed=seed, seconds=asked.seconds)
    except Exception:
        traceback.print_exc()
        return 1
    sys.stdout.write(f"seed {seed}: {tried} inputs, {good} of them torrents or links\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
