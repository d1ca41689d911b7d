"""Measure what an announce costs a tracker that is one of several, beside one that is alone.

Both are the core without a page, in a process of its own, on one core; the load generator has the
other one. In turns they get the same load, and the median of the ratios is what is told. What is to
be told to other nodes is taken ten times a second, as a node does. Loopback only.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace

from harness import machine, programs, tables
from harness.process import Server, free_port, go_first, pinned

SERVER_CORE, LOAD_CORE = "0", "1"
RUN_TIMEOUT_S = 200
TAKEN_EACH_S = 0.1
QUEUE_BYTES = 64 << 20
BLOB_BYTES = 1 << 20

LOADS = {
    "UDP, unchanged and new peers, 1 M torrents": ("udp", ("--profile", "aquatic"), "30"),
    "UDP, 10 k torrents, power law": ("udp", ("--profile", "power-law"), "50"),
    "HTTP, a connection each": (
        "http",
        ("--profile", "power-law", "--peers", "100000", "--scrape-share", "0"),
        "50",
    ),
}


def serve(port: int, *, together: bool) -> None:
    """Serve until the end of the process."""
    from outpour._core import Cluster, Tracker

    address = ("127.0.0.1", port)
    more = {"cluster_bytes_max": QUEUE_BYTES, "cluster_node": 1} if together else {}
    tracker = Tracker(SimpleNamespace(http=[address], udp=[address], workers=1, **more))
    tracker.start()
    events = Cluster(tracker) if together else None
    while not threading.Event().wait(TAKEN_EACH_S):
        while events and events.take(BLOB_BYTES):
            pass


def measure(protocol: str, words: tuple[str, ...], numwant: str, *, together: bool) -> float:
    """Return the answers a CPU-second of one run."""
    port = free_port()
    kind = "together" if together else "alone"
    command = [sys.executable, __file__, "--serve", kind, "--port", str(port)]
    with (
        tempfile.TemporaryDirectory(prefix="outpour-bench-") as folder,
        Server(pinned(SERVER_CORE, command), cwd=Path(folder)) as server,
    ):
        server.wait_until_listening(port)
        load = [str(programs.loadgen()), protocol, f"127.0.0.1:{port}", "--pid", str(server.pid)]
        load += [*words, "--numwant", numwant, "--warm-up", "2", "--duration", "4"]
        done = subprocess.run(
            pinned(LOAD_CORE, load), capture_output=True, timeout=RUN_TIMEOUT_S, check=True
        )
    return float(json.loads(done.stdout)["server"]["answers_per_cpu_second"])


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="pairs to take the median over (5)")
    parser.add_argument("--serve", choices=["alone", "together"], help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.port, together=options.serve == "together")
        return 0
    go_first()
    rows = []
    for title, (protocol, words, numwant) in LOADS.items():
        ratios, rates = [], []
        for turn in range(options.rounds):
            alone = measure(protocol, words, numwant, together=False)
            together = measure(protocol, words, numwant, together=True)
            ratios.append(alone / together)
            rates.append((alone, together))
            print(f"{title}, {turn + 1}/{options.rounds}: {ratios[-1]:.3f}", file=sys.stderr)
        one, other = (statistics.median(side) for side in zip(*rates, strict=True))
        rows.append([title, f"{one:,.0f}", f"{other:,.0f}", f"{statistics.median(ratios):.3f}"])
    head = ["load", "answers a CPU-second, alone", "one of several", "cost, times alone's"]
    print(f"{machine.describe()}\n\n{tables.table(head, rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
