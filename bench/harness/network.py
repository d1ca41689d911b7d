"""A network of shaped links on one machine: a namespace for each host, and a bridge between them.

Every link has the same rate in both directions (a token bucket on either end). Kernels without
`netem` have no delays, so there are none.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from types import TracebackType

from harness.process import BenchError

PREFIX = "opb"
NET = "10.77.0"
BURST = "64kb"
LATENCY = "100ms"


class Network:
    """Hosts 1 to `count` with shaped links, and host 254 without limits; a context manager.

    Args:
        count: How many hosts.
        rate_mbit: Of each link, in 10^6 bits a second.

    Raises:
        BenchError: The kernel or the user does not allow it.
    """

    def __init__(self, count: int, rate_mbit: int) -> None:
        self._count = count
        self._rate = f"{rate_mbit}mbit"
        self._own = f"{PREFIX}{os.getpid() % 10_000}"

    def __enter__(self) -> Network:
        try:
            self._make()
        except (OSError, subprocess.SubprocessError) as error:
            self.close()
            raise BenchError(f"no network of namespaces: {error}") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def address(self, host: int) -> str:
        """The IPv4 address of a host."""
        return f"{NET}.{host}"

    def at(self, host: int) -> list[str]:
        """What a command begins with to run on a host."""
        return ["ip", "netns", "exec", f"{self._own}-{host}"]

    def sent_bytes(self, host: int) -> int:
        """What a host has sent over its link so far, headers included."""
        shown = _run("ip", "-n", f"{self._own}-0", "-s", "-j", "link", "show", "dev", f"v{host}")
        count: int = json.loads(shown)[0]["stats64"]["rx"]["bytes"]
        return count

    def close(self) -> None:
        """Take the network down."""
        for host in (0, *self._hosts):
            with suppress(OSError, subprocess.SubprocessError):
                _run("ip", "netns", "del", f"{self._own}-{host}")

    @property
    def _hosts(self) -> tuple[int, ...]:
        return (*range(1, self._count + 1), 254)

    def _make(self) -> None:
        # The bridge is in a namespace too, so that no rule of the machine's own holds for it.
        hub = f"{self._own}-0"
        _run("ip", "netns", "add", hub)
        _run("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", hub, "link", "set", "br0", "up")
        for host in self._hosts:
            name = f"{self._own}-{host}"
            _run("ip", "netns", "add", name)
            _run("ip", "-n", hub, "link", "add", f"v{host}", "type", "veth", "peer", "name", "e0",
                 "netns", name)  # fmt: skip
            _run("ip", "-n", hub, "link", "set", f"v{host}", "master", "br0", "up")
            _run("ip", "-n", name, "addr", "add", f"{self.address(host)}/24", "dev", "e0")
            _run("ip", "-n", name, "link", "set", "e0", "up")
            _run("ip", "-n", name, "link", "set", "lo", "up")
            if host == 254:
                continue
            for space, device in ((hub, f"v{host}"), (name, "e0")):
                _run("tc", "-n", space, "qdisc", "add", "dev", device, "root", "tbf", "rate",
                     self._rate, "burst", BURST, "latency", LATENCY)  # fmt: skip


def _run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True, timeout=20).stdout
