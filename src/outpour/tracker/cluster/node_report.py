"""What a node tells of itself, of its servers and of the others."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from outpour import _core
from outpour.tracker.cluster.cluster_figures import ClusterFigures, NodeFigures, ServerFigures
from outpour.tracker.cluster.node_registry import NodeRegistry
from outpour.tracker.cluster.stream_link import StreamLink

if TYPE_CHECKING:
    from outpour._core import Tracker

INFO_S = 5.0
RATE_S = 0.5
"""Of less than that no rate is taken."""
DROPPED = ("cluster_dropped_refreshes", "cluster_dropped_changes")


class NodeReport:
    """Puts the numbers of a node together.

    Args:
        node: Its 8 bytes.
        name: What it is called.
        cluster: What the cluster is called.
        links: To the servers.
        registry: Knows the other nodes.
    """

    def __init__(
        self,
        node: bytes,
        name: str,
        cluster: str,
        links: Sequence[StreamLink],
        registry: NodeRegistry,
    ) -> None:
        self._node = node
        self._name = name
        self._cluster = cluster
        self._links = links
        self._registry = registry
        self._rates = (0.0, 0.0)
        self._rated: tuple[float, int, int] | None = None
        self._memory: dict[int, tuple[float, int | None, int | None]] = {}

    def begin(self, core: Tracker) -> None:
        """Read the counters of a core from now on."""
        self._core = core

    def own(self, *, is_ready: bool) -> NodeFigures:
        """This node."""
        held = self._core.counters()
        return NodeFigures(
            self._node.hex(),
            self._name,
            _core.__version__,
            is_self=True,
            is_ready=is_ready,
            lag_s=max(link.lag_s for link in self._links),
            events_out_per_s=self._rates[0],
            events_in_per_s=self._rates[1],
            dropped=sum(held.get(name, 0) for name in DROPPED),
            peers=held["peers_v4"] + held["peers_v6"],
        )

    def figures(
        self, own: NodeFigures, is_ready: bool, refused: int, levels: Mapping[str, int]
    ) -> ClusterFigures:
        """The cluster as it is seen from here.

        Args:
            own: This node.
            is_ready: It may be asked.
            refused: What it refused beside what links and registry did.
            levels: What is held or waits, beside what the core knows.
        """
        counters = self._core.counters()
        counts = {key: counters[key] for key in counters if key.startswith("cluster_")}
        held = {
            key: counts.pop(key, 0) for key in ("cluster_queued_bytes", "cluster_tombstone_bytes")
        }
        poisoned = refused + self._registry.refused + sum(link.poisoned for link in self._links)
        counts["cluster_poisoned"] = poisoned
        others = tuple(one for one in self._registry.nodes if not one.is_self)
        servers = tuple(map(self._server, self._links))
        return ClusterFigures(
            self._cluster, is_ready, (own, *others), servers, counts, {**held, **levels}
        )

    async def look(self, link: StreamLink) -> None:
        """Take rates, and ask a server how much memory it uses.

        Raises:
            ServerError: It does not say.
        """
        now, held = time.monotonic(), self._core.counters()
        sent, heard = held.get("cluster_events_out", 0), held.get("cluster_events_in", 0)
        if self._rated is None:
            self._rated = (now, sent, heard)
        elif now - self._rated[0] >= RATE_S:
            at, sent_then, heard_then = self._rated
            self._rates = ((sent - sent_then) / (now - at), (heard - heard_then) / (now - at))
            self._rated = (now, sent, heard)
        known = self._memory.get(link.part)
        if known is None or now - known[0] >= INFO_S:
            used, most = memory_of(await link.server.ask("INFO", "memory"))
            self._memory[link.part] = (now, used, most)

    def _server(self, link: StreamLink) -> ServerFigures:
        _, used, most = self._memory.get(link.part, (0.0, None, None))
        return ServerFigures(
            str(link.url),
            link.is_up,
            "" if link.trouble is None else link.trouble.why,
            link.lag_s,
            link.entries,
            used,
            most,
            link.sent_bytes,
            link.received_bytes,
        )


def memory_of(info: bytes) -> tuple[int | None, int | None]:
    """What a server says it uses, and may use, in bytes."""
    lines = bytes(info).decode("ascii", "replace").splitlines()
    said = dict(line.partition(":")[::2] for line in lines if ":" in line)

    def number(name: str) -> int | None:
        text = said.get(name, "")
        return int(text) or None if text.isdigit() else None

    return number("used_memory"), number("maxmemory")
