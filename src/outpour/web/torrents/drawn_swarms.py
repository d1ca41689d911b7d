"""Drawings of swarms, made beside the event loop and kept until their minute is over."""

from __future__ import annotations

from collections import OrderedDict

from outpour.tracker.figures import TorrentRow
from outpour.web.chart import Present
from outpour.web.contract import View
from outpour.web.limits import DRAWINGS_KEPT
from outpour.web.page_thread import PageThread
from outpour.web.torrents.chart_range import ChartRange
from outpour.web.torrents.swarm_drawing import SwarmDrawing, draw_swarm

MINUTE_S = 60

Inputs = tuple[int, int, int, int]


class DrawnSwarms:
    """Keeps the drawings that were looked at last.

    Args:
        view: Has the histories.
        thread: Where they are drawn.
    """

    def __init__(self, view: View, thread: PageThread) -> None:
        self._view = view
        self._thread = thread
        self._kept: OrderedDict[tuple[bytes, str], tuple[Inputs, SwarmDrawing | None]]
        self._kept = OrderedDict()

    async def get(self, row: TorrentRow, of: ChartRange, *, is_listed: bool) -> SwarmDrawing | None:
        """Draw the swarm of a row; of one that is not listed nothing is known of now."""
        now = int(self._view.now()) // MINUTE_S * MINUTE_S
        inputs = (now, row.complete, row.downloading, row.downloaded)
        key = (row.infohash, of.key)
        kept = self._kept.get(key)
        if kept is None or kept[0] != inputs:
            present = Present(now, row.complete, row.downloading) if is_listed else None
            found = await self._view.stretches(row.infohash, now - of.span_s, of.step_s)
            drawn = await self._thread.run(
                lambda: draw_swarm(found, of, now, present, row.downloaded)
            )
            self._kept[key] = kept = (inputs, drawn)
            while len(self._kept) > DRAWINGS_KEPT:
                self._kept.popitem(last=False)
        return kept[1]
