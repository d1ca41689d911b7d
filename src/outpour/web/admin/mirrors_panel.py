"""The mirrors that registered with a publisher, for the operator."""

from __future__ import annotations

from collections.abc import Sequence

from outpour.base.units import format_duration
from outpour.web.admin.panel import Panel
from outpour.web.mirror_list import ListedMirror
from outpour.web.text_format import count

HEADINGS = ("mirror", "address", "state", "heard of", "whole there", "named", "given first")


def mirrors_panel(mirrors: Sequence[ListedMirror], now: float) -> Panel | None:
    """Show them all, with what is wrong with those that are not counted; None without any.

    Args:
        mirrors: In their order.
        now: Unix time in seconds.
    """
    rows = [
        (
            one.name,
            one.url,
            f"{one.state}: {one.why}" if one.why else one.state,
            f"{format_duration(max(0, now - one.seen))} ago",
            count(one.torrents),
            count(one.good),
            "yes" if one.is_pinned else "no",
        )
        for one in mirrors
    ]
    return Panel("Mirrors", "that registered", HEADINGS, rows) if rows else None
