"""Who is in the cluster: each node says every second that it is there, and hears who else is."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, replace

from outpour.tracker.cluster.cluster_figures import NodeFigures
from outpour.tracker.cluster.cluster_frame import NODE_BYTES, PROTOCOL
from outpour.tracker.cluster.redis_server import RedisServer, ServerError
from outpour.tracker.cluster.server_keys import ServerKeys

ALIVE_S = 5.0
LEASE_MS = 5000
GONE_S = 7 * 86_400
"""A node that was not heard of for so long is shown no more; its counters stay."""
NODES_MAX = 256
TEXT_MAX = 100
_SAID = ("name", "version", "is_ready", "lag_s", "events_out_per_s", "events_in_per_s", "dropped",
         "peers")  # fmt: skip


class NodeRegistry:
    """Reads and writes who is there.

    Args:
        server: Where it lies.
        keys: Under which names.
        node: The 8 bytes of this node.
        token: Of this process.
        former: Of the process before it, which has ended.
    """

    def __init__(
        self, server: RedisServer, keys: ServerKeys, node: bytes, token: str, former: str
    ) -> None:
        self._server = server
        self._keys = keys
        self._node = node
        self._token = token.encode()
        self._former = former.encode()
        self._nodes: tuple[NodeFigures, ...] = ()
        self._heard_s = 0.0
        self.refused = 0

    async def begin(self) -> None:
        """Become this node on the server.

        Raises:
            ServerError: The others speak another version, or another process is this node.
        """
        key = self._keys.of("protocol")
        await self._server.ask("SET", key, PROTOCOL, "NX")
        spoken = await self._server.ask("GET", key)
        if bytes(spoken or b"") != str(PROTOCOL).encode():
            raise ServerError("refused", other_protocol(self._keys.name, spoken))
        await self._take_lease(self._former)

    async def _take_lease(self, former: bytes) -> None:
        key = self._keys.of("run", self._node.hex())
        if await self._server.ask("SET", key, self._token, "NX", "PX", LEASE_MS):
            return
        holder = bytes(await self._server.ask("GET", key) or b"")
        if holder not in (b"", self._token, former):
            raise ServerError(
                "refused",
                "another tracker runs with a copy of this state file, or did so seconds ago",
            )
        await self._server.ask("SET", key, self._token, "PX", LEASE_MS)

    async def tell(self, own: NodeFigures, now_ms: int) -> None:
        """Say what this node is like, and hear of the others.

        Raises:
            ServerError: The server is gone, or another process is this node.
        """
        await self._take_lease(b"")
        said = {name: value for name, value in asdict(own).items() if name in _SAID}
        told = json.dumps({**said, "seen_ms": now_ms}, ensure_ascii=False)
        key = self._keys.of("nodes")
        _, found = await self._server.ask_all(
            [("HSET", key, self._node, told.encode("utf-8", "replace")), ("HGETALL", key)]
        )
        nodes = []
        for node, raw in zip(found[::2], found[1::2], strict=True):
            figures = _figures(bytes(node), bytes(raw), now_ms, is_self=node == self._node)
            if figures is None:
                self.refused += 1
            elif figures.seen_s_ago > GONE_S:
                await self._server.ask("HDEL", key, node)
            else:
                nodes.append(figures)
        nodes.sort(key=lambda one: (not one.is_alive, one.name, one.id))
        self._nodes, self._heard_s = tuple(nodes[:NODES_MAX]), time.monotonic()

    async def leave(self, own: NodeFigures, now_ms: int) -> None:
        """Say that this node is there no more, and let another process be it at once.

        Raises:
            ServerError: That is found out some seconds later.
        """
        await self.tell(replace(own, is_ready=False), now_ms - int(ALIVE_S * 1000))
        await self._server.ask("DEL", self._keys.of("run", self._node.hex()))

    @property
    def nodes(self) -> tuple[NodeFigures, ...]:
        """Who was heard of, and how long ago that is by now."""
        since_s = time.monotonic() - self._heard_s
        agos = [one.seen_s_ago + since_s for one in self._nodes]
        return tuple(
            replace(one, seen_s_ago=ago_s, is_alive=ago_s < ALIVE_S)
            for one, ago_s in zip(self._nodes, agos, strict=True)
        )

    @property
    def has_others_joining(self) -> bool:
        """Whether a node is alive that does not hold all that there is, or not yet."""
        return any(one.is_alive and not one.is_ready and not one.is_self for one in self.nodes)

    def has_silent(self, within_s: float) -> bool:
        """Whether a node that held all that there is fell silent no longer ago than that."""
        return any(
            not one.is_alive and one.is_ready and not one.is_self and one.seen_s_ago < within_s
            for one in self.nodes
        )

    def others_ready(self) -> list[bytes]:
        """Nodes that are alive and hold all that there is."""
        return [
            bytes.fromhex(node.id)
            for node in self.nodes
            if node.is_alive and node.is_ready and not node.is_self
        ]


def other_protocol(name: str, spoken: object) -> str:
    """Say that a cluster speaks another version."""
    version = bytes(spoken).decode("ascii", "replace")[:20] if isinstance(spoken, bytes) else "?"
    return (
        f"the nodes of cluster `{name}` speak version {version} of the protocol, and this one "
        f"{PROTOCOL}"
    )


def _figures(node: bytes, raw: bytes, now_ms: int, *, is_self: bool) -> NodeFigures | None:
    try:
        said = json.loads(raw)
        seen_ms = said["seen_ms"]
        if len(node) != NODE_BYTES or not isinstance(said, Mapping) or type(seen_ms) is not int:
            return None
        ago_s = max(0.0, (now_ms - seen_ms) / 1000)
        return NodeFigures(
            id=node.hex(),
            name=_text(said["name"]),
            version=_text(said["version"]),
            is_self=is_self,
            is_alive=ago_s < ALIVE_S,
            is_ready=said["is_ready"] is True,
            seen_s_ago=ago_s,
            lag_s=_number(said["lag_s"]),
            events_out_per_s=_number(said["events_out_per_s"]),
            events_in_per_s=_number(said["events_in_per_s"]),
            dropped=int(_number(said["dropped"])),
            peers=int(_number(said["peers"])),
        )
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return "".join(c if c.isprintable() else " " for c in value)[:TEXT_MAX]


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError
    return max(0.0, float(value))
