"""Rows sorted as visitors asked for them, kept until other rows are shown."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from outpour.tracker.figures import TorrentRow
from outpour.web.limits import ORDERS_KEPT, PAGE_ROWS_MAX, SORTED_AT_ONCE_MAX
from outpour.web.page_thread import PageThread
from outpour.web.query import Query, Selection, cut, ordered

Rows = Sequence[TorrentRow]


class Selections:
    """Keeps the latest orders, each for all of its pages.

    Args:
        thread: Where many rows are sorted.
    """

    def __init__(self, thread: PageThread) -> None:
        self._thread = thread
        self._kept: OrderedDict[tuple[object, ...], tuple[Rows, Rows]] = OrderedDict()

    async def get(self, rows: Rows, query: Query, *, rows_max: int = PAGE_ROWS_MAX) -> Selection:
        """Filter by group, name or infohash, sort, and cut out one page."""
        return cut(await self.all(rows, query), query.page, rows_max)

    async def all(self, rows: Rows, query: Query) -> Rows:
        """Filter by group, name or infohash, and sort."""
        key = (query.sort, query.descending, query.text, query.group)
        kept = self._kept.get(key)
        if kept is None or (kept[0] is not rows and kept[0] != rows):
            if len(rows) <= SORTED_AT_ONCE_MAX:
                found = ordered(rows, query)
            else:
                found = await self._thread.run(lambda: ordered(rows, query))
            self._kept[key] = kept = (rows, found)
        self._kept.move_to_end(key)
        while len(self._kept) > ORDERS_KEPT:
            self._kept.popitem(last=False)
        return kept[1]
