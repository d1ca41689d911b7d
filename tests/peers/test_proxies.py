"""Downloads whose every byte goes through a proxy, and what else servers may ask for."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from outpour.base.errors import NetworkError, SettingsError, UsageError
from outpour.base.http_fetch import fetch
from outpour.base.http_route import Proxy, Route
from outpour.engine import Engine, EngineSettings
from outpour.torrent.metainfo import Metainfo
from tests.free_ports import free_port
from tests.remote_server import serving
from tests.waiting import wait_for

from .conftest import TinyTracker, WebHost, make_torrent, same_files
from .little_server import LittleServer, answers


class ProxyHost:
    """An HTTP and SOCKS5 proxy that alone knows what `*.invalid` means: this machine."""

    def __init__(self, login: str = "") -> None:
        self.targets: list[tuple[str, int]] = []
        self.login = login
        self._server = LittleServer(self._serve)
        self.port = self._server.port

    def url(self, scheme: str) -> str:
        return f"{scheme}://{self.login}{'@' if self.login else ''}127.0.0.1:{self.port}"

    def _serve(self, connection: socket.socket) -> None:
        first = connection.recv(1, socket.MSG_PEEK)
        (self._socks if first == b"\5" else self._http)(connection)

    def _http(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65536)
        head, _, rest = head.partition(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ", 2)
        wanted = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and wanted.encode() not in head:
            connection.sendall(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
            return
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            with self._reach(host, int(port)) as other:
                connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                _pump(connection, other)
            return
        host, _, path = target.removeprefix("http://").partition("/")
        name, _, port = host.rpartition(":")
        with self._reach(name, int(port)) as other:
            line = f"{method} /{path} HTTP/1.1\r\n".encode()
            other.sendall(line + head.partition(b"\r\n")[2] + b"\r\n\r\n" + rest)
            _pump(connection, other)

    def _socks(self, connection: socket.socket) -> None:
        # Who hangs up in the middle has not asked for anything.
        with suppress(IndexError, ValueError):
            self._ask_for(connection)

    def _ask_for(self, connection: socket.socket) -> None:
        _, count = connection.recv(2)
        methods = connection.recv(count)
        connection.sendall(b"\5\2" if self.login and 2 in methods else b"\5\0")
        if self.login:
            name_length = connection.recv(2)[1]
            name = connection.recv(name_length)
            password = connection.recv(connection.recv(1)[0])
            is_right = b"%s:%s" % (name, password) == self.login.encode()
            connection.sendall(b"\1\0" if is_right else b"\1\1")
        _, _, _, kind = connection.recv(4)
        if kind == 3:
            host = connection.recv(connection.recv(1)[0]).decode()
        else:
            host = socket.inet_ntop(socket.AF_INET, connection.recv(4))
        port = int.from_bytes(connection.recv(2), "big")
        with self._reach(host, port) as other:
            connection.sendall(b"\5\0\0\1" + bytes(6))
            _pump(connection, other)

    def _reach(self, host: str, port: int) -> socket.socket:
        self.targets.append((host, port))
        return socket.create_connection(("127.0.0.1", port), timeout=60)

    def close(self) -> None:
        self._server.close()


def _pump(one: socket.socket, other: socket.socket) -> None:
    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join(60)


@pytest.fixture(params=["", "me:s3cret"], ids=["open", "with login"])
def proxy(request: pytest.FixtureRequest) -> Iterator[ProxyHost]:
    made = ProxyHost(request.param)
    yield made
    made.close()


@pytest.fixture
def outpour(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*words: object, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "outpour", *map(str, words), "--bind", "127.0.0.1"],
            cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}, **kwargs,
        )  # fmt: skip

    return run


BOTH = pytest.mark.parametrize("scheme", ["http", "socks5"])


@BOTH
def test_torrent_tracker_and_peer_are_reached_through_the_proxy(
    scheme: str, proxy: ProxyHost, content: Path, tmp_path: Path, tracker: TinyTracker,
    web_host: WebHost, seeder: Engine, outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:  # fmt: skip
    hidden = tracker.announce_url.replace("127.0.0.1", "tracker.invalid")
    made = make_torrent(content, trackers=[hidden])
    seeder.add(made, content.parent, mode="seed")
    web_host.answers["/t.torrent"] = (200, made.raw)
    page = web_host.url.replace("127.0.0.1", "web.invalid")
    host, port = seeder.addresses[0]
    done = outpour(
        "download", f"{page}t.torrent", "-o", "got", "--proxy", proxy.url(scheme), "--peer",
        f"{host}:{port}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert same_files(content, tmp_path / "got" / "release")
    assert ("web.invalid", urlsplit(page).port) in proxy.targets
    assert ("127.0.0.1", port) in proxy.targets
    # The content may be there before the proxy has heard of the tracker.
    asked = ("tracker.invalid", urlsplit(hidden).port)
    wait_for(lambda: asked in proxy.targets, what="announce")


@BOTH
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_web_seed_is_reached_through_the_proxy(
    version: str, scheme: str, proxy: ProxyHost, content: Path, tmp_path: Path, web_host: WebHost,
    outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:  # fmt: skip
    # libtorrent looks names of web seeds up by itself, and then asks the HTTP proxy for them.
    name = "127.0.0.1" if (scheme, version) == ("http", "v1") else "web.invalid"
    url = web_host.url.replace("127.0.0.1", name)
    make_torrent(content, version, web_seeds=[url]).write(tmp_path / "t.torrent")
    done = outpour("download", "t.torrent", "-o", "got", "--proxy", proxy.url(scheme))
    assert done.returncode == 0, done.stderr
    assert same_files(content, tmp_path / "got" / "release")
    assert name in {host for host, _ in proxy.targets}


def test_a_file_on_a_server_is_hashed_through_the_proxy_that_the_environment_names(
    proxy: ProxyHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", proxy.url("http"))
    with serving() as remote:
        remote.files["/a"] = os.urandom(40_000)
        url = f"{remote.url}/a".replace("127.0.0.1", "files.invalid")
        done = subprocess.run(
            [sys.executable, "-m", "outpour", "create", url], cwd=tmp_path, timeout=50,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        pieces = b"".join(
            hashlib.sha1(remote.files["/a"][at : at + 16384]).digest() for at in (0, 16384, 32768)
        )
    assert done.returncode == 0, done.stderr
    assert Metainfo.read(tmp_path / "a.torrent").info.pieces == pieces


def test_a_udp_tracker_is_not_asked_around_an_http_proxy(
    content: Path, tmp_path: Path, web_host: WebHost,
    outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:  # fmt: skip
    proxy = ProxyHost()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        url = f"udp://127.0.0.1:{udp.getsockname()[1]}/announce"
        made = make_torrent(content, trackers=[url], web_seeds=[web_host.url])
        made.write(tmp_path / "t.torrent")
        done = outpour("download", "t.torrent", "-o", "got", "--proxy", proxy.url("http"))
        assert done.returncode == 0, done.stderr
        assert f"`{url}`: cannot be asked through an HTTP proxy" in done.stderr
        udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            udp.recv(100)
    proxy.close()


def test_a_proxy_that_is_down_or_refuses_is_told() -> None:
    port = free_port()
    for scheme in ("http", "socks5"):
        with pytest.raises(NetworkError, match="connection refused"):
            fetch("http://web.invalid/", route=Route(Proxy(scheme, "127.0.0.1", port)))
    proxy = ProxyHost("me:s3cret")
    with pytest.raises(NetworkError, match="neither this name nor this password"):
        fetch("http://x/", route=Route(Proxy("socks5", "127.0.0.1", proxy.port, "me", "wrong")))
    proxy.close()


@pytest.mark.parametrize(
    "text", ["", "ftp://x:1", "http://", "x:1", "http://x:1/path", "socks4://x"]
)
def test_what_is_no_proxy_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a proxy"):
        Proxy.parse(text)


def test_a_proxy_that_would_be_reached_through_any_interface_is_refused_with_one() -> None:
    with pytest.raises(SettingsError, match="`lo`: a proxy is not reached through this alone"):
        EngineSettings(interface="lo", proxy=Proxy("socks5", "127.0.0.1", 1080))


def test_what_would_go_around_a_proxy_is_refused_with_it() -> None:
    for scheme, name in (("socks5", "lsd"), ("socks5", "upnp"), ("http", "dht"), ("http", "utp")):
        with pytest.raises(SettingsError, match=f"`{name}`: would go around the proxy"):
            EngineSettings(proxy=Proxy(scheme, "x", 1), **{name: True})  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_certificates_of_a_file_are_trusted_for_all_that_is_fetched(
    version: str,
    content: Path,
    tmp_path: Path,
    outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
         "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
        check=True, capture_output=True,
    )  # fmt: skip
    host = WebHost(content.parent)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    host._server.socket = context.wrap_socket(host._server.socket, server_side=True)
    url = host.url.replace("http:", "https:")
    host.answers["/t.torrent"] = (200, make_torrent(content, version, web_seeds=[url]).raw)
    distrusted = outpour("download", f"{url}t.torrent", "-o", "got")
    assert distrusted.returncode == 7
    assert "its certificate is not trusted" in distrusted.stderr
    done = outpour("download", f"{url}t.torrent", "-o", "got", "--ca-file", "cert")
    assert done.returncode == 0, done.stderr
    assert same_files(content, tmp_path / "got" / "release")
    host.close()


def test_headers_go_to_the_server_that_was_named_and_no_further() -> None:
    of_other: list[bytes] = []
    of_named: list[bytes] = []
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with LittleServer(answers(ok, of_other)) as other:
        redirect = f"HTTP/1.1 302 Found\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n"
        with LittleServer(answers(redirect.encode(), of_named)) as named:
            route = Route(headers=(("X-Token", "s3cret"), ("Authorization", "Bearer s3cret")))
            assert fetch(named.url, route=route).body == b"ok"
    assert [raw.count(b"s3cret") for raw in (*of_named, *of_other)] == [2, 0]


def test_headers_of_the_command_line_are_sent_for_sources_and_not_for_content(
    content: Path, tmp_path: Path, web_host: WebHost,
    outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:  # fmt: skip
    raw = make_torrent(content, web_seeds=[web_host.url]).raw
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(connection.recv(65536))
        is_known = b"\r\nX-Token: s3cret\r\n" in heard[-1]
        status = b"200 OK" if is_known else b"401 Who"
        body = raw if is_known else b""
        connection.sendall(
            b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
        )

    with LittleServer(serve) as server:
        assert outpour("download", server.url, "-o", "got").returncode == 7
        done = outpour("download", server.url, "-o", "got", "--header", "X-Token: s3cret")
    assert done.returncode == 0, done.stderr
    assert b"s3cret" in heard[-1]
    assert same_files(content, tmp_path / "got" / "release")


def test_sources_come_from_files_and_stdin_and_state_may_be_none(
    content: Path, tmp_path: Path, web_host: WebHost,
    outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:  # fmt: skip
    make_torrent(content, web_seeds=[web_host.url]).write(tmp_path / "a.torrent")
    image = f"{web_host.url}release/image.bin"
    make_torrent(content / "image.bin", web_seeds=[image]).write(tmp_path / "b.torrent")
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbf# mine\r\n\r\n  a.torrent\r\n")
    done = outpour(
        "download", "-i", "list", "--input", "-", "-o", "got", "--no-state", input="b.torrent\n"
    )
    assert done.returncode == 0, done.stderr
    assert same_files(content, tmp_path / "got" / "release")
    assert (tmp_path / "got" / "image.bin").is_file()
    assert not (tmp_path / "state").exists()
    piped = (tmp_path / "b.torrent").read_bytes().decode("latin-1")
    assert (
        outpour(
            "download", "-", "-o", "piped", "--no-state", input=piped, encoding="latin-1"
        ).returncode
        == 0
    )
    assert (tmp_path / "piped" / "image.bin").is_file()
    assert outpour("download").returncode == 2
    missing = outpour("download", "-i", "nowhere")
    assert (missing.returncode, "`nowhere`: no such file" in missing.stderr) == (4, True)
    assert outpour("download", "a.torrent", "--header", "x").returncode == 2


def test_a_deadline_ends_what_comes_too_slowly(
    content: Path, tmp_path: Path, settings: EngineSettings,
    outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:  # fmt: skip
    made = make_torrent(content)
    made.write(tmp_path / "t.torrent")
    with Engine(replace(settings, upload_rate=100_000)) as seeder:
        seeder.add(made, content.parent, mode="seed")
        host, port = seeder.addresses[0]
        words = ("download", "t.torrent", "-o", "got", "--peer", f"{host}:{port}")
        done = outpour(*words, "--deadline", "2")
        assert done.returncode == 7
        assert "`release`: not complete before the deadline" in done.stderr
        seeder.limit(upload_rate=0)
        assert outpour(*words, "--deadline", "40").returncode == 0


def test_a_deadline_ends_the_fetching_of_a_source_too(
    outpour: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    asked = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        asked.set()
        # Nothing comes, and the end of the test is the end of it.
        connection.recv(1)

    with LittleServer(serve) as server:
        words = ("download", server.url, f"{server.url}other", "--connect-timeout", "1000")
        # On a busy machine a second may be over before anything is asked.
        for deadline in ("1", "8", "40"):
            done = outpour(*words, "--timeout", "0", "--deadline", deadline)
            if asked.is_set():
                break
    assert asked.is_set()
    assert done.returncode == 7
    assert f"`{server.url}`: timed out" in done.stderr
    assert f"`{server.url}other`: not fetched before the deadline" in done.stderr
