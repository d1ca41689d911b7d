"""Magnet links that become .torrent files and downloads, over IPv4 and IPv6."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from outpour.engine import Engine, EngineSettings
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo
from tests.conftest import BIN, Result

from .conftest import TinyTracker, make_torrent, same_files

BOTH = pytest.mark.parametrize("host", ["127.0.0.1", "::1"])


@pytest.fixture
def seeding(content: Path, host: str) -> Iterator[Callable[[str], Magnet]]:
    """Seed content in a format on one family, and name it with the seeder as its only peer."""
    listen = f"[{host}]:0" if ":" in host else f"{host}:0"
    with Engine(EngineSettings(listen=(listen,))) as engine:

        def start(version: str) -> Magnet:
            made = make_torrent(content, version, trackers=["http://tracker.invalid/announce"])
            engine.add(made, content.parent, mode="seed")
            (content.parent / "original.torrent").write_bytes(made.raw)
            return replace(Magnet.of(made), peers=(engine.addresses[0],), trackers=())

        yield start


def fetch(base: Path, *words: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [BIN / "outpour", "magnet", "--fetch", *map(str, words)],
        cwd=base, capture_output=True, timeout=50, check=False,
    )  # fmt: skip


@BOTH
@pytest.mark.parametrize("version", ["v1", "v2", "hybrid"])
def test_the_torrent_of_a_magnet_link_is_fetched_from_a_peer(
    version: str, host: str, content: Path, tmp_path: Path, seeding: Callable[[str], Magnet]
) -> None:
    done = fetch(tmp_path, seeding(version), "--bind", host)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"release.torrent\n"
    original = Metainfo.read(content.parent / "original.torrent")
    got = Metainfo.read(tmp_path / "release.torrent")
    assert got.info.raw == original.info.raw
    assert got.piece_layers == original.piece_layers
    assert [path.name for path in tmp_path.iterdir() if path.name == "release"] == []


@pytest.mark.parametrize("host", ["127.0.0.1"])
def test_a_link_that_names_only_v1_still_brings_the_layers_of_a_hybrid_torrent(
    content: Path, tmp_path: Path, seeding: Callable[[str], Magnet]
) -> None:
    link = replace(seeding("hybrid"), infohash_v2=None)
    done = fetch(tmp_path, link, "--bind", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    original = Metainfo.read(content.parent / "original.torrent")
    assert Metainfo.read(tmp_path / "release.torrent").piece_layers == original.piece_layers


@pytest.mark.parametrize("host", ["127.0.0.1"])
def test_what_the_link_names_is_written_down_and_described(
    tmp_path: Path, seeding: Callable[[str], Magnet], tracker: TinyTracker
) -> None:
    link = replace(
        seeding("v1"), trackers=(tracker.announce_url,), web_seeds=("http://127.0.0.1:9/x/",)
    )
    done = fetch(
        tmp_path, link, "--bind", "127.0.0.1", "--json", "-o", "named.torrent",
        "--tracker", "http://127.0.0.1:9/announce",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    described = json.loads(done.stdout)
    assert described["torrent"] == "named.torrent"
    assert described["infohash"] == link.infohash.hex()
    got = Metainfo.read(tmp_path / "named.torrent")
    assert got.announce == tracker.announce_url
    assert got.tiers == ((tracker.announce_url,), ("http://127.0.0.1:9/announce",))
    assert got.web_seeds == ("http://127.0.0.1:9/x/",)


@pytest.mark.parametrize("host", ["127.0.0.1"])
def test_a_peer_is_found_through_the_tracker_of_the_link(
    content: Path, tmp_path: Path, seeder: Engine, tracker: TinyTracker, host: str
) -> None:
    made = make_torrent(content, trackers=[tracker.announce_url])
    seeder.add(made, content.parent, mode="seed")
    done = fetch(tmp_path, Magnet.of(made), "--bind", host, "-o", "-")
    assert done.returncode == 0, done.stderr
    assert Metainfo.parse(done.stdout).info.raw == made.info.raw


@BOTH
def test_a_magnet_link_is_downloaded(
    host: str, content: Path, tmp_path: Path, seeding: Callable[[str], Magnet]
) -> None:
    words = ("download", seeding("v1"), "-o", "got", "--bind", host, "--state", "state")
    done = subprocess.run(
        [BIN / "outpour", *map(str, words)],
        cwd=tmp_path, capture_output=True, timeout=50, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert same_files(content, tmp_path / "got" / "release")


def test_a_file_that_is_there_is_not_replaced(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.torrent").write_bytes(b"mine")
    link = f"magnet:?xt=urn:btih:{'ab' * 20}&dn=x&x.pe=127.0.0.1:9"
    result = run("magnet", "--fetch", link)
    assert result.code == 5
    assert "is already there" in result.err
    assert (tmp_path / "x.torrent").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["x.torrent"], 2, "not a magnet link"),
        (["LINK", "-o", "-", "--json"], 2, "stdout takes one torrent"),
        (["LINK"], 7, "names no tracker, web seed or peer"),
        (["LINK", "--peer", "127.0.0.1:9", "--timeout", "0.3"], 7, "nothing came for"),
    ],
)
def test_what_cannot_be_fetched_is_one_clear_error(
    words: list[str], code: int, message: str, tmp_path: Path, run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    link = f"magnet:?xt=urn:btih:{'ab' * 20}"
    result = run("magnet", "--fetch", "--bind", "127.0.0.1", *[
        link if word == "LINK" else word for word in words
    ])  # fmt: skip
    assert result.code == code
    assert message in result.err
    assert not any(tmp_path.iterdir())
