"""One side of a transfer with the engine, as a process of its own: `seed` or `fetch`.

Reads one JSON object from standard input and writes one to standard output:

    seed    {"torrent", "folder", "settings"}            its port, and once stdin ends CPU seconds
    fetch   {"torrent", "folder", "settings", "port"}    seconds to complete files, and CPU seconds

`settings` are libtorrent's own, laid over those that outpour would use.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from outpour.engine import Engine, EngineSettings, opening
from outpour.torrent.metainfo import Metainfo

WAIT_S = 300.0
CONNECT_S = 0.5


def cpu_s() -> float:
    """What this process has used, all its threads together."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def engine_with(order: dict[str, Any]) -> Engine:
    """Start an engine with settings of libtorrent laid over its own."""
    usual = opening.settings_pack

    def pack(settings: EngineSettings, *, alert_mask: int) -> dict[str, object]:
        return usual(settings, alert_mask=alert_mask) | order["settings"]

    opening.settings_pack = pack
    settings = EngineSettings(profile=order["profile"])
    return Engine(replace(settings, listen=("127.0.0.1:0",)))


def seed(order: dict[str, Any]) -> None:
    """Seed until stdin ends."""
    with engine_with(order) as engine:
        metainfo = Metainfo.read(order["torrent"])
        engine.add(metainfo, Path(order["folder"]), mode="seed")
        print(json.dumps({"port": engine.addresses[0][1]}), flush=True)
        before = cpu_s()
        sys.stdin.read()
        print(json.dumps({"cpu_s": cpu_s() - before}), flush=True)


def fetch(order: dict[str, Any]) -> None:
    """Fetch everything once."""
    with engine_with(order) as engine:
        metainfo = Metainfo.read(order["torrent"])
        before, began = cpu_s(), time.perf_counter()
        seeds = [order["web_seed"]] if "web_seed" in order else []
        key = engine.add(metainfo, Path(order["folder"]), web_seeds=seeds)
        deadline = time.monotonic() + WAIT_S
        asked = -1e9
        while not (status := engine.status(key)).complete:
            if time.monotonic() > deadline:
                raise SystemExit(f"not complete after {WAIT_S:.0f} s")
            # Who still checks its content takes nobody.
            if "port" in order and not status.peers and time.monotonic() - asked > CONNECT_S:
                asked = time.monotonic()
                engine.connect_peer(key, "127.0.0.1", order["port"])
            engine.wait(0.02)
            engine.events()
        engine.flush([key])
        took: dict[str, float] = {
            "wall_s": time.perf_counter() - began,
            "cpu_s": cpu_s() - before,
            "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(took))


if __name__ == "__main__":
    {"seed": seed, "fetch": fetch}[sys.argv[1]](json.loads(sys.stdin.readline()))
