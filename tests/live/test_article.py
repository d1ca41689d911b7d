"""The session of the articles of 2004, with the classic commands alone."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest

from tests.free_ports import free_port
from tests.live.conftest import BIN, Start, get, get_json
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

ADVERTISED = "http://tracker.example.org:6969/announce"


def classic(*words: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(BIN / words[0]), *map(str, words[1:])],
        cwd=cwd, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_make_reannounce_track_look_and_download(start: Start, tmp_path: Path):
    content = tmp_path / "big.iso"
    content.write_bytes(random.Random(2004).randbytes(3 * 2**20 + 17))
    torrents = tmp_path / "torrents"
    torrents.mkdir()
    port = free_port()
    announce = f"http://127.0.0.1:{port}/announce"

    classic("btmakemetafile", "big.iso", ADVERTISED, cwd=tmp_path)
    torrent = torrents / "big.iso.torrent"
    (tmp_path / "big.iso.torrent").rename(torrent)
    moved = classic("btreannounce", announce, torrent, cwd=tmp_path)
    assert moved.splitlines()[0] == f"old announce for {torrent}: {ADVERTISED}"
    shown = classic("btshowmetainfo", torrent, cwd=tmp_path)
    assert f"announce url..: {announce}" in shown
    infohash = shown.partition("info hash.....: ")[2].split()[0]

    start(
        "bttrack", "--port", str(port), "--show_names", "1", "--allowed_dir", torrents,
        "--dfile", tmp_path / "tracker.state",
    )  # fmt: skip
    page = f"http://127.0.0.1:{port}/"
    wait_for(lambda: reachable(page), what="page")
    html = get(page).decode()
    assert infohash in html
    assert "big.iso" in html
    for heading in ("size", "complete", "downloading", "downloaded", "transferred"):
        assert heading in html.lower()

    start("btdownloadheadless", "--saveas", content, "--minport", str(free_port()), torrent)
    wait_for(lambda: numbers(page)["complete"] == 1, what="seeder on the page")
    copy = tmp_path / "copy.iso"
    downloader = start(
        "btdownloadheadless", "--saveas", copy, "--minport", str(free_port()), torrent
    )
    wait_for(
        lambda: copy.is_file() and copy.read_bytes() == content.read_bytes(),
        seconds=60,
        what=f"copy; the downloader said {downloader.output[-800:]}",
    )
    downloader.line_with("percent done:")
    wait_for(lambda: numbers(page)["downloaded"] == 1, what="counted download")
    wait_for(lambda: numbers(page)["complete"] == 2, what="two seeders")
    assert numbers(page)["transferred"] == content.stat().st_size


def reachable(url: str) -> bool:
    try:
        get(url)
    except OSError:
        return False
    return True


def numbers(page: str) -> dict[str, int]:
    rows = get_json(f"{page}api/v1/torrents")["torrents"]
    assert isinstance(rows, list)
    return dict(rows[0])
