"""Measure what visitors cost: CPU time a view, time to the first byte, and whether others wait.

A tracker of its own gets torrents, and a history as ninety days of a busy swarm leave it; then it
is looked at as browsers and monitors look. Loopback only. The exit status is 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import math
import multiprocessing
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from harness import machine, programs, tables
from harness.process import Server, free_port, go_first
from playwright.sync_api import sync_playwright

from outpour.torrent import bencode
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.state.store import Store

HOURS = 90 * 24
DAY_S = 86_400
VISITORS = 20
WATCHERS = 500
ALL_PAGES = ("/", "/?sort=complete", "/?q=7", "/api/v1/torrents", "/feed.xml", "/metrics")
BROWSER = {"Accept": "text/html", "Accept-Encoding": "gzip", "Host": "bench"}


CHROMIUM = "/usr/bin/chromium"
WATCH_ROWS = """() => {
  globalThis.times = [];
  let began = 0;
  const typed = (event) => { if (event.target.value) began = performance.now(); };
  addEventListener("input", typed, true);
  new MutationObserver(() => {
    const since = began;
    began = 0;
    // What is asked for at a frame comes before it is drawn, and what follows it after.
    if (since) requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - since)));
  }).observe(document.body, { childList: true, subtree: true });
}"""
"""Times, in milliseconds, from each letter until the frame with its rows was drawn."""


@dataclass(frozen=True)
class Goal:
    """A figure that must stay below a limit, in milliseconds."""

    what: str
    limit_ms: float
    reached_ms: float

    @property
    def is_missed(self) -> bool:
        return self.reached_ms >= self.limit_ms


def make_torrents(folder: Path, count: int) -> list[bytes]:
    """Write small .torrent files, and return their infohashes."""
    infohashes = []
    for number in range(count):
        name = f"release-{number:05}.iso"
        info = {
            b"length": (number + 1) << 20,
            b"name": name.encode(),
            b"piece length": 1 << 20,
            b"pieces": hashlib.sha1(name.encode()).digest() * (number % 50 + 1),
        }
        info[b"length"] = (number % 50 + 1) << 20
        raw = bencode.encode({b"announce": b"http://127.0.0.1:6969/announce", b"info": info})
        (folder / f"{name}.torrent").write_bytes(raw)
        infohashes.append(Metainfo.parse(raw).info.infohash)
    return infohashes


def make_history(state: Path, infohashes: Sequence[bytes]) -> int:
    """Leave what ninety days of swarms that change each minute leave; returns the samples."""
    store = Store(state)
    now = int(time.time()) // 3600 * 3600
    moments = [now - DAY_S - hour * 3600 for hour in range(HOURS - 24)]
    moments += [now - minute * 60 for minute in range(DAY_S // 60)]
    for at in moments:
        wave = 50 + 40 * math.sin(at / 40_000)
        store.samples.add(
            at,
            (
                (infohash, int(wave) + (at // 60 * (number + 7)) % 23, (at // 60 + number) % 17, 9)
                for number, infohash in enumerate(infohashes)
            ),
        )
    store.close()
    return len(moments) * len(infohashes)


class Site:
    """A tracker under measurement."""

    def __init__(self, server: Server, port: int, infohashes: Sequence[bytes]) -> None:
        self.server = server
        self.port = port
        self.infohashes = infohashes
        # Linux: the clock of the CPU time of another process, as `clock_getcpuclockid` gives it.
        self._clock = (~server.pid << 3) | 2

    def cpu_ms(self) -> float:
        return time.clock_gettime(self._clock) * 1e3

    def announce(self, number: int) -> None:
        """Let a seeder come, so that the next view has another number to show."""
        escaped = "".join(f"%{byte:02x}" for byte in self.infohashes[number % len(self.infohashes)])
        peer = f"-BE0001-{number:012}"
        get(
            self.port,
            f"/announce?info_hash={escaped}&peer_id={peer}&port={number % 60000 + 1024}&left=0",
        )

    def view(self, path: str = "/") -> tuple[float, float]:
        """Look once, and return the CPU time of the server and the time to the first byte."""
        before = self.cpu_ms()
        first_byte_ms = get(self.port, path)
        # What the server does after its answer, such as closing, belongs to the view.
        time.sleep(0.01)
        return self.cpu_ms() - before, first_byte_ms


def get(port: int, path: str) -> float:
    """Ask on a connection of its own; returns the time to the first byte in milliseconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    began = time.perf_counter()
    connection.request("GET", path, headers=BROWSER)
    response = connection.getresponse()
    first_byte_ms = (time.perf_counter() - began) * 1e3
    response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"`{path}`: status {response.status}")
    return first_byte_ms


@contextmanager
def running(torrents: int, with_history: int) -> Iterator[Site]:
    """Serve so many torrents, of which the first so many have a history."""
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        folder = Path(name)
        (folder / "torrents").mkdir()
        infohashes = make_torrents(folder / "torrents", torrents)
        make_history(folder / "state.sqlite", infohashes[:with_history])
        port = free_port()
        command = [
            str(Path(sys.executable).with_name("outpour")), "track", "--listen",
            f"127.0.0.1:{port}", "--allowed-dir", str(folder / "torrents"), "--state",
            str(folder / "state.sqlite"),
        ]  # fmt: skip
        with Server(command, cwd=folder) as server:
            server.wait_until_listening(port)
            get(port, "/healthz")
            yield Site(server, port, infohashes)


def visit(port: int, paths: Sequence[str], ended: Event) -> None:
    """Reload again and again, as a visitor without patience."""
    number = 0
    while not ended.is_set():
        get(port, paths[number % len(paths)])
        number += 1


def waits_ms(
    site: Site, paths: Sequence[str], seconds: float, count: int = VISITORS
) -> list[float]:
    """How long `/healthz` takes while visitors reload and swarms change."""
    ended = multiprocessing.Event()
    visitors = [
        multiprocessing.Process(target=visit, args=(site.port, paths, ended), daemon=True)
        for _ in range(count)
    ]
    for visitor in visitors:
        visitor.start()
    time.sleep(1)
    found = []
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        number += 1
        site.announce(number)
        found.append(get(site.port, "/healthz"))
        time.sleep(0.01)
    ended.set()
    for visitor in visitors:
        visitor.join(60)
    return found


@contextmanager
def watching(site: Site, count: int) -> Iterator[None]:
    """Hold live pages open from many addresses, and take what they are sent."""
    ended = threading.Event()
    selector = selectors.DefaultSelector()
    for number in range(count):
        host = f"127.0.{number // 50 + 1}.1"
        stream = socket.create_connection(("127.0.0.1", site.port), 10, (host, 0))
        stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\n\r\n")
        if b" 200 " not in stream.recv(1024):
            raise SystemExit("a live page was refused")
        stream.setblocking(False)
        selector.register(stream, selectors.EVENT_READ)

    def take() -> None:
        while not ended.is_set():
            for key, _ in selector.select(0.1):
                key.fileobj.recv(1 << 16)  # type: ignore[union-attr]

    taker = threading.Thread(target=take)
    taker.start()
    try:
        yield
    finally:
        ended.set()
        taker.join()
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        selector.close()


def live(site: Site, seconds: float) -> tuple[list[list[str]], list[Goal]]:
    """What live pages cost while numbers change, as a share of a core in percent."""
    with watching(site, WATCHERS):
        time.sleep(2)
        before, began = site.cpu_ms(), time.perf_counter()
        number = 0
        while time.perf_counter() - began < seconds:
            site.announce(number)
            number += 1
            time.sleep(0.2)
        share = (site.cpu_ms() - before) / (time.perf_counter() - began) / 10
    what = f"{WATCHERS} live pages, five numbers a second change"
    return [[what, f"{share:.1f} %", "", ""]], [Goal(f"{what}, % of a core", 10, share)]


def busy(views: int) -> tuple[list[list[str]], list[Goal]]:
    """How long the first byte takes while the tracker answers half of what it can."""
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        port = free_port()
        address = f"127.0.0.1:{port}"
        command = [
            str(Path(sys.executable).with_name("outpour")), "track", "--open", "--workers", "1",
            "--listen", address, "--state", str(Path(name) / "state.sqlite"),
        ]  # fmt: skip
        load = [str(programs.loadgen()), "udp", address, "--profile", "power-law", "--peers",
                "100000", "--populate", "--warm-up", "0"]  # fmt: skip
        with Server(command, cwd=Path(name)) as server:
            server.wait_until_listening(port)
            most = subprocess.run([*load, "--duration", "3", "--pid", str(server.pid)],
                                  capture_output=True, check=True)  # fmt: skip
            rate = json.loads(most.stdout)["server"]["answers_per_cpu_second"] / 2
            half = [*load, "--duration", "60", "--rate", f"{rate:.0f}"]
            with subprocess.Popen(half, stdout=subprocess.DEVNULL) as running_load:
                time.sleep(4)
                firsts = []
                for _ in range(views):
                    firsts.append(get(port, "/"))
                    time.sleep(0.05)
                running_load.terminate()
    what = "10,000 torrents: `/` while the tracker answers half its peak, first byte"
    return [row(what, firsts)], [Goal(what, 50, statistics.median(firsts))]


def typed(site: Site, letters: int) -> tuple[list[list[str]], list[Goal]]:
    """How long it takes from a letter in the search to its rows on the screen of a browser."""
    words = [f"{word}{number}" for number in range(99) for word in ("release", "0", "7", "iso")]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"http://127.0.0.1:{site.port}/")
        page.evaluate(WATCH_ROWS)
        page.focus("#q")
        while page.evaluate("times.length") < letters:
            page.fill("#q", "")
            for letter in words.pop()[-4:]:
                page.keyboard.press(letter)
                page.wait_for_timeout(170)
        times = page.evaluate("times")
        browser.close()
    what = "10,000 torrents: from a letter in the search to its rows on the screen"
    rows = [row(what, times), row(f"{what}, p90", [percentile(times, 0.9)])]
    return rows, [Goal(f"{what}, p90", 100, percentile(times, 0.9))]


def percentile(values: Sequence[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def row(what: str, figures: Sequence[float]) -> list[str]:
    middle, late = statistics.median(figures), percentile(figures, 0.99)
    return [what, f"{figures[0]:.1f}", f"{middle:.1f}", f"{late:.1f}"]


def measure(
    site: Site, views: int, seconds: float, name: str
) -> tuple[list[list[str]], list[Goal]]:
    rows = []
    still = [site.view() for _ in range(views)]
    rows.append(row(f"{name}: `/`, CPU", [cpu for cpu, _ in still]))
    rows.append(row(f"{name}: `/`, first byte", [first for _, first in still]))
    changing = []
    for number in range(views):
        site.announce(number)
        changing.append(site.view())
    rows.append(row(f"{name}: `/`, a number changed, CPU", [cpu for cpu, _ in changing]))
    rows.append(row(f"{name}: `/`, a number changed, first byte", [first for _, first in changing]))
    for path in ALL_PAGES[1:]:
        cost = [site.view(path)[0] for _ in range(max(3, views // 5))]
        rows.append(row(f"{name}: `{path}`, CPU", cost))
    alone = waits_ms(site, ALL_PAGES, seconds / 2, 0)
    rows.append(row(f"{name}: `/healthz`, nobody else looks", alone))
    reloading = waits_ms(site, ALL_PAGES[:1], seconds)
    rows.append(row(f"{name}: `/healthz`, {VISITORS} visitors reload `/`", reloading))
    roaming = waits_ms(site, ALL_PAGES, seconds)
    rows.append(row(f"{name}: `/healthz`, {VISITORS} visitors go round", roaming))
    goals = [
        Goal(f"{name}: `/`, CPU", 20, statistics.median(cpu for cpu, _ in still + changing)),
        Goal(f"{name}: `/`, first byte", 50, statistics.median(ms for _, ms in still + changing)),
        Goal(f"{name}: `/healthz` at p99, {VISITORS} visitors", 50, percentile(reloading, 0.99)),
    ]
    return rows, goals


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer views")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/")
    parser.add_argument(
        "--load", action="append", choices=["200", "10000", "search", "busy"], help="only this one"
    )
    options = parser.parse_args()
    go_first()
    views, seconds = (20, 5.0) if options.quick else (100, 20.0)
    rows: list[list[str]] = []
    goals: list[Goal] = []
    for torrents, with_history in ((200, 200), (10_000, 200)):
        if options.load and str(torrents) not in options.load:
            continue
        with running(torrents, with_history) as site:
            name = f"{torrents:,} torrents"
            more_rows, more_goals = measure(site, views, seconds, name)
            if torrents == 200:
                live_rows, live_goals = live(site, seconds)
                more_rows, more_goals = more_rows + live_rows, more_goals + live_goals
            rows += more_rows
            goals += more_goals
    if not options.load or "search" in options.load:
        with running(10_000, 200) as site:
            more_rows, more_goals = typed(site, 60 if options.quick else 200)
            rows, goals = rows + more_rows, goals + more_goals
    if not options.load or "busy" in options.load:
        more_rows, more_goals = busy(views)
        rows, goals = rows + more_rows, goals + more_goals
    text = tables.table(["what, milliseconds", "first", "median", "p99"], rows)
    text += "\n" + tables.table(
        ["goal, milliseconds", "below", "reached"],
        [[goal.what, f"{goal.limit_ms:.0f}", f"{goal.reached_ms:.1f}"] for goal in goals],
    )
    print(text)
    if options.write:
        tables.write_section(tables.PAGE, "page", machine.describe() + "\n\n" + text)
    return int(any(goal.is_missed for goal in goals))


if __name__ == "__main__":
    sys.exit(main())
