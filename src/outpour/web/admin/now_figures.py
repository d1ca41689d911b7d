"""The numbers of now, as they are read, each under a name that the page and its stream share."""

from __future__ import annotations

from collections.abc import Mapping

from outpour.base.units import format_size
from outpour.tracker.figures import Totals
from outpour.tracker.operation import Reading
from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.line_chart import NOT_KNOWN, format_size_of, number
from outpour.web.admin.reasons import REASONS, refused, refused_by_reason
from outpour.web.text_format import count

RATES = (
    "announces_http", "announces_udp", "scrapes_http", "scrapes_udp", "connects_udp",
    "errors_http", "errors_udp", "dropped_udp", "connections_http", "timed_out_http",
    "evicted_http", "handed_over",
)  # fmt: skip
"""Counters of the core that are shown as so many a second."""
BYTE_RATES = (
    "bytes_in_http", "bytes_in_udp", "bytes_out_http", "bytes_out_udp", "seeder_sent",
    "seeder_received",
)  # fmt: skip
LEVELS = ("peers_v4", "peers_v6", "seeders", "torrents", "open_files", "seeder_peers",
          "seeder_torrents")  # fmt: skip


def figures_of(
    reading: Reading, lately: Moment, totals: Totals, streams: int, up_s: float
) -> dict[str, str]:
    """The numbers of now by name.

    Args:
        reading: Of now.
        lately: What happened in the last seconds.
        totals: Sums over the torrents listed.
        streams: Open event streams.
        up_s: How long the tracker runs.
    """
    found = {name: number(lately.rate(name)) for name in RATES}
    found |= {name: f"{format_size_of(lately.rate(name))}/s" for name in BYTE_RATES}
    found |= {name: count(round(reading.levels.get(name, 0))) for name in LEVELS}
    peers = reading.levels.get("peers_v4", 0) + reading.levels.get("peers_v6", 0)
    found |= {
        "answered": number(lately.rate("announces_http", "announces_udp")),
        "refused": number(refused(lately.counts) / lately.seconds),
        "peers": count(round(peers)),
        "leechers": count(max(0, round(peers - reading.levels.get("seeders", 0)))),
        "listed": count(totals.torrents),
        "downloads": count(round(reading.counts.get("downloads", 0))),
        "cpu": f"{number(round(100 * lately.rate('cpu_s'), 1))} %",
        "resident": _size(reading.levels, "resident_bytes"),
        "store": _size(reading.levels, "store_bytes"),
        "streams": count(streams),
        "up": duration(up_s),
    }
    by_reason = refused_by_reason(lately.counts)
    for key in {*REASONS, *by_reason, *refused_by_reason(reading.counts)}:
        found[f"refused_{key}"] = number(by_reason.get(key, 0) / lately.seconds * 60)
    return found


def duration(seconds: float) -> str:
    """A time as people say it, in its two largest units."""
    parts: list[str] = []
    left = int(seconds)
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        if left >= length or (unit == "s" and not parts):
            parts.append(f"{left // length} {unit}")
            left %= length
    return " ".join(parts[:2])


def _size(levels: Mapping[str, float], name: str) -> str:
    return format_size(round(levels[name])) if name in levels else NOT_KNOWN
