"""What outpour means to reach when it makes torrents, beside what it has reached in this run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from harness import tables
from harness.process import Usage

START_UP_MS = 120

GOALS = (
    ("file-v1-2", "outpour", "mktorrent", 2.2),
    ("file-v1-2", "outpour, SHA-NI streams", "mktorrent", 1.4),
    ("file-v1-2", "outpour, portable", "transmission-create", 1.0),
    ("file-v1-2", "outpour verify", "outpour", 0.95),
    ("file-v2-2", "outpour", "libtorrent", 3.2),
    ("file-v2-2", "outpour verify", "outpour", 0.95),
    ("file-hybrid-2", "outpour", "libtorrent", 4.5),
    ("file-hybrid-2", "outpour verify", "outpour", 0.95),
    ("tree-v1-2", "outpour", "mkbrr", 1.8),
    ("tree-v1-2", "outpour", "mktorrent", 2.0),
    ("tree-v2-2", "outpour", "libtorrent", 2.0),
    ("tree-hybrid-2", "outpour", "libtorrent", 12.0),
    ("tree-hybrid-2", "outpour, its own piece length", "libtorrent", 12.0),
)
"""Series, who, against whom, and how many times as fast."""


def table(found: Mapping[str, Mapping[str, Sequence[Usage]]], started: Sequence[Usage]) -> str:
    """Return each goal that this run can speak about; ratios are medians of those of each round."""
    rows = []
    for series, name, other, wanted in GOALS:
        results = found.get(series, {})
        if name in results and other in results:
            walls = [[it.wall_s for it in results[who]] for who in (other, name)]
            what = f"{series.rpartition('-')[0].replace('-', ', ')}: {name}, against {other}"
            rows.append([what, f"{wanted} x", f"{tables.ratio(*walls)} x"])
    start_ms = statistics.median(it.wall_s for it in started) * 1000
    rows.append(["start-up of `outpour create`", f"below {START_UP_MS} ms", f"{start_ms:.0f} ms"])
    return "### Goals\n\n" + tables.table(["what", "wanted", "reached"], rows)
