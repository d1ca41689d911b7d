"""The tables of the nodes of a cluster, and of its servers."""

from __future__ import annotations

from collections.abc import Callable

from outpour.base.units import format_duration, format_size
from outpour.tracker.cluster.cluster_figures import ClusterFigures, NodeFigures
from outpour.web.admin.panel import Panel, PanelSource
from outpour.web.text_format import count, label

NOTHING = "\u2013"
Figures = Callable[[], "ClusterFigures | None"]


def nodes_panel(figures: Figures) -> PanelSource:
    """What fills the table of the nodes."""

    def look() -> Panel | None:
        found = figures()
        if found is None:
            return None
        alive = sum(node.is_alive for node in found.nodes)
        about = f"cluster {label(found.name)}: {alive} of {len(found.nodes)} alive"
        if found.is_alone:
            about += "; this node goes on alone"
        headings = ("node", "state", "lag", "told a second", "heard a second", "dropped", "peers")
        return Panel("Nodes", about, headings, [_row(node) for node in found.nodes])

    return look


def servers_panel(figures: Figures) -> PanelSource:
    """What fills the table of the servers."""

    def look() -> Panel | None:
        found = figures()
        if found is None:
            return None
        rows = []
        for server in found.servers:
            most = server.memory_max_bytes
            rows.append(
                (
                    server.url,
                    "reached" if server.is_up else server.trouble or "not reached yet",
                    _seconds(server.lag_s),
                    count(server.entries),
                    NOTHING if server.memory_bytes is None else format_size(server.memory_bytes),
                    "no limit" if most is None else format_size(most),
                )
            )
        waiting = found.levels.get("cluster_queued_bytes", 0)
        about = f"{format_size(waiting)} of news wait" if waiting else "no news wait"
        headings = ("server", "state", "lag", "entries", "memory", "of at most")
        return Panel("Servers of the cluster", about, headings, rows)

    return look


def _row(node: NodeFigures) -> tuple[str, ...]:
    name = f"{node.name} (this one)" if node.is_self else node.name
    if not node.is_alive:
        # What it said of itself last is true no more.
        state = f"not heard of for {format_duration(node.seen_s_ago)}"
        return (name, state, NOTHING, NOTHING, NOTHING, count(node.dropped), NOTHING)
    return (
        name,
        "ready" if node.is_ready else "not whole",
        _seconds(node.lag_s),
        count(round(node.events_out_per_s)),
        count(round(node.events_in_per_s)),
        count(node.dropped),
        count(node.peers),
    )


def _seconds(lag_s: float) -> str:
    return f"{lag_s * 1000:.0f} ms" if lag_s < 1 else f"{lag_s:.1f} s"
