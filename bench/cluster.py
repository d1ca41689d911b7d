"""Measure trackers that act as one: what that costs an announce, and how soon news are everywhere.

Trackers, server and load share the two cores of loopback. What stands beside it is the other known
design: a tracker that keeps its swarms in Redis and asks it at each announce, as chihaya does. Of
that one only the server's time is counted, as if the tracker before it cost nothing.
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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness import machine, programs
from harness.process import BenchError, Server, free_port, pinned
from redis import Redis

BIN = Path(sys.executable).parent
TOKEN = "a-token-that-nobody-has-to-guess"
POPULATION = ("--profile", "aquatic", "--torrents", "20000", "--peers", "100000", "--numwant", "30")
POLL_S = 0.005
PROBES_AT_ONCE = 50
CONNECTIONS = 64
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


def run_load(node: Node, seconds: float, *options: str) -> Any:
    """Put one tracker on the first core under load from the second."""
    words = load(node, "--duration", str(seconds), *options)
    return told(subprocess.Popen(pinned("1", words), stdout=subprocess.PIPE))


def cost(rounds: int, seconds: float) -> dict[str, float]:
    """Answers a CPU-second of a tracker alone, and of one in a cluster; round by round."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for is_on in (False, True):
            with tempfile.TemporaryDirectory(prefix="outpour-bench-") as name, ExitStack() as stack:
                folder = Path(name)
                url = None
                if is_on:
                    _, port, _ = stack.enter_context(redis_server(folder, "1"))
                    url = f"redis://127.0.0.1:{port}/0"
                node = Node(folder, "one", url, "0")
                stack.enter_context(node.server)
                node.until_ready()
                result = run_load(node, seconds, "--populate")
                rates[is_on].append(result["server"]["answers_per_cpu_second"])
    ratios = [off / on for off, on in zip(rates[False], rates[True], strict=True)]
    return {
        "alone": statistics.median(rates[False]),
        "in a cluster": statistics.median(rates[True]),
        "cost": statistics.median(ratios),
    }


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
            return {"answers a CPU-second": sum(counts) / (cpu_s(pid) - before)}


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


def main() -> int:
    """Measure, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shortly, for a first look")
    given = parser.parse_args()
    quick = given.quick
    print(machine.describe())
    reached = cost(2 if quick else 5, 2 if quick else 5)
    print(f"an announce in a cluster: {reached['cost']:.3f} of one alone (at most 1.10): {reached}")
    found = delay(20 if quick else 60, 500 if quick else 3000)
    print(f"at the other node after {found['p99.9']:.3f} s at the 99.9th percentile (1): {found}")
    three = together(5 if quick else 20, 30_000)
    print(f"three nodes: {three['dropped']:.0f} dropped (0), {three['bytes an event']:.1f} bytes "
          f"an event (at most 40): {three}")  # fmt: skip
    asked = each_announce_asks(3 if quick else 10, 20_000)
    ratio = three["answers a CPU-second"] / asked["answers a CPU-second"]
    print(f"answers a CPU-second of trackers and server: {ratio:.1f} times (at least 5): {asked}")
    is_reached = (
        reached["cost"] <= 1.10
        and found["p99.9"] <= 1.0
        and three["dropped"] == 0
        and three["bytes an event"] <= 40
        and ratio >= 5
    )
    print("all is reached" if is_reached else "not all is reached")
    return 0 if is_reached else 1


if __name__ == "__main__":
    sys.exit(main())
