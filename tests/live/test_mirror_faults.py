"""What a mirror does while something is wrong: one line, the others go on, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from outpour.client import Client
from outpour.making.maker import CreateOptions, create
from tests.live.conftest import BIN, Running, Start, get, same_bytes
from tests.live.mirroring import Mirror
from tests.live.publication import Publication
from tests.remote_server import Remote, serving
from tests.waiting import wait_for

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

MOUNT = 'mount -t tmpfs -o size=$0 none "$1" && shift && exec "$@"'


def has_namespaces() -> bool:
    words = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") is not None and not subprocess.run(words, check=False).returncode


class OwnDisk:
    """Starts programs that see a small disk of their own in a folder."""

    def __init__(self, start: Start, folder: Path, size: str) -> None:
        self.folder = folder
        self._start, self._size = start, size
        self._process: Running | None = None
        folder.mkdir()

    def __call__(self, *words: str | Path, cwd: Path | None = None) -> Running:
        command = [BIN / words[0], *words[1:]]
        self._process = self._start(
            "unshare", "-rm", "sh", "-c", MOUNT, self._size, self.folder, *command, cwd=cwd
        )
        return self._process

    @property
    def seen(self) -> Path:
        """The folder as the program sees it."""
        assert self._process is not None
        return Path(f"/proc/{self._process.process.pid}/root{self.folder}")

    def remount(self, how: str) -> None:
        assert self._process is not None
        words = ["nsenter", "-t", str(self._process.process.pid), "-U", "-m"]
        words += ["--preserve-credentials", "mount", "-o", f"remount,{how}", str(self.folder)]
        # It is busy for as long as a file is open for writing.
        wait_for(lambda: subprocess.run(words, check=False).returncode == 0, what=f"remount {how}")


@pytest.mark.long
@pytest.mark.skipif(not has_namespaces(), reason="no mount namespaces here")
def test_a_full_and_a_read_only_disk_cost_what_has_no_room_and_only_for_so_long(
    start: Start, tmp_path: Path
):
    content = tmp_path / "releases"
    content.mkdir()
    (content / "slow").write_bytes(os.urandom(3_000_000))
    token, config = tmp_path / "token", tmp_path / "config.toml"
    token.write_text("0123456789abcdef")
    config.write_text(f'admin_token_file = "{token}"\n')
    # So slow that it is not whole before the disk is full, however long that takes.
    publication = Publication(
        start, content, "--no-content", "--up-rate", "64KiB", "--config", str(config)
    )
    publication.wait_published("slow")
    disk = OwnDisk(start, tmp_path / "mirror", "5m")
    mirror = Mirror(disk, publication.url, disk.folder)
    half = wait_for(lambda: next(disk.seen.glob(".outpour-mirror/*/slow"), None), what="a part")
    assert half is not None
    # Somebody else takes the room that there was.
    filler = disk.seen / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    line = mirror.process.line_with("skipped slow")
    assert "no space left" in line.lower()
    client = Client(publication.url, token=token.read_text())
    client.change("PATCH", "rates", {"upload_rate": 4 << 20})
    # What there is room for goes on.
    os.truncate(filler, filler.stat().st_size - 400_000)
    (content / "small").write_bytes(os.urandom(100_000))
    mirror.process.line_with("mirrored small")
    filler.unlink()
    mirror.process.line_with("mirrored slow", seconds=100)
    assert same_bytes(content / "slow", disk.seen / "slow")
    assert mirror.process.output.count("skipped slow") == 1

    disk.remount("ro")
    (content / "late").write_bytes(os.urandom(100_000))
    line = mirror.process.line_with("skipped late")
    assert "read-only" in line
    assert get(f"{mirror.url}content/small") == (content / "small").read_bytes()
    disk.remount("rw")
    mirror.process.line_with("mirrored late", seconds=100)
    assert mirror.process.stop(signal.SIGINT) == 0
    assert "Traceback" not in mirror.process.output


@pytest.mark.skipif(not has_namespaces(), reason="no mount namespaces here")
def test_a_target_that_is_read_only_ends_the_mirror_before_it_begins(start: Start, tmp_path: Path):
    disk = OwnDisk(start, tmp_path / "mirror", "1m,ro")
    process = disk("outpour", "mirror", "http://127.0.0.1:1/", "-o", disk.folder)
    assert process.wait() == 5
    assert [line for line in process.lines if "hint" not in line] == [
        f"error: `{disk.folder}`: not writable"
    ]


@contextlib.contextmanager
def certified(remote: Remote, folder: Path) -> Iterator[tuple[str, Path]]:
    """The same server over HTTPS, with a certificate that it made itself."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", key, "-out",
         certificate],
        check=True, capture_output=True,
    )  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            remote.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", certificate
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_that_fails_is_told_once_and_holds_until_it_is_trusted(
    start: Start, tmp_path: Path
):
    content = tmp_path / "map.osm"
    content.write_bytes(os.urandom(100_000))
    with serving() as remote, certified(remote, tmp_path) as (url, certificate):
        torrent = create(content, CreateOptions(web_seeds=(f"{remote.url}/map.osm",)))
        remote.files = {
            "/feed.xml": b'<rss version="2.0"><channel><item><title>map</title>'
            b'<enclosure url="map.torrent"/></item></channel></rss>',
            "/map.torrent": torrent.raw,
            "/map.osm": content.read_bytes(),
        }
        target = tmp_path / "mirror"
        mirror = Mirror(start, f"{url}/feed.xml", target, "--every", "1s")
        mirror.process.line_with("its certificate is not trusted")
        # It is asked again and again, which is said once.
        wait_for(lambda: get(mirror.url), what="the page of the mirror")
        assert mirror.process.stop(signal.SIGINT) == 0
        assert mirror.process.output.count("is not trusted") == 1
        again = Mirror(start, f"{url}/feed.xml", target, "--ca-file", str(certificate))
        again.process.line_with("mirrored map.osm")


@pytest.mark.long
def test_a_publisher_that_turns_into_something_else_changes_nothing(start: Start, tmp_path: Path):
    content, target = tmp_path / "releases", tmp_path / "mirror"
    content.mkdir()
    (content / "game.iso").write_bytes(os.urandom(100_000))
    publication = Publication(start, content)
    publication.wait_published("game.iso")
    mirror = Mirror(start, publication.url, target, "--grace", "0s", "--delete", "--keep", "1")
    mirror.process.line_with("mirrored game.iso")
    publication.process.stop(signal.SIGINT)
    mirror.process.line_with("trying again")
    answers = {
        "page": b"<html>for sale</html>",
        "torrents": b'{"torrents": [], "matched": 0, "next": null, "revision": "x"}',
        "paths": b'{"sidecars": [{"name": "../../x", "tag": "1", "url": "/content/../x"}]}',
    }
    said = {"page": "is no JSON", "torrents": "lists 0 torrents"}

    now = ["page"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = "paths" if "/sidecars" in self.path else now[0]
            body = b"" if "/events" in self.path else answers[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", publication.port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        for name in ("page", "torrents"):
            now[0] = name
            mirror.process.line_with(said[name])
        assert get(f"{mirror.url}content/game.iso") == (content / "game.iso").read_bytes()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not (tmp_path / "x").exists()
    assert mirror.process.stop(signal.SIGINT) == 0
    assert "Traceback" not in mirror.process.output
    assert same_bytes(content, target)
