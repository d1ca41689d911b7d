"""What programs of strangers make of feeds, Metalinks and checksums of a real publication."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.free_ports import free_port
from tests.live.conftest import Running, Start, get, get_json, peer, same_bytes
from tests.live.publication import Publication, status
from tests.live.test_publish import ENTRIES
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

SETTINGS = """
[LegalNotice]
Accepted=true
[BitTorrent]
Session\\DHTEnabled=false
Session\\LSDEnabled=false
Session\\PeXEnabled=false
Session\\Port={peer_port}
Session\\Interface=lo
Session\\InterfaceName=lo
[Network]
PortForwardingEnabled=false
[Preferences]
WebUI\\Address=127.0.0.1
WebUI\\Port={port}
WebUI\\LocalHostAuth=false
WebUI\\CSRFProtection=false
WebUI\\HostHeaderValidation=false
WebUI\\UseUPnP=false
[RSS]
Session\\EnableProcessing=true
Session\\RefreshInterval=1
AutoDownloader\\EnableProcessing=true
"""


class QBittorrent:
    """A running qbittorrent-nox, spoken to over its web interface."""

    def __init__(self, start: Start, folder: Path) -> None:
        executable = peer("qbittorrent-nox")
        self.port = free_port()
        self.target = folder / "downloads"
        settings = folder / "qBittorrent" / "config" / "qBittorrent.conf"
        settings.parent.mkdir(parents=True)
        settings.write_text(SETTINGS.format(port=self.port, peer_port=free_port()))
        self.process: Running = start(executable, f"--profile={folder}")
        wait_for(self._answers, what="the web interface", still=lambda: self.process.output)

    def ask(self, method: str, **values: str) -> bytes:
        url = f"http://127.0.0.1:{self.port}/api/v2/{method}"
        body = urllib.parse.urlencode(values).encode()
        with urllib.request.urlopen(url, body, timeout=60) as answer:
            raw: bytes = answer.read()
        return raw

    def torrents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.ask("torrents/info"))
        return found

    def _answers(self) -> bool:
        try:
            return bool(self.ask("app/version"))
        except OSError:
            return False


@pytest.mark.parametrize("feed", ["feed.xml", "feed.atom"])
def test_qbittorrent_takes_a_torrent_from_a_feed(
    start: Start, content: Path, tmp_path: Path, feed: str
):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    name = ENTRIES[0]
    url = f"{publication.url}{feed}?q={urllib.parse.quote(name)}"
    client = QBittorrent(start, tmp_path / "profile")
    rule = {
        "enabled": True,
        "mustContain": "",
        "affectedFeeds": [url],
        "savePath": str(client.target),
    }
    client.ask("rss/addFeed", url=url, path="outpour")
    client.ask("rss/setRule", ruleName="all", ruleDef=json.dumps(rule))

    def is_whole() -> bool:
        return [(one["name"], one["progress"]) for one in client.torrents()] == [(name, 1)]

    wait_for(is_whole, seconds=120, what="the download", still=lambda: str(client.torrents()))
    # The last of it may be on its way to the disk.
    wait_for(lambda: same_bytes(content / name, client.target / name), what="the bytes")


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.parametrize("follow", ["true", "false"])
def test_aria2_downloads_from_a_metalink_and_checks_it(
    start: Start, content: Path, tmp_path: Path, name: str, follow: str
):
    executable = peer("aria2c")
    publication = Publication(start, content, "--checksums")
    publication.wait_published(*ENTRIES)
    target = tmp_path / "target"
    target.mkdir()
    client = start(
        executable, f"--dir={target}", "--no-conf=true", "--async-dns=false", "--seed-time=0",
        "--enable-dht=false", "--bt-enable-lpd=false", "--interface=127.0.0.1", "--stop=110",
        f"--listen-port={free_port()}", f"--follow-torrent={follow}", "--follow-metalink=mem",
        "--check-integrity=true", "--console-log-level=info", "--summary-interval=0",
        "--file-allocation=none", f"{publication.url}torrents/{urllib.parse.quote(name)}.meta4",
    )  # fmt: skip
    assert client.wait(seconds=120) == 0, client.output
    assert same_bytes(content / name, target / name)


def test_sha256sum_checks_a_download_by_the_list_of_the_publication(
    start: Start, content: Path, tmp_path: Path
):
    publication = Publication(start, content, "--checksums")
    publication.wait_published(*ENTRIES)
    for name in ENTRIES:
        url = f"{publication.url}torrents/{urllib.parse.quote(name)}.SHA256SUMS"
        sums = tmp_path / "SUMS"
        sums.write_bytes(get(url))
        done = subprocess.run(
            ["sha256sum", "--check", "--strict", str(sums)],
            cwd=content,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_checksums_outlive_a_restart_and_are_made_for_what_was_published_without(
    start: Start, content: Path
):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)

    def sums() -> list[object]:
        row = publication.row(ENTRIES[0])
        if not row:
            return []
        found: Any = get_json(f"{publication.url}api/v1/torrents/{row['infohash']}")
        return [file["sha256"] for file in found["files"]]

    assert sums() == [None]
    infohash = publication.row(ENTRIES[0])["infohash"]
    publication.process.stop()
    publication._flags = ("--checksums",)
    publication.again()
    publication.wait_published(*ENTRIES)
    made = sums()
    assert made != [None]
    assert publication.row(ENTRIES[0])["infohash"] == infohash
    assert "hashing" not in publication.process.output.replace("hashing 0", "")
    publication.process.stop()
    publication.again()
    publication.wait_published(*ENTRIES)
    assert sums() == made


def test_a_withdrawn_torrent_is_told_of_after_a_restart_too(start: Start, content: Path):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    infohash = publication.row(ENTRIES[0])["infohash"]
    page = f"{publication.url}torrent/{infohash}"
    assert status(page) == 200
    (content / ENTRIES[0]).unlink()
    wait_for(lambda: status(page) == 410, what="the page of a withdrawn torrent")
    publication.process.stop()
    publication.again()
    publication.wait_published(ENTRIES[1])
    assert status(page) == 410
    assert status(f"{publication.url}torrent/{'0' * 40}") == 404


def test_a_published_folder_is_a_zip_of_its_content(start: Start, content: Path, tmp_path: Path):
    publication = Publication(start, content)
    publication.wait_published(*ENTRIES)
    name = ENTRIES[1]
    (tmp_path / "x.zip").write_bytes(
        get(f"{publication.url}content/{urllib.parse.quote(name)}/?zip")
    )
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert same_bytes(content / name, tmp_path / "unpacked" / name)
