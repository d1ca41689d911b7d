"""What is known of a cluster at one moment, as frozen values for page, API and metrics to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """One node, as it said itself.

    Attributes:
        id: 16 hexadecimal digits, the same after a restart.
        name: What its operator calls it.
        version: Of its outpour.
        is_self: It is the one that tells.
        is_alive: It was heard of in the last seconds.
        is_ready: It holds all that the others hold.
        seen_s_ago: Since when it was last heard of.
        lag_s: The longest that news of others took to it in the last seconds.
        events_out_per_s: Swarm events that it told in a second.
        events_in_per_s: Swarm events that it heard in a second.
        dropped: Swarm events that it could not tell, since its start.
        peers: Peers that it holds.
    """

    id: str
    name: str
    version: str = ""
    is_self: bool = False
    is_alive: bool = True
    is_ready: bool = False
    seen_s_ago: float = 0.0
    lag_s: float = 0.0
    events_out_per_s: float = 0.0
    events_in_per_s: float = 0.0
    dropped: int = 0
    peers: int = 0


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """One server, as this node sees it.

    Attributes:
        url: Without password.
        is_up: It is reached.
        trouble: Why it is not; empty while it is.
        lag_s: The longest that news took over it in the last seconds.
        entries: In its stream.
        memory_bytes: That it uses; None if it does not say.
        memory_max_bytes: That it may use; None without a limit.
        sent_bytes, received_bytes: Over its stream, since the start.
    """

    url: str
    is_up: bool
    trouble: str = ""
    lag_s: float = 0.0
    entries: int = 0
    memory_bytes: int | None = None
    memory_max_bytes: int | None = None
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ClusterFigures:
    """The cluster, as one node sees it.

    Attributes:
        name: Of the cluster.
        is_ready: This node holds all that the others hold, or goes on alone.
        nodes: Known ones, by name; those alive first.
        servers: In the order of the settings.
        counts: What happened since the start, by name.
        levels: What rises and falls, by name.
    """

    name: str
    is_ready: bool
    nodes: tuple[NodeFigures, ...] = ()
    servers: tuple[ServerFigures, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_alone(self) -> bool:
        """Whether a server is not reached."""
        return not all(server.is_up for server in self.servers)
