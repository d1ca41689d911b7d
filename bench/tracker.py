"""Measure trackers side by side: answers a CPU-second, latency and memory, under one load.

The server has one core and the load generator the other. In each round every tracker gets a fresh
process and the same seeded load; medians and ratios are taken over the rounds. `limit` is a server
that makes the same system calls and has no tracker behind them. Loopback only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import machine, peers, plot, tables, trackers
from harness.program import BenchError, Server, free_port, pinned
from harness.trackers import Setting, Tracker

SERVER_CORE, LOAD_CORE = 0, 1
RUN_TIMEOUT_S = 200

UDP = (
    trackers.OUTPOUR,
    trackers.LIMIT_UDP,
    trackers.OPENTRACKER,
    trackers.AQUATIC_MIO,
    trackers.AQUATIC_URING,
)
HTTP = (trackers.OUTPOUR, trackers.LIMIT_HTTP, trackers.OPENTRACKER, trackers.AQUATIC_HTTP)
STORES = (trackers.OUTPOUR, trackers.OPENTRACKER, trackers.AQUATIC_MIO)


@dataclass(frozen=True, slots=True)
class Load:
    """One table of the page: what is asked of whom."""

    name: str
    title: str
    protocol: str
    population: tuple[str, ...]
    contenders: tuple[Tracker, ...]
    numwant: int
    options: tuple[str, ...] = ()
    quick: tuple[str, ...] = ("--warm-up", "2", "--duration", "3")
    full: tuple[str, ...] = ("--warm-up", "2", "--duration", "8")
    peers: int = 0


@dataclass(slots=True)
class Figures:
    """What one tracker reached, a value a round."""

    per_cpu_s: list[float] = field(default_factory=list)
    user_us: list[float] = field(default_factory=list)
    system_us: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    idle_mib: list[float] = field(default_factory=list)
    grown_mib: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    p999_us: list[float] = field(default_factory=list)
    lost_percent: list[float] = field(default_factory=list)
    peers_in_answer: float = 0

    def add(self, result: dict[str, Any], idle_bytes: int) -> None:
        """Take in the result of one run."""
        server, answers = result["server"], max(1, result["answers"]["all"])
        self.per_cpu_s.append(server["answers_per_cpu_second"] or 0.0)
        self.user_us.append(server["user_seconds"] * 1e6 / answers)
        self.system_us.append(server["system_seconds"] * 1e6 / answers)
        self.busy.append(server["busy_share"])
        self.idle_mib.append(idle_bytes / 2**20)
        self.grown_mib.append((server["rss_bytes_after"] - idle_bytes) / 2**20)
        self.p50_us.append(result["latency_us"]["p50"])
        self.p99_us.append(result["latency_us"]["p99"])
        self.p999_us.append(result["latency_us"]["p99.9"])
        bad = result["lost"] + result["answers"]["failure"] + result["answers"]["invalid"]
        self.lost_percent.append(100 * bad / max(1, result["sent"]))
        self.peers_in_answer = result["peers_per_announce"] or 0


POWER_LAW = ("--profile", "power-law")
SMALL = (*POWER_LAW, "--peers", "100000", "--scrape-share", "0")
EVEN = ("--profile", "uniform", "--peers", "3000000", "--sources", "64", "--sockets", "64")

LOADS = (
    Load(
        "udp-power-law",
        "UDP: 10 k torrents, 1 M peers, power law, 50 wanted, 5 % scrapes",
        "udp",
        POWER_LAW,
        UDP,
        numwant=50,
        quick=("--peers", "200000", "--populate", "--warm-up", "2", "--duration", "3"),
        full=("--populate", "--warm-up", "2", "--duration", "8"),
    ),
    Load(
        "udp-aquatic",
        "UDP: the mix of aquatic's load test, 1 M torrents, 2 M peers, 30 wanted, 1 % scrapes",
        "udp",
        ("--profile", "aquatic"),
        UDP,
        numwant=30,
        quick=("--warm-up", "3", "--duration", "3"),
        full=("--populate", "--warm-up", "2", "--duration", "8"),
    ),
    Load("http-each", "HTTP: a connection for each announce", "http", SMALL, HTTP, numwant=50),
    Load(
        "http-kept",
        "HTTP: connections kept alive",
        "http",
        SMALL,
        HTTP,
        numwant=50,
        options=("--kept-alive",),
    ),
    Load(
        "udp-latency",
        "UDP: latency at 20 k requests a second",
        "udp",
        POWER_LAW,
        UDP,
        numwant=50,
        options=("--rate", "20000"),
        quick=("--peers", "100000", "--warm-up", "5", "--duration", "3"),
        full=("--peers", "100000", "--warm-up", "5", "--duration", "10"),
    ),
    Load(
        "memory",
        "Memory: 3 M peers in 10 k torrents",
        "udp",
        EVEN,
        STORES,
        numwant=0,
        options=("--scrape-share", "0", "--numwant", "1", "--populate"),
        quick=("--warm-up", "0", "--duration", "0.2"),
        full=("--warm-up", "0", "--duration", "0.2"),
        peers=3_000_000,
    ),
)


def measure(load: Load, tracker: Tracker, options: Sequence[str], near: float) -> dict[str, Any]:
    """Run one tracker once under a load; `near` is the size of the answers of a real one."""
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        is_kept = "--kept-alive" in load.options
        setting = Setting(free_port(), folder, load.numwant, is_kept, load.population, round(near))
        command = tracker.setup(setting)
        if command is None:
            return {}
        with Server(pinned(SERVER_CORE, command), cwd=folder) as server:
            if tracker.listens_on_tcp:
                server.wait_until_listening(setting.port)
            time.sleep(0.5)
            server.check()
            idle_bytes = server.rss_bytes()
            target = [load.protocol, setting.address, "--pid", str(server.pid)]
            command = [str(peers.loadgen()), *target, *load.population, *load.options, *options]
            done = subprocess.run(
                pinned(LOAD_CORE, command), capture_output=True, timeout=RUN_TIMEOUT_S, check=False
            )
            if done.returncode:
                raise BenchError(done.stderr.decode(errors="replace").strip())
            return {**json.loads(done.stdout), "idle_bytes": idle_bytes}


def play(load: Load, rounds: int, *, quick: bool) -> dict[str, Figures]:
    """Run every contender of a load, round by round."""
    figures: dict[str, Figures] = {}
    options = load.quick if quick else load.full
    contenders = list(load.contenders)
    for turn in range(rounds):
        for tracker in tuple(contenders):
            own = figures.get(trackers.OUTPOUR.name)
            near = own.peers_in_answer if own else load.numwant
            try:
                result = measure(load, tracker, options, near)
            except (BenchError, subprocess.SubprocessError) as error:
                print(f"left out: {load.name}, {tracker.name}: {error}", file=sys.stderr)
                contenders.remove(tracker)
                continue
            if not result:
                print(f"not installed: {tracker.name}", file=sys.stderr)
                contenders.remove(tracker)
                continue
            entry = figures.setdefault(tracker.name, Figures())
            entry.add(result, result["idle_bytes"])
            talk = f"{load.name} {turn + 1}/{rounds} {tracker.name}: {entry.per_cpu_s[-1]:,.0f}"
            print(f"{talk} answers a CPU-second", file=sys.stderr)
    return figures


def render(load: Load, figures: dict[str, Figures]) -> str:
    """Return the table of a load."""
    own = figures.get(trackers.OUTPOUR.name, Figures())
    if load.peers:
        head = ["tracker", "idle, MiB", "grown by, MiB", "bytes a peer"]
        rows = [
            [
                name,
                tables.spread(it.idle_mib, 0),
                tables.spread(it.grown_mib, 0),
                tables.spread(it.grown_mib, 1, 2**20 / load.peers),
            ]
            for name, it in figures.items()
        ]
    elif "--rate" in load.options:
        head = ["tracker", "p50, µs", "p99, µs", "p99.9, µs", "CPU, %", "lost, %"]
        rows = [
            [
                name,
                tables.spread(it.p50_us, 0),
                tables.spread(it.p99_us, 0),
                tables.spread(it.p999_us, 0),
                tables.spread(it.busy, 1, 100),
                tables.spread(it.lost_percent, 2),
            ]
            for name, it in figures.items()
        ]
    else:
        head = ["tracker", "k answers a CPU-second", "outpour is", "µs user + system"]
        head += ["busy, %", "memory grown by, MiB", "lost, %"]
        rows = [
            [
                name,
                tables.spread(it.per_cpu_s, 1, 1e-3),
                "-" if it is own else tables.ratio(own.per_cpu_s, it.per_cpu_s) + " x",
                f"{tables.spread(it.user_us[:1])} + {tables.spread(it.system_us[:1])}",
                tables.spread(it.busy, 0, 100),
                tables.spread(it.grown_mib, 0),
                tables.spread(it.lost_percent, 2),
            ]
            for name, it in figures.items()
        ]
    return f"### {load.title}\n\n{tables.table(head, rows)}"


def draw(load: Load, figures: dict[str, Figures]) -> str | None:
    """Return the chart of a load, if its figures are answers a CPU-second."""
    if load.peers or "--rate" in load.options:
        return None
    rows = [
        (name, max(it.per_cpu_s), f"{max(it.per_cpu_s) / 1e3:.0f} k")
        for name, it in figures.items()
        if it.per_cpu_s
    ]
    return plot.bars(f"Answers a CPU-second, {load.title}", rows, trackers.OUTPOUR.name)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round of each load")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (3, quick 1)")
    names = [load.name for load in LOADS]
    parser.add_argument("--load", action="append", choices=names, help="only this one")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    parser.add_argument("--install", action="store_true", help="build the trackers to compare with")
    return parser.parse_args()


def main() -> int:
    """Measure, print the tables, and put them into the page if asked to."""
    options = arguments()
    if options.install:
        trackers.install()
        return 0
    rounds = options.rounds or (1 if options.quick else 3)
    sections = [machine.describe() + f" Medians of {rounds} interleaved rounds."]
    for load in LOADS:
        if options.load and load.name not in options.load:
            continue
        figures = play(load, rounds, quick=options.quick)
        section = render(load, figures)
        print(section)
        chart = draw(load, figures)
        if options.write and chart:
            picture = tables.PAGE.with_name("benchmarks") / f"{load.name}.svg"
            picture.parent.mkdir(exist_ok=True)
            picture.write_text(chart)
            section += f"\n![{load.title}](benchmarks/{picture.name})\n"
        sections.append(section)
    if options.write:
        tables.write_section(tables.PAGE, "tracker", "\n\n".join(sections))
    return 0


if __name__ == "__main__":
    sys.exit(main())
