"""The clients of strangers, as command lines that keep to loopback."""

from __future__ import annotations

import json
from pathlib import Path

LOOPBACK = "127.0.0.1"


def aria2(executable: str, torrent: Path, target: Path, port: int) -> list[str]:
    """aria2c, that ends when the content is complete.

    Its UDP tracker client works only with its DHT on, which has no entry point here: it speaks
    to the peers of the torrent alone.
    """
    return [
        executable, f"--dir={target}", f"--listen-port={port}", f"--dht-listen-port={port}",
        "--seed-time=0", "--check-integrity=true", "--enable-dht=true",
        f"--dht-file-path={target}/dht.dat", f"--dht-listen-addr={LOOPBACK}",
        "--enable-dht6=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
        f"--interface={LOOPBACK}", "--bt-tracker-connect-timeout=5", "--bt-tracker-interval=1",
        "--file-allocation=none", "--summary-interval=0", "--console-log-level=notice",
        "--follow-torrent=mem", "--allow-overwrite=true", "--auto-file-renaming=false",
        "--no-conf=true", "--async-dns=false", "--stop=110", str(torrent),
    ]  # fmt: skip


def transmission(
    executable: str, torrent: Path, target: Path, port: int, *, config: Path
) -> list[str]:
    """transmission-cli, that goes on seeding when the content is complete."""
    config.mkdir(parents=True, exist_ok=True)
    (config / "settings.json").write_text(
        json.dumps(
            {
                "bind-address-ipv4": LOOPBACK,
                "bind-address-ipv6": "::1",
                "dht-enabled": False,
                "lpd-enabled": False,
                "pex-enabled": False,
                "utp-enabled": False,
                "port-forwarding-enabled": False,
                "peer-port": port,
                "rpc-enabled": False,
            }
        )
    )
    return [
        executable, "--config-dir", str(config), "--download-dir", str(target), "--port",
        str(port), "--no-portmap", "--no-downlimit", "--no-uplimit", str(torrent),
    ]  # fmt: skip
