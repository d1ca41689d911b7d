"""Measure downloads side by side: one seeder and web seed of outpour, one client after the other.

In each round every client downloads the same file once, over loopback, to the same disk; the time
is from its start to the complete, checked content. Who took longer than half a minute is left out
of the rounds after the first `--slow-rounds`, which it alone would fill. `curl` checks no hashes
and asks no tracker: it is what HTTP and the disk allow at most. Every copy is compared with the
original. At the end, ranges are asked for one by one: what each costs who serves it. All find
memory in the same state.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import clients, machine, plot, programs, ranges, tables
from harness.clients import Client, Fetch
from harness.content import MIB, write_random
from harness.memory import settle
from harness.nginx import nginx
from harness.process import BenchError, Server, Usage, free_port, go_first, run

from outpour.torrent.editor import Changes, edit
from outpour.torrent.metainfo import Metainfo

RUN_TIMEOUT_S = 600
PUBLISH_TIMEOUT_S = 120
SLOW_S = 30.0
"""Whoever takes longer is not asked in all rounds."""
NAME = "content.bin"


@contextmanager
def publication(folder: Path) -> Iterator[tuple[str, Server]]:
    """Publish a folder's content; yields the address of the page, and the publisher."""
    port = free_port()
    command = [
        *programs.outpour(), "publish", str(folder / "content"), "--state", str(folder / "state"),
        "--listen", f"{clients.HOST}:{port}", "--peer-port", str(free_port()),
    ]  # fmt: skip
    with Server(command, cwd=folder) as server:
        server.wait_until_listening(port)
        yield f"http://{clients.HOST}:{port}/", server


def torrents(page: str, folder: Path) -> tuple[Path, Path, Path]:
    """Wait for the torrent; returns it, one of the tracker alone, and one of the web seed alone."""
    deadline = time.monotonic() + PUBLISH_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(f"{page}torrents/{NAME}.torrent", timeout=10) as answer:
                metainfo = Metainfo.parse(answer.read())
            break
        except OSError as error:
            if time.monotonic() > deadline:
                raise BenchError(f"`{page}`: publishes nothing: {error}") from None
            time.sleep(0.1)
    published = folder / "published.torrent"
    published.write_bytes(metainfo.raw)
    by_peers, by_web = folder / "peers.torrent", folder / "web.torrent"
    edit(metainfo, Changes(web_seeds=())).write(by_peers)
    edit(metainfo, Changes(announce=None, announce_list=None)).write(by_web)
    return published, by_peers, by_web


def of_nginx(by_web: Path, folder: Path, address: str) -> Path:
    """Write a torrent that names nginx alone."""
    path = folder / "nginx.torrent"
    edit(Metainfo.parse(by_web.read_bytes()), Changes(web_seeds=(f"{address}{NAME}",))).write(path)
    return path


def download(client: Client, fetch: Fetch, original: Path) -> Usage | None:
    """Let one client download once; None when it is not installed.

    Raises:
        BenchError: It failed, or its copy differs.
    """
    shutil.rmtree(fetch.out, ignore_errors=True)
    fetch.out.mkdir()
    command = client.command(fetch)
    if command is None:
        return None
    env = os.environ | {"XDG_STATE_HOME": str(fetch.out / "state"), "HOME": str(fetch.out)}
    marker = fetch.marker if client.is_marking else None
    settle(original.parent.parent, original.stat().st_size)
    usage = run(command, cwd=fetch.out, timeout_s=RUN_TIMEOUT_S, env=env, until=marker)
    if subprocess.run(["cmp", "-s", original, fetch.out / NAME], check=False).returncode:
        raise BenchError(f"`{client.name}`: its copy differs")
    shutil.rmtree(fetch.out)
    return usage


def play(fetch: Fetch, original: Path, options: argparse.Namespace) -> dict[Client, list[Usage]]:
    """Run every client, round by round."""
    results: dict[Client, list[Usage]] = {}
    left = [it for it in clients.CLIENTS if not options.client or it.name in options.client]
    for turn in range(options.rounds):
        for client in tuple(left):
            try:
                usage = download(client, fetch, original)
            except BenchError as error:
                print(f"left out: {client.title}: {error}", file=sys.stderr)
                left.remove(client)
                continue
            if usage is None:
                print(f"not installed: {client.name}", file=sys.stderr)
                left.remove(client)
                continue
            results.setdefault(client, []).append(usage)
            if usage.wall_s > SLOW_S and turn + 1 >= options.slow_rounds:
                left.remove(client)
            print(f"{turn + 1}/{options.rounds} {client.title}: {usage.wall_s:.2f} s, "
                  f"CPU {usage.cpu_s:.2f} s", file=sys.stderr)  # fmt: skip
    return results


def cost_of_ranges(servers: dict[str, tuple[str, int]], length: int, rounds: int) -> str:
    """Return the table of what one range costs who serves it, by its URL and process."""
    costs: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for name, (url, pid) in servers.items():
            for title, size in ranges.SIZES.items():
                found = costs.setdefault((name, title), [])
                found.append(ranges.cost_us(url, pid, size, length))
    rows = [
        [name, *(tables.spread(costs[name, title], 0) for title in ranges.SIZES)]
        for name in servers
    ]
    return tables.table(["CPU microseconds a range", *ranges.SIZES], rows)


def render(results: dict[Client, list[Usage]], length: int) -> str:
    """Return the table."""
    own = [usage.wall_s for usage in results.get(clients.OUTPOUR, [])]
    rows = [
        [
            client.title,
            tables.spread([length / 1e6 / it.wall_s for it in usages], 0),
            "-" if client == clients.OUTPOUR
            else tables.ratio([it.wall_s for it in usages], own) + " x",
            tables.spread([it.cpu_s / length * 1e9 for it in usages]),
            tables.spread([it.rss_bytes / MIB for it in usages], 0),
        ]
        for client, usages in results.items()
    ]  # fmt: skip
    head = ["client", "MB/s", "of outpour's time", "CPU seconds a GB", "peak memory, MiB"]
    return tables.table(head, rows)


def goals(results: dict[Client, list[Usage]]) -> str:
    """Return the table of what must be reached, as ratios of each round."""

    def wall(client: Client) -> list[float]:
        return [it.wall_s for it in results.get(client, [])]

    def cpu(client: Client) -> list[float]:
        return [it.cpu_s for it in results.get(client, [])]

    rows = []
    for own in (clients.OUTPOUR, clients.OUTPOUR_PUBLISHED):
        others = [it for it in results if it.name not in ("outpour", "curl")
                  and it.source == own.source]  # fmt: skip
        rows += [[f"rate, of {it.title}", "above 1", tables.ratio(wall(it), wall(own))]
                 for it in others]  # fmt: skip
        rows += [[f"rate {own.source}, of curl from nginx", "0.8",
                  tables.ratio(wall(clients.CEILING), wall(own))]]  # fmt: skip
        rows += [[f"CPU seconds, of {it.title}", "below 1", tables.ratio(cpu(own), cpu(it))]
                 for it in others if it.name == "qbittorrent-nox"]  # fmt: skip
    rows += [["rate of the web seed, of nginx to curl", "0.5",
              tables.ratio(wall(clients.CEILING), wall(clients.CURL_OWN))],
             ["rate of the web seed, of nginx to outpour", "0.5",
              tables.ratio(wall(clients.NGINX_WEB), wall(clients.OWN_WEB))]]  # fmt: skip
    return tables.table(["goal", "wanted", "reached"], rows)


def draw(results: dict[Client, list[Usage]], length: int) -> str:
    """Return the chart."""
    rows = []
    for client, usages in results.items():
        rate = length / tables.median([it.wall_s for it in usages]) / 1e6
        rows.append((client.title, rate, f"{rate:,.0f} MB/s"))
    title = f"Download of {length / 1e9:.2f} GB on loopback"
    return plot.bars(title, rows, clients.OUTPOUR.title)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="256 MiB instead of 2 GiB, one round")
    parser.add_argument("--rounds", type=int, help="rounds to take medians over (5, quick 1)")
    parser.add_argument("--slow-rounds", type=int, help="rounds for slow clients (all)")
    names = sorted({client.name for client in clients.CLIENTS})
    parser.add_argument("--client", action="append", choices=names, help="only this one")
    parser.add_argument("--folder", type=Path, help="where content is written; needs 5 GB")
    parser.add_argument("--write", action="store_true", help="put the table into docs/")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.slow_rounds = options.slow_rounds or options.rounds
    return options


def main() -> int:
    """Measure, print the table, and put it into the page if asked to."""
    options = arguments()
    go_first()
    with tempfile.TemporaryDirectory(prefix="outpour-bench-", dir=options.folder) as name:
        folder = Path(name)
        original = folder / "content" / NAME
        original.parent.mkdir()
        length = write_random(original, (256 if options.quick else 2048) * MIB)
        # Content that was written a moment ago has to settle first, which is not measured.
        folder.chmod(0o755)
        with (
            publication(folder) as (page, publisher),
            nginx(original.parent, folder / "nginx") as (other, web_server),
        ):
            published, by_peers, by_web = torrents(page, folder)
            by_nginx = of_nginx(by_web, folder, other)
            fetch = Fetch(published, by_peers, by_web, f"{page}content/{NAME}", by_nginx,
                          f"{other}{NAME}", folder / "out")  # fmt: skip
            results = play(fetch, original, options)
            servers = {"outpour's web seed": (fetch.url, publisher.pid),
                       "nginx": (fetch.nginx_url, web_server.workers[0])}  # fmt: skip
            costs = cost_of_ranges(servers, length, options.rounds)
    section = (
        f"{machine.describe()} {length / 1e9:.2f} GB, "
        f"medians of {options.rounds} interleaved rounds, of {options.slow_rounds} for whoever "
        f"took longer than {SLOW_S:.0f} s.\n\n{render(results, length)}\n"
        f"{goals(results)}\n{costs}"
    )
    print(section)
    if options.write:
        chart = draw(results, length)
        section += tables.write_picture("download", "Download on loopback", chart)
        tables.write_section(tables.PAGE, "download", section)
    return 0


if __name__ == "__main__":
    sys.exit(main())
