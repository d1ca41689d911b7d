"""Publishing what also lies on an nginx that stands for a CDN, or on no local server at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from outpour.torrent.metainfo import Metainfo
from tests.free_ports import free_port
from tests.live.conftest import Start, get, get_json, peer
from tests.live.publication import Publication, status
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{ worker_connections 64; }}
http {{ access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{ listen 127.0.0.1:{port}; root {folder}/www; }} }}
"""


@pytest.fixture
def cdn(start: Start, tmp_path: Path) -> Callable[[], tuple[str, Path]]:
    def begin() -> tuple[str, Path]:
        executable, folder, port = peer("nginx"), tmp_path / "cdn", free_port()
        (folder / "www" / "files").mkdir(parents=True)
        (folder / "www" / "here").touch()
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "conf").write_text(NGINX.format(folder=folder, port=port, user=user))
        start(executable, "-c", folder / "conf", "-p", folder)
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(f"{url}/here"), what="the CDN")
        return f"{url}/files/", folder / "www" / "files"

    return begin


def _answers(url: str) -> bool:
    try:
        return status(url) == 200
    except OSError:
        return False


def _states(publication: Publication, infohash: str) -> list[str]:
    """What the API says of copies elsewhere; that of this publisher is none."""
    found = get_json(f"{publication.url}api/v1/torrents/{infohash}")["copies"]
    assert isinstance(found, list)
    return [copy["state"] for copy in found]


def seeds(publication: Publication, name: str, folder: Path) -> tuple[str, ...]:
    return Metainfo.read(publication.torrent_file(name, folder)).web_seeds


def test_a_copy_is_named_once_it_is_there_and_no_longer_when_it_lies(
    start: Start, cdn: Callable[[], tuple[str, Path]], tmp_path: Path
):
    base, there = cdn()
    content = tmp_path / "releases"
    content.mkdir()
    (content / "disk.img").write_bytes(os.urandom(700_000))
    state = tmp_path / "state"
    flags = ("--web-seed", base, "--no-seed", "--state", str(state))
    publication = Publication(start, content, *flags)
    publication.wait_published("disk.img")
    publication.process.line_with("no copy", seconds=60)
    own = seeds(publication, "disk.img", tmp_path)
    assert len(own) == 1
    infohash = publication.row("disk.img")["infohash"]
    page = f"{publication.url}torrent/{infohash}"
    assert 'class="badge badge-warn">missing</span>' in get(page).decode()

    publication.process.stop()
    shutil.copy(content / "disk.img", there)
    publication.again()
    publication.wait_published("disk.img")
    wait_for(
        lambda: seeds(publication, "disk.img", tmp_path) == (*own, f"{base}disk.img"),
        what="the copy in the torrent",
    )
    # What stands beside the info dictionary is no other torrent, and nothing was hashed.
    assert publication.row("disk.img")["infohash"] == infohash
    assert "hashed)" not in publication.process.output
    wait_for(lambda: _states(publication, infohash) == ["good"], what="the copy said to be good")
    assert 'class="badge badge-good">good</span>' in get(page).decode()
    on_disk = Metainfo.read(state / "torrents" / "disk.img.torrent")
    assert on_disk.web_seeds == (*own, f"{base}disk.img")

    publication.process.stop()
    (there / "disk.img").write_bytes(bytes(700_000))
    publication.again()
    publication.wait_published("disk.img")
    publication.process.line_with("has other bytes", seconds=60)
    wait_for(lambda: seeds(publication, "disk.img", tmp_path) == own, what="the copy gone")
    assert _states(publication, infohash) == ["wrong"]
    assert base not in get(f"{publication.url}torrents/{infohash}.meta4").decode()


def test_content_that_is_not_served_here_is_downloaded_from_its_copy(
    start: Start, cdn: Callable[[], tuple[str, Path]], tmp_path: Path
):
    aria2c = peer("aria2c")
    base, there = cdn()
    content = tmp_path / "releases"
    (content / "game").mkdir(parents=True)
    (content / "game" / "data.pak").write_bytes(os.urandom(900_000))
    (content / "game" / "read me").write_bytes(b"hello")
    shutil.copytree(content / "game", there / "game")
    publication = Publication(start, content, "--web-seed", base, "--no-seed", "--no-content")
    wait_for(lambda: publication.row("game"), what="game on the page")
    wait_for(lambda: seeds(publication, "game", tmp_path) == (base,), what="the copy named")
    assert status(f"{publication.url}content/game/data.pak") == 404
    torrent = publication.torrent_file("game", tmp_path)
    target = tmp_path / "got"
    subprocess.run(
        [
            aria2c, "--seed-time=0", "--enable-dht=false", "--enable-dht6=false",
            "--bt-enable-lpd=false", "--interface=127.0.0.1", f"--dir={target}", str(torrent),
        ],
        check=True, timeout=100, capture_output=True,
    )  # fmt: skip
    for name in ("data.pak", "read me"):
        assert (target / "game" / name).read_bytes() == (content / "game" / name).read_bytes()
