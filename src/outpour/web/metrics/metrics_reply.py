"""Sums, counters and the process itself, in one text for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow, Totals
from outpour.web import text_format
from outpour.web.context import context_of
from outpour.web.limits import METRICS_ROWS_MAX
from outpour.web.metrics.cluster_metrics import cluster_metrics
from outpour.web.metrics.process_metrics import process_metrics
from outpour.web.metrics.prometheus_text import MEDIA_TYPE, Family, one, text_of
from outpour.web.metrics.request_metrics import request_metrics
from outpour.web.metrics.tracker_metrics import METRICS
from outpour.web.mirror_list import ListedMirror, MirrorState
from outpour.web.reply import reply


async def metrics(request: Request) -> Response:
    """`/metrics`."""
    context = context_of(request)
    totals, rows = context.url_names.totals(), context.url_names.rows()
    streams, counters = context.live.listener_count, context.view.counters()
    requests = request_metrics(context.view.usage)
    mirrors = context.mirrors.listed() if context.mirrors is not None else ()
    cluster = cluster_metrics(context.view.cluster_figures())

    def text() -> str:
        sums = (*_sums(context.view.version, totals, streams), _mirrors(mirrors))
        tracker = (*requests, *_counters(counters))
        return text_of((*sums, *tracker, *cluster, *_torrents(rows), *process_metrics()))

    return await reply(request, await context.thread.run(text), MEDIA_TYPE, cache="no-store")


def _sums(version: str, totals: Totals, streams: int) -> Iterator[Family]:
    yield one("outpour_info", "gauge", "Version.", 1, version=version)
    yield one("outpour_torrents_listed", "gauge", "Torrents listed.", totals.torrents)
    yield one("outpour_content_bytes", "gauge", "Size of all torrents.", totals.length)
    yield Family(
        "outpour_swarm_peers",
        "gauge",
        "Connected peers by state.",
        (
            ({"state": "complete"}, totals.complete),
            ({"state": "downloading"}, totals.downloading),
        ),
    )
    yield Family(
        "outpour_swarm_addresses",
        "gauge",
        "Different addresses among peers by state.",
        (
            ({"state": "complete"}, totals.complete_ips),
            ({"state": "downloading"}, totals.downloading_ips),
        ),
    )
    yield one(
        "outpour_completed_total", "counter", "Completed downloads, ever.", totals.downloaded_all
    )
    yield one(
        "outpour_transferred_bytes",
        "gauge",
        "Size times completed downloads of the torrents listed.",
        totals.transferred,
    )
    yield one("outpour_event_streams", "gauge", "Open event streams.", streams)


def _mirrors(listed: Sequence[ListedMirror]) -> Family:
    states = [one.state for one in listed]
    return Family(
        "outpour_mirrors",
        "gauge",
        "Mirrors that registered, by state.",
        tuple(({"state": state}, states.count(state)) for state in get_args(MirrorState)),
    )


def _counters(counters: Mapping[str, int]) -> Iterator[Family]:
    for metric in METRICS:
        values = [
            (dict(labels), counters[key]) for key, labels in metric.keys.items() if key in counters
        ]
        if values:
            yield Family(metric.name, metric.kind, metric.help, tuple(values))


def _torrents(rows: Sequence[TorrentRow]) -> Iterator[Family]:
    if len(rows) > METRICS_ROWS_MAX:
        return
    labels = [
        {"infohash": row.infohash_hex, "name": text_format.label(row.name or "")}
        for row in sorted(rows, key=lambda row: row.infohash)
    ]
    in_order = sorted(rows, key=lambda row: row.infohash)
    for name, kind, text, numbers in (
        ("complete", "gauge", "Connected seeders.", [row.complete for row in in_order]),
        ("downloading", "gauge", "Connected leechers.", [row.downloading for row in in_order]),
        ("downloaded_total", "counter", "Completed downloads.", [r.downloaded for r in in_order]),
    ):
        yield Family(
            f"outpour_torrent_{name}", kind, text, tuple(zip(labels, numbers, strict=True))
        )
