"""The table of how long answers take."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from outpour.tracker.usage_figures import Latency
from outpour.web.admin.panel import Panel, PanelSource
from outpour.web.text_format import count

QUANTILES = (0.5, 0.9, 0.99)
_SHOWN = {"http": "HTTP", "udp": "UDP"}


def latency_panel(lately: Callable[[], Sequence[Latency]]) -> PanelSource:
    """What fills it; `lately` tells how long answers took in the last minutes."""

    def look() -> Panel | None:
        found = [one for one in lately() if one.count]
        if not found:
            return None
        about = "last five minutes, at most; one batch of requests in 16 is timed"
        lines = [
            (
                _SHOWN.get(one.protocol, one.protocol),
                *(_quantile(one, share) for share in QUANTILES),
                count(one.count),
            )
            for one in found
        ]
        headings = ("protocol", "half within", "90 % within", "99 % within", "timed")
        return Panel("How long answers take", about, headings, lines)

    return look


def _quantile(of: Latency, share: float) -> str:
    seconds = of.quantile_s(share)
    return f"over {duration(of.buckets[-1][0])}" if seconds is None else duration(seconds)


def duration(seconds: float) -> str:
    """A short time, in the unit in which it can be read.

    Example:
        >>> duration(0.000064), duration(0.002048), duration(1.5)
        ('64 µs', '2.05 ms', '1.5 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{float(f'{seconds / size:.3g}'):g} {unit}"
    return f"{float(f'{seconds / 1e-6:.3g}'):g} µs"
