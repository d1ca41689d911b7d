"""How each client under comparison is called to seed one file, kept to loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import programs
from harness.clients import HOST, write_qbittorrent
from harness.programs import Command


@dataclass(frozen=True, slots=True)
class Give:
    """What a client is asked to do.

    Attributes:
        torrent: Names nothing but its content.
        content: The folder that has it.
        port: Where peers connect to.
        folder: An empty folder for all that the client keeps.
    """

    torrent: Path
    content: Path
    port: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Seeder:
    """One contender: `command` gives its arguments, or `None` when the program is not here."""

    name: str
    command: Callable[[Give], Command | None]


def _outpour(give: Give, profile: str) -> Command:
    return [
        *programs.outpour(), "seed", str(give.torrent), "--content", str(give.content), "--trust",
        "--bind", HOST, "--port", str(give.port), "--state", str(give.folder),
        "--profile", profile,
    ]  # fmt: skip


def _aria2(give: Give) -> Command | None:
    return programs.call(
        "aria2c", f"--dir={give.content}", f"--listen-port={give.port}", "--seed-ratio=0.0",
        "--no-conf=true", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false",
        "--enable-peer-exchange=false", f"--interface={HOST}", "--check-integrity=true",
        "--bt-seed-unverified=false", "--summary-interval=0", "--allow-overwrite=true",
        "--async-dns=false", give.torrent,
    )  # fmt: skip


def write_transmission(folder: Path, host: str, port: int) -> None:
    """Write its settings: nothing but TCP at one address."""
    settings = {
        "bind-address-ipv4": host, "bind-address-ipv6": "::1", "dht-enabled": False,
        "lpd-enabled": False, "pex-enabled": True, "utp-enabled": False, "rpc-enabled": False,
        "port-forwarding-enabled": False, "peer-port": port,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))


def _transmission(give: Give) -> Command | None:
    write_transmission(give.folder, HOST, give.port)
    return programs.call(
        "transmission-cli", "--config-dir", give.folder, "--download-dir", give.content,
        "--port", str(give.port), "--no-portmap", "--no-downlimit", "--no-uplimit",
        give.torrent,
    )  # fmt: skip


def _rtorrent(give: Give) -> Command | None:
    session = give.folder / "session"
    session.mkdir()
    file = give.folder / "rtorrent.rc"
    file.write_text(
        f"system.daemon.set = true\nsession.path.set = {session}\n"
        f"directory.default.set = {give.content}\n"
        f"network.port_range.set = {give.port}-{give.port}\n"
        f"network.bind_address.set = {HOST}\ndht.mode.set = disable\nprotocol.pex.set = no\n"
    )
    return programs.call("rtorrent", "-n", "-o", f"import={file}", give.torrent)


def _qbittorrent(give: Give) -> Command | None:
    write_qbittorrent(give.folder, give.port, give.content)
    return programs.call(
        "qbittorrent-nox", f"--profile={give.folder}", f"--webui-port={give.port + 1}",
        give.torrent,
    )  # fmt: skip


OUTPOUR = Seeder("outpour", lambda give: _outpour(give, "server"))
TRANSMISSION = Seeder("transmission-cli", _transmission)
SEEDERS = (
    OUTPOUR,
    Seeder("outpour, `--profile desktop`", lambda give: _outpour(give, "desktop")),
    Seeder("aria2c", _aria2),
    TRANSMISSION,
    Seeder("rtorrent", _rtorrent),
    Seeder("qbittorrent-nox", _qbittorrent),
)
