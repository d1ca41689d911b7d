"""Torrents are tracked, listed and handed out whatever their names are."""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from tests.free_ports import free_port
from tests.live.conftest import Start, get, get_json
from tests.live.publication import announced
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

NAMES: tuple[str | bytes, ...] = (
    "Haiku R1/beta5", "a/../../b", "/", "..", ".", "", "a\\b", "Icon\r", "nul\0", "%2e%2e%2f",
    "?#&=+;", "x" * 300, "ü" * 200, " ", "trailing.", "\u202egnp.exe", b"\xb5\\\xff",
)  # fmt: skip


def torrent(name: str | bytes, number: int) -> bytes:
    pieces = hashlib.sha1(b"%d" % number).digest()
    info: bencode.Value = {
        b"length": 1, b"name": name.encode() if isinstance(name, str) else name,
        b"piece length": 16384, b"pieces": pieces,
    }  # fmt: skip
    return bencode.encode({b"announce": b"http://127.0.0.1:1/announce", b"info": info})


def test_every_torrent_of_an_odd_name_comes_from_the_url_that_the_page_gives(
    start: Start, tmp_path: Path
):
    made = {}
    for number, name in enumerate(NAMES):
        raw = torrent(name, number)
        made[Metainfo.parse(raw).info.infohash_hex] = raw
        (tmp_path / f"{number}.torrent").write_bytes(raw)
    port = free_port()
    process = start(
        "outpour", "track", "--listen", f"127.0.0.1:{port}", "--allowed-dir", tmp_path, "--state",
        tmp_path / "state.sqlite",
    )  # fmt: skip
    process.line_with("page: ")
    url = f"http://127.0.0.1:{port}/"

    def rows() -> list[dict[str, str]]:
        listed = get_json(f"{url}api/v1/torrents?limit=100")["torrents"]
        assert isinstance(listed, list)
        return listed if len(listed) == len(made) else []

    for row in wait_for(rows, what="all of them"):
        infohash = row["infohash"]
        with urllib.request.urlopen(row["torrent_url"], timeout=60) as answer:
            assert answer.read() == made[infohash], row
            disposition = answer.headers["content-disposition"]
        assert "/" not in disposition.partition("filename=")[2].partition(";")[0]
        assert get(f"{url}file?info_hash={quote(bytes.fromhex(infohash))}") == made[infohash]
        assert row["magnet"].startswith(f"magnet:?xt=urn:btih:{infohash}&")
        assert announced(port, infohash) == []
        assert get(f"{url}torrent/{infohash}")


def test_a_torrent_with_a_slash_in_its_name_is_downloaded_by_the_url_of_the_page(
    start: Start, content: Path, tmp_path: Path
):
    source, port = content / "large image.iso", free_port()
    made = start("outpour", "create", source, "-t", f"http://127.0.0.1:{port}/announce", "-o",
                 tmp_path / "made.torrent")  # fmt: skip
    assert made.wait() == 0, made.output
    root = bencode.decode((tmp_path / "made.torrent").read_bytes())
    assert isinstance(root, dict)
    info = root[b"info"]
    assert isinstance(info, dict)
    info[b"name"] = b"Release 1/large image.iso"
    (tmp_path / "allowed").mkdir()
    (tmp_path / "allowed/odd.torrent").write_bytes(bencode.encode(root))
    process = start(
        "outpour", "track", "--listen", f"127.0.0.1:{port}", "--allowed-dir", tmp_path / "allowed",
        "--state", tmp_path / "state.sqlite",
    )  # fmt: skip
    process.line_with("page: ")
    seeder = start("outpour", "seed", tmp_path / "allowed/odd.torrent", "--content", source,
                   "--bind", "127.0.0.1")  # fmt: skip
    seeder.line_with("seeding")

    def seeds() -> int:
        rows = get_json(f"http://127.0.0.1:{port}/api/v1/torrents")["torrents"]
        assert isinstance(rows, list)
        return sum(row["complete"] for row in rows)

    # Who asks before it is there comes again much later.
    wait_for(seeds, what="the seeder at the tracker")
    client = start("outpour", "download", f"http://127.0.0.1:{port}/", "-o", tmp_path / "got",
                   "--bind", "127.0.0.1")  # fmt: skip
    assert client.wait() == 0, client.output
    (got,) = (tmp_path / "got").iterdir()
    # As libtorrent spells it.
    assert got.name == "Release 1large image.iso"
    assert got.read_bytes() == source.read_bytes()
