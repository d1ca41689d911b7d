"""Measure how fast one seeder fills ten downloaders over shaped links, against what is possible.

Each host has a namespace of its own and a link of the same rate in both directions. No schedule of
transfers can end before the ideal: the seeder must send everything once, a downloader must receive
everything, and all together cannot send more than all links carry. The downloaders are outpour in
any case; the seeder is outpour, and Transmission beside it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import machine, programs, seeders, tables
from harness.content import MIB, write_random
from harness.network import Network
from harness.process import BenchError, go_first
from harness.programs import Command

from outpour.making.maker import CreateOptions, create

RUN_TIMEOUT_S = 300
DOWNLOADERS = 10
TRACKER_HOST, SEEDER_HOST, PORT = 254, 1, 6881
RATE_MBIT = 40
SEEDER_START_S = 6.0
NAME = "content.bin"


def ideal_s(length: int) -> float:
    """Return the least time in which all can have everything (Kumar and Ross, 2006)."""
    link = RATE_MBIT * 1e6 / 8
    return max(length / link, DOWNLOADERS * length / (link * (DOWNLOADERS + 1)))


def seeder_command(name: str, network: Network, torrent: Path, content: Path, own: Path) -> Command:
    """Return what seeds.

    Raises:
        BenchError: It is not installed.
    """
    host = network.address(SEEDER_HOST)
    if name == "outpour":
        return [*programs.outpour(), "seed", str(torrent), "--content", str(content), "--trust",
                "--bind", host, "--port", str(PORT), "--state", str(own)]  # fmt: skip
    seeders.write_transmission(own, host, PORT)
    command = programs.call(
        "transmission-cli", "--config-dir", own, "--download-dir", content, "--port", str(PORT),
        "--no-portmap", "--no-downlimit", "--no-uplimit", torrent,
    )  # fmt: skip
    if command is None:
        raise BenchError("`transmission-cli`: not installed")
    return command


def spread(name: str, network: Network, torrent: Path, folder: Path) -> float:
    """Let ten downloaders fetch everything from one seeder; returns the seconds it took.

    Raises:
        BenchError: One of them failed.
    """
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    own = out / "seeder"
    own.mkdir()
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    env = os.environ | {"HOME": str(own), "XDG_STATE_HOME": str(own)}
    running: list[subprocess.Popen[bytes]] = []

    def start(host: int, command: Command, log: Path) -> subprocess.Popen[bytes]:
        with log.open("wb") as errors:
            process = subprocess.Popen([*network.at(host), *command], env=env, stderr=errors,
                                       **quiet)  # type: ignore[call-overload] # fmt: skip
        running.append(process)
        return process

    try:
        start(TRACKER_HOST, [*programs.outpour(), "track", "--open", "--listen",
                             f"{network.address(TRACKER_HOST)}:6969", "--state",
                             str(out / "tracker")], out / "tracker.log")  # fmt: skip
        start(SEEDER_HOST, seeder_command(name, network, torrent, folder / "content", own),
              out / "seeder.log")  # fmt: skip
        # It checks its content and announces itself, which is not what is measured.
        time.sleep(SEEDER_START_S)
        began = time.perf_counter()
        hosts = range(SEEDER_HOST + 1, SEEDER_HOST + 1 + DOWNLOADERS)
        fetching = [
            start(host, [*programs.outpour(), "download", str(torrent), "-o", str(out / str(host)),
                         "--bind", network.address(host), "--port", str(PORT), "--no-state",
                         "--peer", f"{network.address(SEEDER_HOST)}:{PORT}", "--time", "3"],
                  out / f"{host}.log")
            for host in hosts
        ]  # fmt: skip
        left = {host: out / f"{host}.log" for host in hosts}
        while left:
            if time.perf_counter() - began > RUN_TIMEOUT_S or any(it.poll() for it in fetching):
                raise BenchError(f"`{name}`: {len(left)} of {DOWNLOADERS} are not complete")
            left = {host: log for host, log in left.items() if b"complete" not in log.read_bytes()}
            time.sleep(0.05)
        took_s = time.perf_counter() - began
        for host in hosts:
            if subprocess.run(["cmp", "-s", folder / "content" / NAME, out / str(host) / NAME],
                              check=False).returncode:  # fmt: skip
                raise BenchError(f"`{name}`: the copy of host {host} differs")
        return took_s
    finally:
        for process in running:
            process.kill()
            process.wait()


def play(folder: Path, options: argparse.Namespace) -> tuple[dict[str, list[float]], int]:
    """Let each seeder fill ten downloaders, round by round."""
    (folder / "content").mkdir()
    length = write_random(folder / "content" / NAME, options.mib * MIB)
    torrent = folder / f"{NAME}.torrent"
    results: dict[str, list[float]] = {}
    with Network(SEEDER_HOST + DOWNLOADERS, RATE_MBIT) as network:
        announce = f"http://{network.address(TRACKER_HOST)}:6969/announce"
        create(folder / "content" / NAME, CreateOptions(trackers=((announce,),))).write(torrent)
        for turn in range(options.rounds):
            for name in ("outpour", "transmission-cli"):
                try:
                    took_s = spread(name, network, torrent, folder)
                except (BenchError, OSError) as error:
                    print(f"left out: {error}", file=sys.stderr)
                    continue
                results.setdefault(name, []).append(took_s)
                print(f"{turn + 1}/{options.rounds} {name}: {took_s:.1f} s", file=sys.stderr)
    return results, length


def render(results: dict[str, list[float]], length: int) -> str:
    """Return the table."""
    ideal = ideal_s(length)
    rows = [["ideal", f"{ideal:.1f}", "1.00"]]
    for name, took in results.items():
        times = tables.spread([it / ideal for it in took])
        rows.append([f"{name} as the seeder", tables.spread(took, 1), times])
    return tables.table(["one to ten", "s until the last is complete", "of the ideal"], rows)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="64 MiB instead of 160, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (3, quick 1)")
    parser.add_argument("--folder", type=Path, help="where content is written; needs 2 GB")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.mib = 64 if options.quick else 160
    return options


def main() -> int:
    """Measure, print the table, and put it into the page if asked to."""
    options = arguments()
    go_first()
    with tempfile.TemporaryDirectory(prefix="outpour-bench-", dir=options.folder) as name:
        results, length = play(Path(name), options)
    section = (
        f"{machine.describe()} {length / MIB:.0f} MiB over links of {RATE_MBIT} Mbit/s in both "
        f"directions, without delay; medians of {options.rounds} interleaved rounds. The start of "
        f"ten programs is part of the time.\n\n{render(results, length)}"
    )
    print(section)
    if options.write:
        tables.write_section(tables.PAGE, "swarm", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
