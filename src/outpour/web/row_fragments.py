"""The HTML of the rows of the page, made anew only for rows that have changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence

from jinja2 import Environment
from markupsafe import Markup

from outpour.tracker.figures import TorrentRow
from outpour.web.chart import Chart
from outpour.web.limits import ROWS_KEPT
from outpour.web.links import Links
from outpour.web.url_names import Names


class RowFragments:
    """Keeps the rows that were shown last; used on one thread.

    Args:
        templates: Has the template.
        own: Has that of the package, for where the one of a theme fails; None without a theme.
        name: Of the template.
    """

    def __init__(self, templates: Environment, own: Environment | None, name: str) -> None:
        self._template = templates.get_template(name)
        self._own = None if own is None else own.get_template(name)
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
                html = self._rendered({"links": links, **values})
                self._kept[key] = kept = (values, Markup(html))  # noqa: S704 - a template made it
            self._kept.move_to_end(key)
            yield kept[1]
        while len(self._kept) > ROWS_KEPT:
            self._kept.popitem(last=False)

    def _rendered(self, values: dict[str, object]) -> str:
        try:
            return self._template.render(values)
        except Exception:
            if self._own is None:
                raise
            return self._own.render(values)
