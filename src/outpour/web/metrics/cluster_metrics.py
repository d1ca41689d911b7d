"""What a tracker that is one of several tells of the others, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from outpour.tracker.cluster.cluster_figures import ClusterFigures, ServerFigures
from outpour.web.metrics.prometheus_text import Family, one

PREFIX = "outpour_cluster_"
_COUNTERS = (
    ("events", "Swarm events by way.", {"out": "cluster_events_out", "in": "cluster_events_in"}),
    ("blobs", "Batches of them by way.", {"out": "cluster_blobs_out", "in": "cluster_blobs_in"}),
)
_SINGLE = (
    ("stale", "Events that changed nothing, as later ones were known.", "cluster_events_stale"),
    (
        "refused_events",
        "Events whose torrent or address is not served here, or without room.",
        "cluster_events_refused",
    ),
    ("withdrawn", "Downloads taken back that two nodes counted.", "cluster_withdrawn"),
    ("poisoned", "Things refused that no node writes.", "cluster_poisoned"),
)
_DROPPED = {"refreshes": "cluster_dropped_refreshes", "changes": "cluster_dropped_changes"}


def cluster_metrics(figures: ClusterFigures | None) -> tuple[Family, ...]:
    """The metrics of a cluster; none where there is no cluster."""
    return () if figures is None else (*_counted(figures), *_seen(figures), *_servers(figures))


def _counted(figures: ClusterFigures) -> Iterator[Family]:
    counts = figures.counts
    for name, text, keys in _COUNTERS:
        values = tuple(({"way": way}, counts.get(key, 0)) for way, key in keys.items())
        yield Family(f"{PREFIX}{name}_total", "counter", text, values)
    for name, text, key in _SINGLE:
        yield one(f"{PREFIX}{name}_total", "counter", text, counts.get(key, 0))
    dropped = tuple(({"kind": kind}, counts.get(key, 0)) for kind, key in _DROPPED.items())
    text = "Events dropped while a server was gone."
    yield Family(f"{PREFIX}dropped_total", "counter", text, dropped)


def _seen(figures: ClusterFigures) -> Iterator[Family]:
    yield one(f"{PREFIX}ready", "gauge", "This node is ready to be asked.", int(figures.is_ready))
    alive = sum(node.is_alive for node in figures.nodes)
    states = (({"state": "alive"}, alive), ({"state": "gone"}, len(figures.nodes) - alive))
    yield Family(f"{PREFIX}nodes", "gauge", "Nodes, this one included.", states)
    for key, text in (
        ("queued_bytes", "Events that wait to be told."),
        ("unsent_counters", "Counters of downloads that wait to be told."),
        ("statements", "What is known of torrents, keys, bans and origins."),
    ):
        yield one(f"{PREFIX}{key}", "gauge", text, figures.levels.get(f"cluster_{key}", 0))


def _servers(figures: ClusterFigures) -> Iterator[Family]:
    def of_each(name: str, kind: str, text: str, values: list[float | None]) -> Family:
        told = zip(figures.servers, values, strict=True)
        pairs = tuple((_label(server), value) for server, value in told if value is not None)
        return Family(f"{PREFIX}{name}", kind, text, pairs)

    servers = figures.servers
    yield of_each("server_up", "gauge", "The server is reached.", [int(s.is_up) for s in servers])
    yield of_each(
        "lag_seconds",
        "gauge",
        "The longest that news took over a server in the last seconds.",
        [server.lag_s for server in servers],
    )
    yield of_each("stream_entries", "gauge", "In its stream.", [s.entries for s in servers])
    yield of_each("sent_bytes_total", "counter", "Written.", [s.sent_bytes for s in servers])
    yield of_each("received_bytes_total", "counter", "Read.", [s.received_bytes for s in servers])
    yield of_each(
        "server_memory_bytes", "gauge", "That the server uses.", [s.memory_bytes for s in servers]
    )
    yield of_each(
        "server_memory_max_bytes",
        "gauge",
        "That the server may use.",
        [server.memory_max_bytes for server in servers],
    )


def _label(server: ServerFigures) -> dict[str, str]:
    return {"server": server.url}
