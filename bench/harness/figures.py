"""What trackers reached, and how a page shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness import plot, tables, trackers
from harness.loads import Load


@dataclass(slots=True)
class Figures:
    """What one tracker reached, a value a round."""

    per_cpu_s: list[float] = field(default_factory=list)
    user_us: list[float] = field(default_factory=list)
    system_us: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)
    idle_mib: list[float] = field(default_factory=list)
    grown_mib: list[float] = field(default_factory=list)
    p50_us: list[float] = field(default_factory=list)
    p99_us: list[float] = field(default_factory=list)
    p999_us: list[float] = field(default_factory=list)
    lost_percent: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    peers_in_answer: float = 0

    def add(self, result: dict[str, Any]) -> None:
        """Take in the result of one run."""
        server, answers = result["server"], max(1, result["answers"]["all"])
        idle_bytes = result["idle_bytes"]
        self.per_cpu_s.append(server["answers_per_cpu_second"] or 0.0)
        self.user_us.append(server["user_seconds"] * 1e6 / answers)
        self.system_us.append(server["system_seconds"] * 1e6 / answers)
        self.busy.append(server["busy_share"])
        self.idle_mib.append(idle_bytes / 2**20)
        self.grown_mib.append((server["rss_bytes_after"] - idle_bytes) / 2**20)
        self.p50_us.append(result["latency_us"]["p50"])
        self.p99_us.append(result["latency_us"]["p99"])
        self.p999_us.append(result["latency_us"]["p99.9"])
        self.rate.append(result["answers_per_second"])
        bad = result["lost"] + result["answers"]["failure"] + result["answers"]["invalid"]
        self.lost_percent.append(100 * bad / max(1, result["sent"]))
        self.peers_in_answer = result["peers_per_announce"] or 0


Reached = dict[str, Figures]
"""By the name of the tracker."""


def render(load: Load, reached: Reached) -> str:
    """Return the table of a load."""
    if load.peers or load.torrents:
        head, rows = _memory(load, reached)
    elif load.share:
        head, rows = _latency(reached)
    else:
        head, rows = _rates(reached)
    return f"### {load.title}\n\n{tables.table(head, rows)}"


def _memory(load: Load, reached: Reached) -> tuple[list[str], list[list[str]]]:
    held, what = (load.peers, "peer") if load.peers else (load.torrents, "torrent")
    head = ["tracker", "idle, MiB", "grown by, MiB", f"bytes a {what}"]
    return head, [
        [
            name,
            tables.spread(it.idle_mib, 0),
            tables.spread(it.grown_mib, 0),
            tables.spread(it.grown_mib, 1, 2**20 / held),
        ]
        for name, it in reached.items()
    ]


def _latency(reached: Reached) -> tuple[list[str], list[list[str]]]:
    head = [
        "tracker",
        "k requests a second",
        "p50, µs",
        "p99, µs",
        "p99.9, µs",
        "CPU, %",
        "lost, %",
    ]
    return head, [
        [
            name,
            tables.spread(it.rate, 0, 1e-3),
            tables.spread(it.p50_us, 0),
            tables.spread(it.p99_us, 0),
            tables.spread(it.p999_us, 0),
            tables.spread(it.busy, 0, 100),
            tables.spread(it.lost_percent, 2),
        ]
        for name, it in reached.items()
    ]


def _rates(reached: Reached) -> tuple[list[str], list[list[str]]]:
    own = reached.get(trackers.OUTPOUR.name, Figures())
    head = ["tracker", "k answers a CPU-second", "outpour is", "µs user + system"]
    head += ["busy, %", "memory grown by, MiB", "lost, %"]
    return head, [
        [
            name,
            tables.spread(it.per_cpu_s, 1, 1e-3),
            "-" if it is own else tables.ratio(own.per_cpu_s, it.per_cpu_s) + " x",
            f"{tables.middle(it.user_us)} + {tables.middle(it.system_us)}",
            tables.spread(it.busy, 0, 100),
            tables.spread(it.grown_mib, 0),
            tables.spread(it.lost_percent, 2),
        ]
        for name, it in reached.items()
    ]


def render_shapes(rows: list[tuple[Load, Reached]]) -> str:
    """Return one table for loads of many shapes."""
    names = [tracker.name for tracker in rows[0][0].contenders]
    head = ["load", "outpour, k answers a CPU-second"]
    head += [f"times {name}" for name in names if name != trackers.OUTPOUR.name]
    lines = []
    for load, reached in rows:
        own = reached.get(trackers.OUTPOUR.name, Figures())
        others = [reached.get(name, Figures()) for name in names if name != trackers.OUTPOUR.name]
        ratios = [tables.ratio(own.per_cpu_s, it.per_cpu_s) for it in others]
        lines.append([load.title, tables.spread(own.per_cpu_s, 1, 1e-3), *ratios])
    title = "UDP: other shapes, 1 M peers, 50 wanted, 5 % scrapes"
    return f"### {title}\n\n{tables.table(head, lines)}"


def draw(load: Load, reached: Reached) -> str:
    """Return the chart of answers a CPU-second under a load."""
    rows = [
        (name, tables.median(it.per_cpu_s), f"{tables.median(it.per_cpu_s) / 1e3:.0f} k")
        for name, it in reached.items()
        if it.per_cpu_s
    ]
    return plot.bars(f"Answers a CPU-second, {load.title}", rows, trackers.OUTPOUR.name)
