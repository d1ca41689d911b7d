"""Measure trackers that act as one: what that costs an announce, and how soon news are everywhere.

Trackers, server and load share the two cores of loopback. What stands beside it is the other known
design: a tracker that keeps its swarms in Redis and asks it at each announce, as chihaya does. Of
that one the server's time is counted, and that of a client in C for as many round trips, as if the
tracker around it cost nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness import machine, programs
from harness.process import BenchError, Server, free_port, go_first, pinned, run
from redis import Redis

BIN = Path(sys.executable).parent
TOKEN = "a-token-that-nobody-has-to-guess"
POPULATION = ("--profile", "aquatic", "--torrents", "20000", "--peers", "100000", "--numwant", "30")
MIXES = {
    "peers that say the same again, some come and go": (("--profile", "power-law"), True),
    "aquatic's mix: peers finish and begin anew": ((), True),
    "every announce is of a new peer": (("--profile", "power-law", "--peers", "2000000"), False),
}
"""What is announced, and whether the tracker knows the peers before."""
POLL_S = 0.005
PROBES_AT_ONCE = 50
CONNECTIONS = 64
ROUND_TRIPS = 100_000
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Node:
    """A tracker, of a cluster or alone."""

    def __init__(self, folder: Path, name: str, url: str | None, cores: str) -> None:
        self.port = free_port()
        token = folder / "token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        words = [
            "track", "--listen", f"127.0.0.1:{self.port}", "--open", "--workers", "1",
            "--private-networks", "--state", folder / f"{name}.sqlite",
            "--admin-token-file", token,
        ]  # fmt: skip
        if url is not None:
            words += ["--cluster", url, "--node", name]
        command = pinned(cores, [BIN / "outpour", *words])
        self.server = Server(command, cwd=folder)

    @property
    def pid(self) -> int:
        """Its process."""
        return self.server.pid

    def get(self, path: str) -> bytes:
        """Ask it something over HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={"authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            return answer.read() if answer.status == 200 else b""
        finally:
            connection.close()

    def cluster(self) -> Any:
        """What it knows of the others."""
        return json.loads(self.get("/api/v1/cluster"))

    def until_ready(self) -> None:
        """Wait until it holds what there is.

        Raises:
            BenchError: It does not come to that.
        """
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.server.check()
            try:
                if self.get("/healthz"):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise BenchError("the tracker does not come to be ready")


@contextmanager
def redis_server(folder: Path, cores: str) -> Iterator[tuple[Redis, int, int]]:
    """A server without a disk: a client, its port and its process."""
    program = programs.find("valkey-server") or programs.find("redis-server")
    if program is None:
        raise BenchError("neither valkey-server nor redis-server is installed")
    port = free_port()
    words = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    command = pinned(cores, [program, *map(str, words), "--dir", folder])
    with Server(command, cwd=folder) as server:
        server.wait_until_listening(port)
        client = Redis(port=port)
        yield client, port, server.pid
        client.close()


@contextmanager
def cluster(names: Sequence[str], cores: str) -> Iterator[tuple[list[Node], Redis, int]]:
    """Nodes that act as one: they, a client of their server, and the server's process."""
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        client, port, pid = stack.enter_context(redis_server(folder, cores))
        nodes = [Node(folder, each, f"redis://127.0.0.1:{port}/0", cores) for each in names]
        for node in nodes:
            stack.enter_context(node.server)
        for node in nodes:
            node.until_ready()
        yield nodes, client, pid


def load(node: Node, *options: str) -> list[str | os.PathLike[str]]:
    """The command that puts a tracker under load."""
    words = ["udp", f"127.0.0.1:{node.port}", "--pid", str(node.pid), *POPULATION, *options]
    return [programs.loadgen(), *words]


def told(done: subprocess.Popen[bytes]) -> Any:
    """What a load generator tells when it is done."""
    out, _ = done.communicate(timeout=300)
    if done.returncode:
        raise BenchError("the load generator failed")
    return json.loads(out)


def workers_s(pid: int) -> float:
    """CPU seconds that the threads of a tracker have taken which answer."""
    taken = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "outpour-0":
            taken += int((task / "schedstat").read_text().split()[0])
    return taken / 1e9


def seconds_an_answer(node: Node, seconds: float, mix: Sequence[str]) -> tuple[float, float, float]:
    """CPU seconds an answer: of the threads that answer, and of the whole process; and answers."""
    before = (workers_s(node.pid), cpu_s(node.pid))
    words = load(node, *mix, "--warm-up", "0", "--duration", str(seconds))
    result = told(subprocess.Popen(pinned("1", words), stdout=subprocess.PIPE))
    # What it has left to tell is part of it.
    time.sleep(0.3)
    answers = result["answers"]["all"]
    after = (workers_s(node.pid), cpu_s(node.pid))
    return (after[0] - before[0]) / answers, (after[1] - before[1]) / answers, answers


@contextmanager
def both(folder: Path) -> Iterator[tuple[dict[bool, Node], int]]:
    """A tracker alone and one in a cluster, on the first core, and the process of the server."""
    with ExitStack() as stack:
        _, port, pid = stack.enter_context(redis_server(folder, "1"))
        urls = {False: None, True: f"redis://127.0.0.1:{port}/0"}
        nodes = {is_on: Node(folder, f"node{is_on}", url, "0") for is_on, url in urls.items()}
        for node in nodes.values():
            stack.enter_context(node.server)
        for node in nodes.values():
            node.until_ready()
        yield nodes, pid


def cost(rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """What an announce costs in a cluster, beside one of a tracker alone; by mix of announces."""
    found: dict[str, dict[str, float]] = {}
    for name, (mix, is_known) in MIXES.items():
        taken: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
        server: list[float] = []
        left = rounds
        while left:
            with (
                tempfile.TemporaryDirectory(prefix="outpour-bench-") as folder,
                both(Path(folder)) as (nodes, pid),
            ):
                if is_known:
                    for node in nodes.values():
                        seconds_an_answer(node, 0.1, (*mix, "--populate"))
                # Who is to be new to a tracker finds one that knows nobody.
                for _ in range(left if is_known else 1):
                    left -= 1
                    for is_on, node in nodes.items():
                        before = cpu_s(pid)
                        taken[is_on].append(seconds_an_answer(node, seconds, mix))
                        if is_on:
                            server.append((cpu_s(pid) - before) / taken[True][-1][2])
        of = {
            (is_on, at): statistics.median(one[at] for one in taken[is_on])
            for is_on in taken
            for at in range(2)
        }
        ratios = [
            statistics.median(
                on[at] / off[at] for off, on in zip(taken[False], taken[True], strict=True)
            )
            for at in range(2)
        ]
        whole_s = of[True, 1] + statistics.median(server)
        found[name] = {
            "data plane": ratios[0], "whole node": ratios[1],
            "data plane alone, us": of[False, 0] * 1e6, "in a cluster, us": of[True, 0] * 1e6,
            "whole node alone, us": of[False, 1] * 1e6, "whole in a cluster, us": of[True, 1] * 1e6,
            "answers a CPU-second with the server": 1 / whole_s,
        }  # fmt: skip
    return found


def announce(node: Node, infohash: bytes, port: int) -> None:
    """Announce a seeder."""
    node.get(
        f"/announce?info_hash={quote(infohash)}&peer_id={'A' * 20}&port={port}&left=0&compact=1"
    )


def probe(one: Node, other: Node, count: int) -> list[float]:
    """Seconds from an announce at one node until the other has it, of so many new torrents."""
    waits: list[float] = []
    while len(waits) < count:
        infohashes = [os.urandom(20) for _ in range(PROBES_AT_ONCE)]
        at = {}
        for infohash in infohashes:
            announce(one, infohash, 7777)
            at[infohash] = time.monotonic()
        query = "&".join(f"info_hash={quote(one)}" for one in infohashes)
        missing = set(infohashes)
        deadline = time.monotonic() + 10
        while missing and time.monotonic() < deadline:
            answer = other.get(f"/scrape?{query}")
            now = time.monotonic()
            found = {one for one in missing if b"20:" + one + b"d8:completei1e" in answer}
            waits += [now - at[one] for one in found]
            missing -= found
            time.sleep(POLL_S)
        waits += [10.0] * len(missing)
    return waits


def delay(seconds: float, probes: int) -> dict[str, float]:
    """How soon news are at the other node while both answer half of their peak."""
    with cluster(("one", "other"), "0,1") as (nodes, _, _):
        loads = [load(node, "--duration", str(seconds / 4), "--populate") for node in nodes]
        peaks = [told(one) for one in _started(loads)]
        rates = [peak["answers_per_second"] / 2 for peak in peaks]
        loads = [
            load(node, "--duration", str(seconds), "--rate", f"{rate:.0f}")
            for node, rate in zip(nodes, rates, strict=True)
        ]
        running = _started(loads)
        waits = sorted(probe(*nodes, probes))
        for one in running:
            told(one)
        dropped = sum(node["dropped"] for node in nodes[0].cluster()["nodes"])
    return {
        "rate": sum(rates),
        "p50": waits[len(waits) // 2],
        "p99.9": waits[min(len(waits) - 1, int(len(waits) * 0.999))],
        "probes": len(waits),
        "dropped": dropped,
    }


def _started(commands: Sequence[Sequence[str | os.PathLike[str]]]) -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]


def together(seconds: float, rate: int) -> dict[str, float]:
    """Three nodes and their server on two cores, at a rate of announces that all have together."""
    with cluster(("a", "b", "c"), "0,1") as (nodes, client, pid):
        pids = [pid, *(node.pid for node in nodes)]
        before = (
            sum(map(cpu_s, pids)),
            client.memory_usage("outpour:outpour:events", samples=0) or 0,
        )
        share = str(rate // len(nodes))
        words = ("--duration", str(seconds), "--warm-up", "0", "--rate", share)
        results = [told(one) for one in _started([load(node, *words) for node in nodes])]
        time.sleep(1.0)
        after = sum(map(cpu_s, pids))
        kept = client.memory_usage("outpour:outpour:events", samples=0) - before[1]
        seen = [node.cluster() for node in nodes]
        events = sum(one["counts"]["cluster_events_out"] for one in seen)
        answered = sum(result["answers"]["all"] for result in results)
        dropped = sum(one["counts"][f"cluster_dropped_{kind}"] for one in seen for kind in DROPPED)
        return {
            "answers a second": answered / seconds,
            "dropped": dropped,
            "lag": max(server["lag_s"] for one in seen for server in one["servers"]),
            "events": events,
            "bytes an event": kept / max(1, events),
            "answers a CPU-second": answered / (after - before[0]),
        }


DROPPED = ("refreshes", "changes")


def encoded(*words: bytes) -> bytes:
    """A command as the protocol has it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def announce_commands(infohash: bytes, peer: bytes, now: bytes) -> tuple[bytes, bytes]:
    """What chihaya asks of Redis at an announce of a leecher: the change, and then the peers."""
    seeders, leechers = b"IPv4_S_" + infohash, b"IPv4_L_" + infohash
    change = encoded(b"MULTI") + encoded(b"HSET", leechers, peer, now)
    change += encoded(b"HSET", b"IPv4", leechers, now) + encoded(b"EXEC")
    return change, encoded(b"HKEYS", seeders) + encoded(b"HKEYS", leechers)


def each_announce_asks(seconds: float, torrents: int) -> dict[str, float]:
    """The other design: announces a CPU-second of the server alone."""
    with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name:
        folder = Path(name)
        with redis_server(folder, "0") as (client, port, pid):
            pipeline = client.pipeline(transaction=False)
            for number in range(torrents * 5):
                infohash = (number % torrents).to_bytes(20, "big").hex().encode()
                pipeline.hset(b"IPv4_S_" + infohash, os.urandom(26), b"1")
            pipeline.execute()
            counts = [0] * CONNECTIONS
            ended = time.monotonic() + seconds
            before = cpu_s(pid)
            threads = [
                threading.Thread(target=_ask, args=(port, torrents, ended, counts, number))
                for number in range(CONNECTIONS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            server_s = (cpu_s(pid) - before) / sum(counts)
            client_s = 2 * round_trip_s(port, folder)
            return {
                "server, us": server_s * 1e6,
                "client, us": client_s * 1e6,
                "answers a CPU-second": 1 / (server_s + client_s),
            }


def round_trip_s(port: int, folder: Path) -> float:
    """CPU seconds of a client in C for one command and its reply."""
    command = programs.call("redis-benchmark", "-p", str(port), "-c", str(CONNECTIONS), "-q")
    if command is None:
        raise BenchError("redis-benchmark is not installed")
    words = [*command, "-n", str(ROUND_TRIPS), "HKEYS", "IPv4_S_none"]
    return run(words, cwd=folder, timeout_s=120).cpu_s / ROUND_TRIPS


def _ask(port: int, torrents: int, ended: float, counts: list[int], number: int) -> None:
    """Announce again and again, each time waiting for the server twice."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        turn = number
        while time.monotonic() < ended:
            turn += CONNECTIONS
            infohash = (turn * 7919 % torrents).to_bytes(20, "big").hex().encode()
            peer = b"%020d%06d" % (turn % 100_000, number)
            change, ask = announce_commands(infohash, peer, b"1795000000000000000")
            connection.sendall(change)
            _replies(connection, 4)
            connection.sendall(ask)
            _replies(connection, 2)
            counts[number] += 1


def _replies(connection: socket.socket, count: int) -> None:
    """Read so many replies; of arrays the members too."""
    buffer = b""
    at = 0
    while count:
        end = buffer.find(b"\r\n", at)
        if end < 0:
            buffer = buffer[at:] + _more(connection)
            at = 0
            continue
        line = buffer[at:end]
        if line[:1] == b"*":
            count += int(line[1:])
        elif line[:1] == b"$":
            needed = end + 2 + int(line[1:]) + 2
            while len(buffer) < needed:
                buffer += _more(connection)
            end = needed - 2
        at = end + 2
        count -= 1


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65_536)
    if not data:
        raise BenchError("the server closed the connection")
    return data


def rounded(figures: Mapping[str, float]) -> dict[str, float]:
    """Four digits of each, which is more than is known."""
    return {name: float(f"{one:.4g}") for name, one in figures.items()}


def main() -> int:
    """Measure, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shortly, for a first look")
    parser.add_argument("--only-cost", action="store_true", help="of an announce, and no more")
    given = parser.parse_args()
    quick = given.quick
    go_first()
    print(machine.describe())
    reached = cost(3 if quick else 9, 1 if quick else 3)
    for name, one in reached.items():
        print(f"{name}: an announce costs the data plane {one['data plane']:.3f} of one alone (at "
              f"most 1.10), the whole node {one['whole node']:.3f}: {rounded(one)}")  # fmt: skip
    if given.only_cost:
        return 0
    found = delay(20 if quick else 60, 500 if quick else 3000)
    print(f"at the other node after {found['p99.9']:.3f} s at the 99.9th percentile (1): {found}")
    three = together(5 if quick else 20, 30_000)
    print(f"three nodes: {three['dropped']:.0f} dropped (0), {three['bytes an event']:.1f} bytes "
          f"an event (at most 40): {three}")  # fmt: skip
    asked = each_announce_asks(3 if quick else 10, 20_000)
    ours = min(one["answers a CPU-second with the server"] for one in reached.values())
    ratio = ours / asked["answers a CPU-second"]
    print(f"answers a CPU-second of tracker and server: {ratio:.1f} times (at least 5): {asked}")
    is_reached = (
        all(one["data plane"] <= 1.10 for one in reached.values())
        and found["p99.9"] <= 1.0
        and three["dropped"] == 0
        and three["bytes an event"] <= 40
        and ratio >= 5
    )
    print("all is reached" if is_reached else "not all is reached")
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
