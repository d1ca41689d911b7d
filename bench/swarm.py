"""Measure how fast one seeder fills ten downloaders over shaped links, against what is possible.

Each host has a namespace of its own and a link of the same rate in both directions. No schedule of
transfers can end before the ideal: the seeder must send everything once, a downloader must receive
everything, and all together cannot send more than all links carry. The downloaders are outpour in
any case; the seeder is outpour, and Transmission beside it.

Ten machines start ten programs at once; one machine with few cores takes seconds to. So the seeder
is halted until all ten have announced themselves, and how long that took is told apart.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness import machine, programs, seeders, tables
from harness.content import MIB, write_random
from harness.network import Network
from harness.process import BenchError, go_first
from harness.programs import Command

from outpour.making.maker import CreateOptions, create
from outpour.torrent.metainfo import Metainfo

RUN_TIMEOUT_S = 900
HALT_S = 9.0
"""A peer gives up a handshake after ten seconds."""
DOWNLOADERS = 10
TRACKER_HOST, SEEDER_HOST, PORT = 254, 1, 6881
RATE_MBIT = 40
SEEDER_START_S = 6.0
NAME = "content.bin"
GOODPUT = 1448 / 1514
"""Content in a full packet: the link carries the headers of Ethernet, IP and TCP as well."""


@dataclass(frozen=True, slots=True)
class Spread:
    """What it took until all had everything.

    Attributes:
        start_s: Until ten programs had started, while the seeder was halted.
        took_s: From then on until the last was complete.
        sent: What the seeder's link carried meanwhile, as times of the content.
    """

    start_s: float
    took_s: float
    sent: float


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


def await_announces(network: Network, infohash: bytes, count: int) -> None:
    """Wait until so many leechers have announced themselves.

    Raises:
        BenchError: They did not in time.
    """
    url = f"http://{network.address(TRACKER_HOST)}:6969/scrape?info_hash={quote(infohash)}"
    ask = programs.call("curl", "--silent", url)
    if ask is None:
        raise BenchError("`curl`: not installed")
    deadline = time.monotonic() + HALT_S
    while time.monotonic() < deadline:
        answer = subprocess.run([*network.at(TRACKER_HOST), *ask], check=False, capture_output=True)
        if f"incompletei{count}e".encode() in answer.stdout:
            return
        time.sleep(0.05)
    raise BenchError(f"not all of {count} programs have started after {HALT_S:.0f} s")


def spread(name: str, network: Network, torrent: Path, folder: Path) -> Spread:
    """Let ten downloaders fetch everything from one seeder.

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
        seeder = start(SEEDER_HOST,
                       seeder_command(name, network, torrent, folder / "content", own),
                       out / "seeder.log")  # fmt: skip
        # It checks its content and announces itself, which is not what is measured.
        time.sleep(SEEDER_START_S)
        # The kernel goes on taking its connections.
        seeder.send_signal(signal.SIGSTOP)
        metainfo = Metainfo.read(torrent)
        started = time.perf_counter()
        hosts = range(SEEDER_HOST + 1, SEEDER_HOST + 1 + DOWNLOADERS)
        fetching = [
            start(host, [*programs.outpour(), "download", str(torrent), "-o", str(out / str(host)),
                         "--bind", network.address(host), "--port", str(PORT), "--no-state",
                         "--peer", f"{network.address(SEEDER_HOST)}:{PORT}", "--time", "3"],
                  out / f"{host}.log")
            for host in hosts
        ]  # fmt: skip
        await_announces(network, metainfo.info.infohash, DOWNLOADERS)
        before = network.sent_bytes(SEEDER_HOST)
        began = time.perf_counter()
        seeder.send_signal(signal.SIGCONT)
        left = {host: out / f"{host}.log" for host in hosts}
        while left:
            if time.perf_counter() - began > RUN_TIMEOUT_S or any(it.poll() for it in fetching):
                raise BenchError(f"`{name}`: {len(left)} of {DOWNLOADERS} are not complete")
            left = {host: log for host, log in left.items() if b"complete" not in log.read_bytes()}
            time.sleep(0.05)
        took_s = time.perf_counter() - began
        sent = (network.sent_bytes(SEEDER_HOST) - before) / metainfo.info.length
        for host in hosts:
            if subprocess.run(["cmp", "-s", folder / "content" / NAME, out / str(host) / NAME],
                              check=False).returncode:  # fmt: skip
                raise BenchError(f"`{name}`: the copy of host {host} differs")
        return Spread(began - started, took_s, sent)
    finally:
        for process in running:
            process.kill()
            process.wait()


def play(folder: Path, mib: int, rounds: int) -> dict[str, list[Spread]]:
    """Let each seeder fill ten downloaders, round by round."""
    (folder / "content").mkdir()
    write_random(folder / "content" / NAME, mib * MIB)
    torrent = folder / f"{NAME}.torrent"
    results: dict[str, list[Spread]] = {}
    with Network(SEEDER_HOST + DOWNLOADERS, RATE_MBIT) as network:
        announce = f"http://{network.address(TRACKER_HOST)}:6969/announce"
        create(folder / "content" / NAME, CreateOptions(trackers=((announce,),))).write(torrent)
        for turn in range(rounds):
            for name in ("outpour", "transmission-cli"):
                try:
                    took = spread(name, network, torrent, folder)
                except (BenchError, OSError) as error:
                    print(f"left out: {error}", file=sys.stderr)
                    continue
                results.setdefault(name, []).append(took)
                print(f"{turn + 1}/{rounds} {mib} MiB, {name}: {took.took_s:.1f} s, "
                      f"start {took.start_s:.1f} s", file=sys.stderr)  # fmt: skip
    return results


def render(results: dict[str, list[Spread]], mib: int) -> list[list[str]]:
    """Return the rows of one size."""
    ideal = ideal_s(mib * MIB)
    rows = [
        [f"{mib} MiB, ideal", f"{ideal:.1f}", "1.00", "1.00", "-", "1.00"],
        [f"{mib} MiB, ideal with headers", f"{ideal / GOODPUT:.1f}", f"{1 / GOODPUT:.2f}",
         f"{1 / GOODPUT:.2f}", "-", f"{1 / GOODPUT:.2f}"],
    ]  # fmt: skip
    for name, spreads in results.items():
        rows.append([
            f"{mib} MiB, {name} as the seeder",
            tables.spread([it.took_s for it in spreads], 1),
            tables.spread([it.took_s / ideal for it in spreads]),
            tables.spread([(it.start_s + it.took_s) / ideal for it in spreads]),
            tables.spread([it.start_s for it in spreads], 1),
            tables.spread([it.sent for it in spreads]),
        ])  # fmt: skip
    return rows


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="64 MiB instead of 160 and 512, once")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (3, quick 1)")
    parser.add_argument("--folder", type=Path, help="where content is written; needs 6 GB")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.sizes = (64,) if options.quick else (160, 512)
    return options


def main() -> int:
    """Measure, print the table, and put it into the page if asked to."""
    options = arguments()
    go_first()
    rows: list[list[str]] = []
    for mib in options.sizes:
        with tempfile.TemporaryDirectory(prefix="outpour-bench-", dir=options.folder) as name:
            rows += render(play(Path(name), mib, options.rounds), mib)
    head = ["one to ten", "s until the last is complete", "of the ideal",
            "with the start of ten programs", "s to start them",
            "the seeder's link carried, of the content"]  # fmt: skip
    section = (
        f"{machine.describe()} Links of {RATE_MBIT} Mbit/s in both directions, without delay; "
        f"medians of {options.rounds} interleaved rounds.\n\n{tables.table(head, rows)}"
    )
    print(section)
    if options.write:
        tables.write_section(tables.PAGE, "swarm", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
