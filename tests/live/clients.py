"""The clients of strangers, as command lines that keep to loopback."""

from __future__ import annotations

import json
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"


def aria2(
    executable: str, torrent: Path | str, target: Path, port: int, *, host: str = LOOPBACK
) -> list[str]:
    """aria2c with a .torrent or a magnet link, that ends when the content is complete.

    Its UDP tracker client works only with its DHT on, which has no entry point here: it speaks
    to the peers of the torrent alone.
    """
    return [
        executable, f"--dir={target}", f"--listen-port={port}", f"--dht-listen-port={port}",
        "--seed-time=0", "--check-integrity=true", "--enable-dht=true",
        f"--dht-file-path={target}/dht.dat", f"--dht-listen-addr={LOOPBACK}",
        "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
        f"--interface={host}", "--bt-tracker-connect-timeout=5", "--bt-tracker-interval=1",
        "--file-allocation=none", "--summary-interval=0", "--console-log-level=notice",
        "--follow-torrent=mem", "--allow-overwrite=true", "--auto-file-renaming=false",
        "--no-conf=true", "--async-dns=false", "--stop=110", str(torrent),
    ]  # fmt: skip


def transmission(
    executable: str,
    torrent: Path,
    target: Path,
    port: int,
    *,
    config: Path,
    host: str = LOOPBACK,
    rpc_port: int = 0,
) -> list[str]:
    """transmission-cli, that goes on seeding when the content is complete.

    It connects to nobody on loopback, and keeps one peer of each address: in a swarm everybody
    needs an address of its own, or it hangs on whoever came first.

    It binds what it sends over HTTP to its IPv4 address, if it has one: with one it reaches no
    tracker over IPv6.
    """
    config.mkdir(parents=True, exist_ok=True)
    (config / "settings.json").write_text(
        json.dumps(
            {
                "bind-address-ipv4": host if host.startswith("127.") else "0.0.0.0",
                "bind-address-ipv6": LOOPBACK_6,
                "dht-enabled": False,
                "lpd-enabled": False,
                "pex-enabled": False,
                "utp-enabled": False,
                "port-forwarding-enabled": False,
                "peer-port": port,
                "rpc-enabled": rpc_port != 0,
                "rpc-port": rpc_port,
                "rpc-bind-address": LOOPBACK,
            }
        )
    )
    return [
        executable, "--config-dir", str(config), "--download-dir", str(target), "--port",
        str(port), "--no-portmap", "--no-downlimit", "--no-uplimit", str(torrent),
    ]  # fmt: skip


def ctorrent(executable: str, torrent: Path, target: Path, port: int) -> list[str]:
    """CTorrent, that knows HTTP over IPv4 only, and takes a peer of its own address for itself."""
    return [
        executable, "-i", LOOPBACK, "-p", str(port), "-s", str(target / torrent.stem), "-e", "1",
        str(torrent),
    ]  # fmt: skip


def rtorrent(
    executable: str, torrent: Path, target: Path, port: int, *, session: Path, host: str = LOOPBACK
) -> list[str]:
    """rTorrent without its screen; an address to bind to is of IPv4 with it."""
    session.mkdir(parents=True, exist_ok=True)
    settings = [
        "system.daemon.set=true", f"session.path.set={session}",
        f"directory.default.set={target}", f"network.port_range.set={port}-{port}",
        "dht.mode.set=disable", "protocol.pex.set=no", "trackers.use_udp.set=yes",
    ]  # fmt: skip
    if host.startswith("127."):
        settings.append(f"network.bind_address.set={host}")
    return [executable, "-n", *(word for text in settings for word in ("-o", text)), str(torrent)]


def lftp(executable: str, torrent: Path, target: Path, port: int) -> list[str]:
    """lftp, whose BitTorrent part ends when the content is complete."""
    settings = {
        "cmd:interactive": "no", "torrent:use-dht": "no", "torrent:save-metadata": "no",
        "torrent:port-range": port, "torrent:seed-max-time": 0, "torrent:stop-on-ratio": 0.0001,
        "net:socket-bind-ipv4": LOOPBACK, "net:socket-bind-ipv6": LOOPBACK_6,
    }  # fmt: skip
    script = [f"set {name} {value}" for name, value in settings.items()]
    return [executable, "-c", "; ".join([*script, f"torrent -O '{target}' '{torrent}'"])]
