"""Measure torrents of what lies on an nginx: `create URL` against curl, which hashes nothing.

In each round curl reads the file once and `outpour create` makes each kind of torrent of it, one
after the other, from the same nginx over loopback. Nothing is written but the torrents, and what
curl keeps where it is told to: who makes torrents with another program needs that file first.
Without a limit the processor is what all of them have to share, nginx included: what its cores
could give without ever waiting is told beside. With a limit nginx gives each connection what a
network would, or all of them together what one link would.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import machine, programs, tables
from harness.content import MIB, write_random
from harness.memory import settle
from harness.process import BenchError, Server, Usage, free_port, go_first, run

from outpour._core import Memory
from outpour.base.http_probe import probe
from outpour.base.http_ranges import RangeReader
from outpour.base.http_route import Route
from outpour.making.elsewhere.remote_work import CONNECTIONS, PIECES, WINDOW
from outpour.making.elsewhere.window_pool import SKEW
from outpour.making.hasher import Work

RUN_TIMEOUT_S = 300
FORMATS = ("v1", "v2", "hybrid")
CURL, CURL_KEEPING = "curl, to nowhere", "curl, to a file"
TURNS = 64
"""Batches that are hashed to see what it costs."""
REQUEST = 64 * MIB
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; {user}
events {{ worker_connections 64; }}
http {{ access_log off; sendfile on; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  ssl_certificate {folder}/certificate; ssl_certificate_key {folder}/key;
  server {{ listen 127.0.0.1:{port}; listen 127.0.0.1:{secure} ssl; root {folder}/www;
    location /link/ {{ alias {folder}/www/; limit_rate $arg_rate; limit_rate_after 0; }} }} }}
"""
GIGABIT = 125_000_000
"""Bytes a second."""
PLACES = (
    ("from nginx on the same machine", "http", 0, 0),
    ("from nginx on the same machine, https", "https", 0, 0),
    ("the same, a gigabit a second each connection", "http", GIGABIT, GIGABIT),
    ("the same, a gigabit a second in all", "http", GIGABIT, GIGABIT // CONNECTIONS),
    ("the same, ten gigabits a second in all", "http", 10 * GIGABIT, 10 * GIGABIT // CONNECTIONS),
    ("the same, https, ten gigabits a second in all", "https", 10 * GIGABIT,
     10 * GIGABIT // CONNECTIONS),
)  # fmt: skip
"""What a connection of curl and one of outpour may have, in bytes a second; 0 is everything."""


@dataclass(frozen=True, slots=True)
class Site:
    """An nginx that serves the file: its URLs by scheme, its certificate and its first process."""

    urls: dict[str, str]
    certificate: Path
    pid: int


@contextmanager
def server(folder: Path) -> Iterator[Site]:
    """Serve a folder with nginx.

    Raises:
        BenchError: There is no nginx here, or no openssl.
    """
    port, secure = free_port(), free_port()
    certificate = folder / "certificate"
    make = programs.call("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj",
                         "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "9",
                         "-keyout", folder / "key", "-out", certificate)  # fmt: skip
    if make is None:
        raise BenchError("not installed: openssl")
    run(make, cwd=folder, timeout_s=RUN_TIMEOUT_S)
    user = "user root;" if os.geteuid() == 0 else ""
    config = folder / "conf"
    config.write_text(NGINX.format(folder=folder, port=port, secure=secure, user=user))
    command = programs.call("nginx", "-c", config, "-p", folder)
    if command is None:
        raise BenchError("not installed: nginx")
    with Server(command, cwd=folder) as nginx:
        nginx.wait_until_listening(port)
        urls = {"http": f"http://127.0.0.1:{port}", "https": f"https://127.0.0.1:{secure}"}
        yield Site(urls, certificate, nginx.pid)


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took, and what it took nginx, in CPU seconds."""

    usage: Usage
    server_s: float


def cpu_of(pid: int) -> float:
    """CPU seconds of the workers of an nginx."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    taken = (Path(f"/proc/{child}/schedstat").read_text().split()[0] for child in children)
    return sum(map(int, taken)) / 1e9


def play(
    site: Site, scheme: str, rates: tuple[int, int], length: int, folder: Path, rounds: int
) -> dict[str, list[Run]]:
    """Run curl and every kind of torrent of a file of `length` bytes, round by round."""
    url = site.urls[scheme]
    curls, ours = (f"{url}/link/big.bin?rate={rate}" for rate in rates)
    if not rates[0]:
        curls = ours = f"{url}/big.bin"
    target, kept = folder / "made.torrent", folder / "kept.bin"
    commands = {CURL: curl_to(Path(os.devnull), site, curls)}
    if not rates[0]:
        commands[CURL_KEEPING] = curl_to(kept, site, curls)
    for kind in FORMATS:
        commands[f"outpour, {kind}"] = [
            *programs.outpour(), "create", ours, "--ca-file", str(site.certificate),
            "-o", str(target), "--force", "--format", kind,
        ]  # fmt: skip
    results: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(rounds):
        for name, command in commands.items():
            if name == CURL_KEEPING:
                kept.unlink(missing_ok=True)
                settle(folder, length)
            before = cpu_of(site.pid)
            usage = run(command, cwd=folder, timeout_s=RUN_TIMEOUT_S)
            results[name].append(Run(usage, cpu_of(site.pid) - before))
            print(f"{turn + 1}/{rounds} {name}: {usage.wall_s:.2f} s", file=sys.stderr)
    kept.unlink(missing_ok=True)
    return results


def curl_to(target: Path, site: Site, url: str) -> programs.Command:
    """Return the command that writes what a URL gives to a file.

    Raises:
        BenchError: There is no curl here.
    """
    command = programs.call("curl", "-s", "--cacert", site.certificate, "-o", target, url)
    if command is None:
        raise BenchError("not installed: curl")
    return command


def render(results: dict[str, list[Run]], length: int) -> str:
    """Return the table."""
    reading = [run.usage.wall_s for run in results[CURL]]
    cores = os.cpu_count() or 1
    rows = []
    for name, runs in results.items():
        walls = [it.usage.wall_s for it in runs]
        # curl is one thread: it has a core, and nginx another.
        busy = [
            max(it.usage.cpu_s, it.server_s) if name in (CURL, CURL_KEEPING)
            else (it.usage.cpu_s + it.server_s) / cores
            for it in runs
        ]  # fmt: skip
        rows.append([
            name,
            tables.spread([length / 1e6 / wall for wall in walls], 0),
            "-" if name == CURL else tables.ratio(reading, walls),
            tables.spread([it.usage.cpu_s / length * 1e9 for it in runs]),
            tables.middle([it.server_s / length * 1e9 for it in runs]),
            tables.middle([length / 1e6 / it for it in busy], 0),
            tables.spread([it.usage.rss_bytes / MIB for it in runs], 0),
        ])  # fmt: skip
    head = [
        "reader", "MB/s", "of curl's rate", "CPU seconds a GB", "of nginx", "MB/s without waiting",
        "peak memory, MiB",
    ]  # fmt: skip
    return tables.table(head, rows)


def parts(site: Site) -> str:
    """Return a table of what the parts of the work cost by themselves, in CPU seconds a GB."""
    stride = WINDOW + SKEW
    memory = Memory(stride * PIECES)
    windows = [memory.part(number * stride) for number in range(PIECES)]
    rows = [
        [f"receiving, {scheme}", f"{received(f'{url}/big.bin', site, windows):.2f}"]
        for scheme, url in site.urls.items()
    ]
    for kind in FORMATS:
        began = time.process_time()
        for _ in range(TURNS):
            v1, v2 = kind != "v2", kind != "v1"
            sources = [(window, WINDOW) for window in windows]
            with Work(sources, WINDOW, v1=v1, v2=v2, threads=1) as work:
                work.wait()
        taken = time.process_time() - began
        rows.append([f"hashing {kind}", f"{taken / TURNS / WINDOW / PIECES * 1e9:.2f}"])
    return tables.table(["by itself", "CPU seconds a GB"], rows)


def received(url: str, site: Site, windows: Sequence[Memory]) -> float:
    """Return what it costs to receive a file over one connection, in CPU seconds a GB."""
    route = Route(ca_file=site.certificate)
    file = probe(url, route=route)
    with closing(RangeReader(file, route=route)) as reader:
        began = time.process_time()
        for number, at in enumerate(range(0, file.length, WINDOW)):
            stop = min(at // REQUEST * REQUEST + REQUEST, file.length)
            with windows[number % len(windows)].view() as view:
                count = min(WINDOW, file.length - at)
                reader.read_into(at, view[:count], lambda _: None, stop)
        return (time.process_time() - began) / file.length * 1e9


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="512 MiB instead of 2 GiB, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, quick 1)")
    parser.add_argument("--mib", type=int, help="how long the file is (2048, quick 512)")
    parser.add_argument("--free", action="store_true", help="only where nothing limits the rate")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    mib = options.mib or (512 if options.quick else 2048)
    programs.compile_outpour()
    go_first()
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www").mkdir()
        length = write_random(folder / "www" / "big.bin", mib * MIB)
        with server(folder) as site:
            found = [
                f"### {length / 1e9:.2f} GB {what}\n\n"
                + render(play(site, scheme, (curls, ours), length, folder, rounds), length)
                for what, scheme, curls, ours in PLACES
                if not (options.free and curls)
            ]
            found.append(f"### What the parts of it cost\n\n{parts(site)}")
    head = f"{machine.describe()} Medians of {rounds} interleaved rounds."
    section = "\n\n".join([head, *found])
    print(section)
    if options.write:
        tables.write_section(tables.PAGE, "create-url", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
