"""Drawings of swarms' histories, drawn anew only when a history or its end has changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outpour.tracker.figures import Stretch, TorrentRow
from outpour.web.chart import Chart, Present, draw
from outpour.web.contract import View
from outpour.web.limits import (
    CHART_PARTS_MAX,
    CHARTS_KEPT,
    SPARKLINE_PARTS_MAX,
    SPARKLINES_WAIT_S,
)

SPARKLINE = (224, 52)
CHART = (1440, 400)
"""Width and height in units of the drawings, two for each pixel on a plain screen."""
MINUTE_S = 60

Outlines = Mapping[bytes, Sequence[Stretch]]


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories of the rows of a page.

    Attributes:
        outlines: By infohash; without those that are empty.
        is_late: They took too long, and none are there; ask again.
        at: Unix time in seconds up to which they go, to the minute.
    """

    outlines: Outlines
    is_late: bool
    at: int


class SwarmCharts:
    """Draws the histories of a view's swarms.

    Args:
        view: Has the histories.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._reading: set[asyncio.Task[Outlines]] = set()
        self._drawn: OrderedDict[bytes, tuple[object, Chart | None]] = OrderedDict()

    async def histories(
        self, rows: Sequence[TorrentRow], wait_s: float = SPARKLINES_WAIT_S
    ) -> Histories:
        """What small drawings are made of; nobody waits long for those never looked at before.

        Args:
            rows: What is drawn beside.
            wait_s: How long, in seconds.
        """
        at = self._minute()
        wanted = [row.infohash for row in rows]
        reading = asyncio.ensure_future(self._outlines(wanted))
        # Read on even if this visitor leaves: the next one wants them too.
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)
        done, _ = await asyncio.wait((reading,), timeout=wait_s)
        return Histories(reading.result() if done else {}, not done, at)

    def sparklines(self, rows: Sequence[TorrentRow], of: Histories) -> dict[bytes, Chart]:
        """Draw beside rows; this takes a while for many, and is done on one thread."""
        found = {}
        for row in rows:
            outline = of.outlines.get(row.infohash)
            chart = self._sparkline(row, outline, of.at) if outline else None
            if chart is not None:
                found[row.infohash] = chart
        while len(self._drawn) > CHARTS_KEPT:
            self._drawn.popitem(last=False)
        return found

    async def chart(self, row: TorrentRow) -> Chart | None:
        """Draw the large one."""
        at = self._minute()
        outlines = await self._view.outlines((row.infohash,), CHART_PARTS_MAX)
        present = Present(at, row.complete, row.downloading)
        return draw(outlines.get(row.infohash, ()), present, *CHART)

    async def close(self) -> None:
        """Wait for nothing any more."""
        for reading in tuple(self._reading):
            reading.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)

    def _sparkline(self, row: TorrentRow, outline: Sequence[Stretch], at: int) -> Chart | None:
        # It moves on by a unit of its width, and not each minute.
        began = outline[0].began
        unit_s = max(MINUTE_S, (at - began) // SPARKLINE[0])
        at = max(began + (at - began) // unit_s * unit_s, outline[-1].ended)
        inputs = (outline, at, row.complete, row.downloading)
        kept = self._drawn.get(row.infohash)
        if kept is None or kept[0] != inputs:
            present = Present(at, row.complete, row.downloading)
            kept = (inputs, draw(outline, present, *SPARKLINE, is_snug=True))
            self._drawn[row.infohash] = kept
        self._drawn.move_to_end(row.infohash)
        return kept[1]

    async def _outlines(self, infohashes: Sequence[bytes]) -> Outlines:
        return await self._view.outlines(infohashes, SPARKLINE_PARTS_MAX)

    def _minute(self) -> int:
        return int(self._view.now()) // MINUTE_S * MINUTE_S
