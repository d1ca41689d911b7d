"""How each client under comparison is called to download one file, kept to loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import programs
from harness.process import free_port
from harness.programs import Command

HOST = "127.0.0.1"
SEEDER, PUBLISHED = "from the seeder", "as published"


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a client is asked to do.

    Attributes:
        published_torrent: Names the tracker and the web seed.
        peers_torrent: Names the tracker and no web seed.
        web_torrent: Names the web seed and no tracker.
        url: The content over HTTP.
        nginx_torrent: Names nginx as web seed and no tracker.
        nginx_url: The content over HTTP from nginx.
        out: An empty folder for the content and all that the client keeps.
    """

    published_torrent: Path
    peers_torrent: Path
    web_torrent: Path
    url: str
    nginx_torrent: Path
    nginx_url: str
    out: Path

    @property
    def marker(self) -> Path:
        """What a client that goes on seeding makes when it is complete."""
        return self.out / "complete"

    def script(self) -> str:
        """Write a script that makes the marker."""
        path = self.out / "mark.sh"
        path.write_text(f"#!/bin/sh\ntouch '{self.marker}'\n")
        path.chmod(0o755)
        return str(path)


@dataclass(frozen=True, slots=True)
class Client:
    """One contender: `command` gives its arguments, or `None` when the program is not here."""

    name: str
    source: str
    command: Callable[[Fetch], Command | None]
    is_marking: bool = False

    @property
    def title(self) -> str:
        """Its name with where the bytes come from."""
        return f"{self.name}, {self.source}"


def _outpour(fetch: Fetch, torrent: Path) -> Command:
    return [*programs.outpour(), "download", str(torrent), "-o", str(fetch.out), "--bind", HOST]


def _aria2(fetch: Fetch, torrent: Path) -> Command | None:
    return programs.call(
        "aria2c", f"--dir={fetch.out}", f"--listen-port={free_port()}", "--seed-time=0",
        "--no-conf=true", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
        "--enable-peer-exchange=false", f"--interface={HOST}", "--file-allocation=falloc",
        "--summary-interval=0", "--follow-torrent=mem", "--async-dns=false", torrent,
    )  # fmt: skip


def _transmission(fetch: Fetch, torrent: Path) -> Command | None:
    config = fetch.out / "config"
    config.mkdir()
    settings = {
        "bind-address-ipv4": HOST, "bind-address-ipv6": "::1", "dht-enabled": False,
        "lpd-enabled": False, "pex-enabled": False, "utp-enabled": False, "rpc-enabled": False,
        "port-forwarding-enabled": False,
    }  # fmt: skip
    (config / "settings.json").write_text(json.dumps(settings))
    return programs.call(
        "transmission-cli", "--config-dir", config, "--download-dir", fetch.out,
        "--port", str(free_port()), "--no-portmap", "--no-downlimit", "--no-uplimit",
        "--finish", fetch.script(), torrent,
    )  # fmt: skip


def _rtorrent(fetch: Fetch, torrent: Path) -> Command | None:
    session = fetch.out / "session"
    session.mkdir()
    port = free_port()
    # Options of the command line are split at commas; those of a file are not.
    file = fetch.out / "rtorrent.rc"
    file.write_text(
        f"system.daemon.set = true\nsession.path.set = {session}\n"
        f"directory.default.set = {fetch.out}\nnetwork.port_range.set = {port}-{port}\n"
        f"network.bind_address.set = {HOST}\ndht.mode.set = disable\nprotocol.pex.set = no\n"
        f'method.set_key = event.download.finished,mark,"execute.nothrow={fetch.script()}"\n'
    )
    return programs.call("rtorrent", "-n", "-o", f"import={file}", torrent)


def _qbittorrent(fetch: Fetch, torrent: Path) -> Command | None:
    write_qbittorrent(fetch.out, free_port(), fetch.out, fetch.script())
    # It loads pages of its web interface for nobody here; a port is all that it needs.
    return programs.call(
        "qbittorrent-nox", f"--profile={fetch.out}", f"--webui-port={free_port()}",
        torrent,
    )  # fmt: skip


def write_qbittorrent(folder: Path, port: int, content: Path, script: str | None = None) -> None:
    """Write its settings: over TCP only, as uTP would cost it a factor of ten on loopback."""
    file = folder / "qBittorrent" / "config" / "qBittorrent.conf"
    file.parent.mkdir(parents=True)
    file.write_text(
        f"[AutoRun]\nenabled={'true' if script else 'false'}\nprogram={script or ''}\n"
        "[BitTorrent]\nSession\\DHTEnabled=false\nSession\\LSDEnabled=false\n"
        f"Session\\PeXEnabled=false\nSession\\Port={port}\nSession\\BTProtocol=TCP\n"
        f"Session\\DefaultSavePath={content}\nSession\\QueueingSystemEnabled=false\n"
        f"Session\\InterfaceAddress={HOST}\nSession\\SSRFMitigation=false\n"
        "[LegalNotice]\nAccepted=true\n"
        "[Network]\nPortForwardingEnabled=false\n"
    )


def _curl(fetch: Fetch, url: str) -> Command | None:
    return programs.call("curl", "--silent", "--fail", "-o", fetch.out / "content.bin", url)


def _of_outpour(
    name: str, command: Callable[[Fetch, Path], Command | None], *, is_marking: bool = False
) -> tuple[Client, Client]:
    """Return a client with the seeder alone, and with all that `outpour publish` offers."""
    return (
        Client(name, SEEDER, lambda it: command(it, it.peers_torrent), is_marking),
        Client(name, PUBLISHED, lambda it: command(it, it.published_torrent), is_marking),
    )


OUTPOUR, OUTPOUR_PUBLISHED = _of_outpour("outpour", _outpour)
CEILING = Client("curl", "from nginx, unchecked", lambda it: _curl(it, it.nginx_url))
OWN_WEB = Client("outpour", "from outpour's web seed", lambda it: _outpour(it, it.web_torrent))
NGINX_WEB = Client("outpour", "from nginx", lambda it: _outpour(it, it.nginx_torrent))
CURL_OWN = Client("curl", "from outpour's web seed, unchecked", lambda it: _curl(it, it.url))
CLIENTS = (
    OUTPOUR,
    OUTPOUR_PUBLISHED,
    OWN_WEB,
    NGINX_WEB,
    *_of_outpour("aria2c", _aria2),
    Client("aria2c", "from nginx", lambda it: _aria2(it, it.nginx_torrent)),
    *_of_outpour("transmission-cli", _transmission, is_marking=True),
    *_of_outpour("rtorrent", _rtorrent, is_marking=True),
    *_of_outpour("qbittorrent-nox", _qbittorrent, is_marking=True),
    CURL_OWN,
    CEILING,
)
