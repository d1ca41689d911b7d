"""The HTML of the rows of the page, made anew only for rows that have changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from markupsafe import Markup

from outpour.tracker.figures import TorrentRow
from outpour.web.chart import Chart
from outpour.web.limits import ROWS_KEPT
from outpour.web.links import Links
from outpour.web.themed_templates import ThemedTemplates
from outpour.web.url_names import Names


class RowFragments:
    """Keeps the rows that were shown last; used on one thread.

    Args:
        templates: Has the template.
        name: Of the template.
    """

    def __init__(self, templates: ThemedTemplates, name: str) -> None:
        self._templates = templates
        self._name = name
        self._template = templates.get(name)
        self._kept: OrderedDict[tuple[bytes, Links], tuple[object, Markup]] = OrderedDict()

    def of(
        self,
        rows: Sequence[TorrentRow],
        sparklines: Mapping[bytes, Chart],
        names: Names,
        links: Links,
        checksums: Mapping[bytes, str] | None = None,
    ) -> Iterator[Markup]:
        """The HTML of each row."""
        for row in rows:
            key = (row.infohash, links)
            values = {
                "row": row,
                "sparkline": sparklines.get(row.infohash),
                "file_name": names.metainfo_of.get(row.infohash),
                "content_name": names.content_of.get(row.infohash),
                "checksum": (checksums or {}).get(row.infohash),
            }
            kept = self._kept.get(key)
            if kept is None or kept[0] != values:
                given = {"links": links, **values}
                html = self._templates.render(self._name, given, self._template)
                self._kept[key] = kept = (values, Markup(html))  # noqa: S704 - a template made it
            self._kept.move_to_end(key)
            yield kept[1]
        while len(self._kept) > ROWS_KEPT:
            self._kept.popitem(last=False)
