"""The nodes and servers of a cluster, for an administrator."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from outpour.tracker.cluster.cluster_figures import ClusterFigures
from outpour.web.api.endpoint import Asked, told
from outpour.web.api.problem import Problem


async def show_cluster(asked: Asked) -> Response:
    """`GET /api/v1/cluster`."""
    figures = asked.context.view.cluster_figures()
    if figures is None:
        raise Problem("off", "this tracker is not one of a cluster; `cluster` makes it one")
    return told(cluster_object(figures))


def cluster_object(figures: ClusterFigures) -> dict[str, Any]:
    """A cluster as programs read it."""
    return {
        "name": figures.name,
        "is_ready": figures.is_ready,
        "is_alone": figures.is_alone,
        "nodes": [asdict(node) for node in figures.nodes],
        "servers": [asdict(server) for server in figures.servers],
        "counts": dict(figures.counts),
        "levels": dict(figures.levels),
    }
