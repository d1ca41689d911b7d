"""Measure what seeding costs: one downloader takes the same file from one client after the other.

What is compared is the CPU time of the seeder for what it sends, with nginx and curl beside it; a
first download, which is not measured, has the seeder check its content and warm up. Besides, a
thousand torrents are seeded that nobody wants: how long that takes to begin, and what it costs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from harness import machine, plot, programs, seeders, tables
from harness.clients import HOST
from harness.content import MIB, write_random
from harness.nginx import nginx
from harness.process import BenchError, Server, free_port, go_first
from harness.seeders import Give, Seeder

from outpour.making.maker import CreateOptions, create

PEER = Path(__file__).parent / "harness" / "engine_peer.py"
RUN_TIMEOUT_S = 320
NOBODY = "http://127.0.0.1:9/announce"
"""Where no tracker is: rTorrent takes no torrent without one."""
SEEDER_START_S = 6.0
FIRST, SECOND = "127.0.0.2", "127.0.0.3"
"""Transmission gives nothing to an address that was complete once."""
IDLE_TORRENTS = 1000
IDLE_S = 20.0
START_S = 120.0
NAME = "content.bin"
PROCESS_CLOCK = 2


@dataclass(frozen=True, slots=True)
class Gave:
    """What giving the file once took."""

    rate: float
    cpu_s_a_gb: float
    rss_bytes: int


def cpu_s(pid: int) -> float:
    """Return what a process has used, all its threads together."""
    # As `clock_getcpuclockid` makes it; /proc counts in hundredths.
    return time.clock_gettime(~pid << 3 | PROCESS_CLOCK)


def take(torrent: Path, out: Path, port: int, host: str) -> float:
    """Download once, from an address of one's own; returns the seconds it took."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    order = {"torrent": str(torrent), "folder": str(out), "profile": "desktop", "port": port,
             "settings": {"outgoing_interfaces": host}}  # fmt: skip
    fetched = subprocess.run(
        [sys.executable, str(PEER), "fetch"], input=json.dumps(order).encode() + b"\n",
        stdout=subprocess.PIPE, timeout=RUN_TIMEOUT_S, check=True,
    )  # fmt: skip
    wall_s: float = json.loads(fetched.stdout)["wall_s"]
    return wall_s


def give(seeder: Seeder, torrent: Path, folder: Path, length: int) -> Gave | None:
    """Let one client give the file; None when it is not installed.

    Raises:
        BenchError: It failed.
    """
    own = folder / "seeder"
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir()
    order = Give(torrent, folder / "content", free_port(), own)
    command = seeder.command(order)
    if command is None:
        return None
    env = os.environ | {"XDG_STATE_HOME": str(own / "state"), "HOME": str(own)}
    try:
        with Server(command, cwd=own, env=env) as server:
            # Whoever still checks its content sends peers away, and they stay away.
            time.sleep(SEEDER_START_S)
            take(torrent, folder / "out", order.port, FIRST)
            before = cpu_s(server.pid)
            wall_s = take(torrent, folder / "out", order.port, SECOND)
            used_s = cpu_s(server.pid) - before
            return Gave(length / 1e6 / wall_s, used_s / length * 1e9, server.rss_bytes())
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise BenchError(f"`{seeder.name}`: {error}") from error


def give_by_nginx(folder: Path, length: int) -> Gave | None:
    """Let nginx give the file to curl."""
    with nginx(folder / "content", folder / "nginx") as (address, server):
        curl = programs.call("curl", "--silent", "--fail", "-o", folder / "curl.bin",
                             f"{address}{NAME}")  # fmt: skip
        if curl is None:
            return None
        workers = server.workers
        before, began = sum(map(cpu_s, workers)), time.perf_counter()
        subprocess.run(curl, check=True, timeout=RUN_TIMEOUT_S)
        wall_s = time.perf_counter() - began
        used_s = sum(map(cpu_s, workers)) - before
        (folder / "curl.bin").unlink()
        return Gave(length / 1e6 / wall_s, used_s / length * 1e9, server.rss_bytes())


def play(folder: Path, options: argparse.Namespace) -> dict[str, list[Gave]]:
    """Let every client seed, round by round."""
    (folder / "content").mkdir()
    length = write_random(folder / "content" / NAME, options.mib * MIB)
    torrent = folder / f"{NAME}.torrent"
    create(folder / "content" / NAME, CreateOptions(trackers=((NOBODY,),))).write(torrent)
    folder.chmod(0o755)
    results: dict[str, list[Gave]] = {}
    for turn in range(options.rounds):
        for name, one in [("nginx, to curl", None), *((it.name, it) for it in seeders.SEEDERS)]:
            if options.seeder and name not in options.seeder:
                continue
            try:
                gave = give_by_nginx(folder, length) if one is None else give(
                    one, torrent, folder, length)  # fmt: skip
            except BenchError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            if gave is None:
                print(f"not installed: {name}", file=sys.stderr)
                continue
            results.setdefault(name, []).append(gave)
            print(f"{turn + 1}/{options.rounds} {name}: {gave.rate:.0f} MB/s, "
                  f"CPU {gave.cpu_s_a_gb:.2f} s a GB", file=sys.stderr)  # fmt: skip
    return results


def rest(folder: Path) -> str:
    """Seed a thousand torrents that nobody wants, twice; returns the table of the second time."""
    shelf = folder / "shelf"
    shelf.mkdir()
    for number in range(IDLE_TORRENTS):
        path = shelf / f"file{number:04}.bin"
        path.write_bytes(os.urandom(65536))
        create(path).write(shelf / f"{path.name}.torrent")
    command = [*programs.outpour(), "seed", str(shelf), "--json", "--bind", HOST]
    env = os.environ | {"XDG_STATE_HOME": str(folder / "state")}
    rows: list[list[str]] = []
    for title in ("first start, with hashing", "next start, without"):
        log = folder / "events"
        began = time.perf_counter()
        with log.open("wb") as out, subprocess.Popen(
            command, env=env, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL
        ) as process:  # fmt: skip
            while log.read_bytes().count(b'{"event": "seeding"') < IDLE_TORRENTS:
                if time.perf_counter() - began > START_S or process.poll() is not None:
                    process.kill()
                    raise BenchError("`outpour seed`: does not seed all")
                time.sleep(0.05)
            start_s, start_cpu_s = time.perf_counter() - began, cpu_s(process.pid)
            time.sleep(5)
            before = cpu_s(process.pid)
            time.sleep(IDLE_S)
            idle = (cpu_s(process.pid) - before) / IDLE_S * 100
            status = Path(f"/proc/{process.pid}/status").read_text()
            rss = next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)
            process.terminate()
        rows.append([title, f"{start_s:.2f}", f"{start_cpu_s:.2f}", f"{idle:.2f}",
                     f"{rss / 1024:.0f}"])  # fmt: skip
    head = [f"{IDLE_TORRENTS:,} torrents, idle", "s until all are seeded", "CPU s until then",
            "% of a core when idle", "memory, MiB"]  # fmt: skip
    return tables.table(head, rows)


def render(results: dict[str, list[Gave]]) -> str:
    """Return the table."""
    own = [1 / it.cpu_s_a_gb for it in results.get(seeders.OUTPOUR.name, [])]
    rows = [
        [
            name,
            tables.spread([1 / it.cpu_s_a_gb for it in gave]),
            "-" if name == seeders.OUTPOUR.name
            else tables.ratio(own, [1 / it.cpu_s_a_gb for it in gave]) + " x",
            tables.spread([it.rate for it in gave], 0),
            tables.spread([it.rss_bytes / MIB for it in gave], 0),
        ]
        for name, gave in results.items()
    ]  # fmt: skip
    head = ["seeder", "GB a CPU-second", "outpour is", "MB/s", "memory, MiB"]
    return tables.table(head, rows)


def draw(results: dict[str, list[Gave]]) -> str:
    """Return the chart."""
    rows = []
    for name, gave in results.items():
        value = 1 / tables.median([it.cpu_s_a_gb for it in gave])
        rows.append((name, value, f"{value:.2f} GB"))
    return plot.bars("Seeding, GB a CPU-second", rows, seeders.OUTPOUR.name)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="128 MiB instead of 512, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, quick 1)")
    parser.add_argument("--seeder", action="append", help="only this one")
    parser.add_argument("--folder", type=Path, help="where content is written; needs 3 GB")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.mib = 128 if options.quick else 512
    return options


def main() -> int:
    """Measure, print the tables, and put them into the page if asked to."""
    options = arguments()
    go_first()
    with tempfile.TemporaryDirectory(prefix="outpour-bench-", dir=options.folder) as name:
        results = play(Path(name), options)
        idle = rest(Path(name))
    section = (
        f"{machine.describe()} {options.mib} MiB to the same downloader, "
        f"medians of {options.rounds} interleaved rounds.\n\n{render(results)}\n{idle}"
    )
    print(section)
    if options.write:
        section += tables.write_picture("seeding", "Seeding", draw(results))
        tables.write_section(tables.PAGE, "seeding", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
