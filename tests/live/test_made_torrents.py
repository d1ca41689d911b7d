"""Strangers' programs load what is made here, under the same infohash, and find it complete."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import libtorrent as lt
import pytest
from _pytest.mark import ParameterSet

import outpour
from outpour import CreateOptions, Metainfo
from outpour.making.verifier import verify
from outpour.torrent.info import Version
from tests.live.conftest import peer
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

PIECE_LENGTH = 16384
FORMATS: tuple[Version, ...] = ("v1", "v2", "hybrid")


def file(folder: Path) -> Path:
    path = folder / "größe 音楽.iso"
    path.write_bytes(random.Random(1).randbytes(5 * PIECE_LENGTH + 7))
    return path


def tree(folder: Path) -> Path:
    """Names that sort around the separator, sizes around a piece, an empty file."""
    source = random.Random(2)
    root = folder / "tree"
    for name, size in {
        "a/z": 3, "a-b": PIECE_LENGTH, "a.b": PIECE_LENGTH + 1, "empty": 0, "größe/x": 40_000,
    }.items():  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.randbytes(size))
    return root


def linked(folder: Path) -> Path:
    root = tree(folder)
    (root / "größe" / "link").symlink_to("../a-b")
    return root


Case = tuple[Callable[[Path], Path], CreateOptions]
CASES: dict[str, Case] = {
    "file": (file, CreateOptions()),
    "tree": (tree, CreateOptions()),
    "aligned tree": (tree, CreateOptions(align=True)),
    "tree with a link": (linked, CreateOptions(symlinks="keep", attributes=True)),
}


def cases(formats: tuple[Version, ...]) -> list[ParameterSet]:
    return [
        pytest.param(name, format, id=f"{name}, {format}")
        for name in CASES
        for format in formats
        if not (CASES[name][1].align and format == "v2")
    ]


def make(name: str, format: Version, folder: Path) -> tuple[Path, Path, Metainfo]:
    content, options = CASES[name]
    path = content(folder)
    options = replace(
        options, format=format, piece_length=PIECE_LENGTH,
        trackers=(("http://127.0.0.1:9/announce",),),
    )  # fmt: skip
    metainfo = outpour.create(path, options)
    torrent = folder / "made.torrent"
    metainfo.write(torrent)
    return path, torrent, metainfo


def output(*words: str | Path) -> str:
    done = subprocess.run(
        [*map(str, words)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("name", "format"), cases(FORMATS))
def test_libtorrent_finds_the_content_complete(tmp_path, name, format):
    path, torrent, metainfo = make(name, format, tmp_path)
    params = lt.session_params()
    params.settings = {
        "listen_interfaces": "127.0.0.1:0", "alert_mask": int(lt.alert_category.error),
        "enable_dht": False, "enable_lsd": False, "enable_upnp": False, "enable_natpmp": False,
    }  # fmt: skip
    session = lt.session(params)
    source = lt.load_torrent_file(str(torrent))
    source.save_path = str(path.parent)
    source.flags &= ~lt.torrent_flags.auto_managed & ~lt.torrent_flags.paused
    handle = session.add_torrent(source)
    wait_for(lambda: handle.status().is_seeding, seconds=60, what="complete content")
    hashes = handle.info_hashes()
    assert hashes.v1.to_bytes() == (metainfo.info.infohash_v1 or bytes(20))
    assert hashes.v2.to_bytes() == (metainfo.info.infohash_v2 or bytes(32))
    assert not [alert.message() for alert in session.pop_alerts() if "file" in alert.what()]


@pytest.mark.parametrize(("name", "format"), cases(("v1", "hybrid")))
def test_transmission_shows_the_same_infohash_and_files(tmp_path, name, format):
    show = peer("transmission-show")
    version = subprocess.run([show, "--version"], capture_output=True, text=True, check=False)
    if format == "hybrid" and re.search(
        r"transmission-show [0-3]\.", version.stdout + version.stderr
    ):
        pytest.skip("before 4.0 Transmission refuses the empty keys of BEP 52, whoever wrote them")
    _, torrent, metainfo = make(name, format, tmp_path)
    shown = output(show, torrent)
    assert re.findall(r"Hash(?: v1)?: ([0-9a-f]{40})\b", shown) == [metainfo.info.infohash_hex]
    for part in metainfo.info.files:
        if not part.is_padding and part.length:
            assert "/".join(part.path) in shown


@pytest.mark.parametrize(("name", "format"), cases(("v1",)))
def test_aria2_shows_the_same_infohash_and_files(tmp_path, name, format):
    # Of hybrids it takes the infohash over a second encoding, in which it drops empty keys.
    _, torrent, metainfo = make(name, format, tmp_path)
    shown = output(peer("aria2c"), "--no-conf=true", "-S", torrent)
    assert re.findall(r"Info Hash: ([0-9a-f]{40})", shown) == [metainfo.info.infohash_hex]
    for part in metainfo.info.files:
        if not part.is_padding:
            assert "/".join(part.path) in shown


@pytest.mark.parametrize(("name", "format"), cases(FORMATS))
def test_the_content_verifies(tmp_path, name, format):
    path, torrent, _ = make(name, format, tmp_path)
    report = verify(Metainfo.read(torrent), path)
    assert report.ok
    assert not report.extra
