"""Measure trackers side by side: answers a CPU-second, latency and memory, under one load.

The server has one core and the load generator the other. In each round every tracker gets a fresh
process and the same seeded load; medians and ratios are taken over the rounds. `limit` is a server
that makes the same system calls and has no tracker behind them. Loopback only.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from harness import figures, loads, machine, programs, tables, trackers
from harness.figures import Figures, Reached
from harness.loads import Load
from harness.process import BenchError, Server, free_port, go_first, pinned
from harness.trackers import Setting, Tracker

LOAD_CORE = "1"
RUN_TIMEOUT_S = 200
IDLE_S = 0.5
"""For a server to settle after its start, before its memory is taken."""


def run_load(load: Load, setting: Setting, server: Server, options: Sequence[str]) -> Any:
    """Put a server under a load, and return what the load generator tells of it."""
    target = [load.protocol, setting.address, "--pid", str(server.pid)]
    command = [str(programs.loadgen()), *target, *load.population, *load.options, *options]
    done = subprocess.run(
        pinned(LOAD_CORE, command), capture_output=True, timeout=RUN_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise BenchError(done.stderr.decode(errors="replace").strip())
    return json.loads(done.stdout)


@contextmanager
def page_open(setting: Setting) -> Iterator[None]:
    """Read the live numbers of the page, as a browser that shows it does."""
    ended = threading.Event()

    def read() -> None:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://{setting.address}/api/v1/events", timeout=5) as stream,
        ):
            while not ended.is_set() and stream.readline():
                pass

    threading.Thread(target=read, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def measure(load: Load, tracker: Tracker, options: Sequence[str], near: float) -> dict[str, Any]:
    """Run one tracker once under a load; `near` is the size of the answers of a real one."""
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        is_kept = "--kept-alive" in load.options
        setting = Setting(
            free_port(), folder, load.numwant, is_kept, load.population, round(near),
            load.host, load.workers,
        )  # fmt: skip
        command = tracker.setup(setting)
        if command is None:
            return {}
        cores = "0" if load.workers == 1 else "0,1"
        with Server(pinned(cores, command), cwd=folder) as server:
            if tracker.listens_on_tcp and load.host == "127.0.0.1":
                server.wait_until_listening(setting.port)
            time.sleep(IDLE_S)
            server.check()
            idle_bytes = server.rss_bytes()
            if load.share:
                most = run_load(load, setting, server, options_for(options, 2))
                rate = most["server"]["answers_per_cpu_second"] * load.share
                options = [*options, "--rate", f"{rate:.0f}"]
            if load.is_watched:
                with page_open(setting):
                    result = run_load(load, setting, server, options)
            else:
                result = run_load(load, setting, server, options)
            return {**result, "idle_bytes": idle_bytes}


def options_for(options: Sequence[str], duration_s: float) -> list[str]:
    """Return options with another duration."""
    words = list(options)
    words[words.index("--duration") + 1] = f"{duration_s}"
    return words


def play(load: Load, rounds: int, *, quick: bool, only: Sequence[Tracker] | None = None) -> Reached:
    """Run every contender of a load, round by round."""
    reached: Reached = {}
    options = load.quick if quick else load.full
    contenders = list(only or load.contenders)
    for turn in range(rounds):
        for tracker in tuple(contenders):
            own = reached.get(trackers.OUTPOUR.name)
            near = own.peers_in_answer if own else load.numwant
            try:
                result = measure(load, tracker, options, near)
            except (BenchError, subprocess.SubprocessError) as error:
                print(f"left out: {load.title}, {tracker.name}: {error}", file=sys.stderr)
                contenders.remove(tracker)
                continue
            if not result:
                print(f"not installed: {tracker.name}", file=sys.stderr)
                contenders.remove(tracker)
                continue
            entry = reached.setdefault(tracker.name, Figures())
            entry.add(result)
            talk = f"{load.title}, {turn + 1}/{rounds}, {tracker.name}: {entry.per_cpu_s[-1]:,.0f}"
            print(f"{talk} answers a CPU-second", file=sys.stderr)
    return reached


def lifecycle(*, quick: bool) -> str:
    """Measure how long a full tracker takes to stop and to start again, and what it writes."""
    load = loads.RATES[1]
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        folder = Path(name)
        setting = Setting(free_port(), folder, load.numwant, False, load.population, 0)
        command = trackers.OUTPOUR.setup(setting)
        assert command is not None
        with Server(command, cwd=folder) as server:
            server.wait_until_listening(setting.port)
            run_load(load, setting, server, load.quick if quick else load.full)
            stopped_s = server.stop_timed(signal.SIGTERM)
        size = sum(path.stat().st_size for path in folder.iterdir())
        began = time.perf_counter()
        with Server(command, cwd=folder) as server:
            server.wait_until_listening(setting.port)
            started_s = time.perf_counter() - began
    head = ["what", "figure"]
    rows = [
        ["stop: SIGTERM to the end, everything saved", f"{stopped_s:.2f} s"],
        ["start: command to the first connection, everything restored", f"{started_s:.2f} s"],
        ["state on disk", f"{size / 2**20:.0f} MiB"],
    ]
    title = "A restart with the peers of aquatic's mix"
    return f"### {title}\n\n{tables.table(head, rows)}"


def sweeps() -> str:
    """Measure the steps in which ten million peers are looked through for silent ones."""
    command = [str(programs.store()), "sweep"]
    done = subprocess.run(
        pinned(LOAD_CORE, command), capture_output=True, timeout=RUN_TIMEOUT_S, check=True
    )
    found = SWEEP.findall(done.stdout.decode())
    head = ["what", "steps", "mean, µs", "p99.9, µs", "worst, µs"]
    rows = [
        [what, steps, *(f"{int(figure) / 1e3:.1f}" for figure in figures)]
        for what, steps, *figures in found
    ]
    title = "The sweep of 10 M peers in 100 k torrents, processor time"
    return f"### {title}\n\n{tables.table(head, rows)}"


def together(*, quick: bool) -> str:
    """Measure what it costs a store to be one of several, beside one that is alone."""
    size = ["200000", "100000"] if quick else []
    command = [str(programs.together()), *size]
    done = subprocess.run(
        pinned(LOAD_CORE, command), capture_output=True, timeout=RUN_TIMEOUT_S, check=True
    )
    rows = [line.split(": ", 1) for line in done.stdout.decode().splitlines()]
    title = "One of several trackers, processor time of its store, with the peers of aquatic's mix"
    return f"### {title}\n\n{tables.table(['what', 'figures'], rows)}"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short round of each load")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, quick 1)")
    names = [*(load.name for load in ALL), "shapes", "restart", "sweep", "together"]
    parser.add_argument("--load", action="append", choices=names, help="only this one")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    parser.add_argument("--install", action="store_true", help="build the trackers to compare with")
    return parser.parse_args()


SWEEP = re.compile(r"sweep, ([a-z ]+): (\d+) steps, mean (\d+) ns, p99.9 (\d+) ns, worst (\d+) ns")

ALL = (*loads.RATES, *loads.LATENCIES, *loads.MEMORIES)


def main() -> int:
    """Measure, print the tables, and put them into the page if asked to."""
    options = arguments()
    if options.install:
        trackers.install()
        return 0
    rounds = options.rounds or (1 if options.quick else 5)
    go_first()

    def is_wanted(name: str) -> bool:
        return not options.load or name in options.load

    sections = [
        machine.describe() + f" Rates are medians of {rounds} interleaved rounds, all else is of "
        "one; the server and the load have a core each, before all other programs."
    ]

    def add(section: str) -> None:
        sections.append(section)
        # After each table, as the whole takes half an hour.
        if options.write:
            tables.write_section(tables.PAGE, "tracker", "\n\n".join(sections))

    for load in ALL:
        if not is_wanted(load.name):
            continue
        is_rate = load in loads.RATES
        reached = play(load, rounds if is_rate else 1, quick=options.quick)
        section = figures.render(load, reached)
        print(section, flush=True)
        if options.write and is_rate:
            section += tables.write_picture(load.name, load.title, figures.draw(load, reached))
        add(section)
    if is_wanted("shapes"):
        rows = [(load, play(load, 1, quick=options.quick)) for load in loads.SHAPES]
        add(figures.render_shapes(rows))
        print(sections[-1], flush=True)
    if is_wanted("restart"):
        add(lifecycle(quick=options.quick))
        print(sections[-1], flush=True)
    if is_wanted("sweep"):
        add(sweeps())
        print(sections[-1], flush=True)
    if is_wanted("together"):
        add(together(quick=options.quick))
        print(sections[-1], flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
