"""Sums, counters and the process itself as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow, Totals
from outpour.web import text_format
from outpour.web.context import context_of
from outpour.web.limits import METRICS_ROWS_MAX
from outpour.web.reply import reply
from outpour.web.tracker_metrics import METRICS, Labels

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with all its values."""

    name: str
    kind: str
    help: str
    values: tuple[tuple[Labels, float], ...]


async def metrics(request: Request) -> Response:
    """`/metrics`."""
    context = context_of(request)
    totals, rows = context.url_names.totals(), context.url_names.rows()
    streams, counters = context.live.listener_count, context.view.counters()

    def text() -> str:
        sums = _sums(context.view.version, totals, streams)
        families = [*sums, *_counters(counters), *_torrents(rows), *_process()]
        return "".join(map(_text, families))

    return await reply(request, await context.thread.run(text), MEDIA_TYPE, cache="no-store")


def _sums(version: str, totals: Totals, streams: int) -> Iterator[Family]:
    yield _one("outpour_info", "gauge", "Version.", 1, version=version)
    yield _one("outpour_torrents_listed", "gauge", "Torrents listed.", totals.torrents)
    yield _one("outpour_content_bytes", "gauge", "Size of all torrents.", totals.length)
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
    yield _one(
        "outpour_completed_total", "counter", "Completed downloads, ever.", totals.downloaded_all
    )
    yield _one(
        "outpour_transferred_bytes",
        "gauge",
        "Size times completed downloads of the torrents listed.",
        totals.transferred,
    )
    yield _one("outpour_event_streams", "gauge", "Open event streams.", streams)


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


def _process() -> Iterator[Family]:
    """The names that all Prometheus clients use, from `/proc` where there is one."""
    times = os.times()
    yield _one("process_cpu_seconds_total", "counter", "CPU time used.", times.user + times.system)
    try:
        fields = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
        uptime = float(Path("/proc/uptime").read_text("ascii").split()[0])
        handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no paths are needed
    except (OSError, ValueError):
        return
    began = time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    resident = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
    yield _one("process_resident_memory_bytes", "gauge", "Memory in use.", resident)
    yield _one("process_virtual_memory_bytes", "gauge", "Address space.", int(fields[20]))
    yield _one("process_start_time_seconds", "gauge", "Unix time of the start.", round(began, 2))
    yield _one("process_open_fds", "gauge", "Open files and sockets.", handles)


def _one(name: str, kind: str, text: str, value: float, **labels: str) -> Family:
    return Family(name, kind, text, ((labels, value),))


def _text(family: Family) -> str:
    lines = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
    lines += (f"{family.name}{_labels(labels)} {value}" for labels, value in family.values)
    return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value)}"' for key, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
