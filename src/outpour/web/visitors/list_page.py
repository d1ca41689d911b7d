"""`/` and `/classic`: all torrents with their numbers, for visitors and as the classic trackers."""

from __future__ import annotations

from dataclasses import replace

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow
from outpour.web.context import Context, context_of
from outpour.web.limits import GROUPS_SHOWN, SPARKLINES_TYPED_S, SPARKLINES_WAIT_S
from outpour.web.list_revision import revision_of
from outpour.web.query import BY_NAME, CLASSIC, COLUMNS, NEWEST_FIRST, Query
from outpour.web.url_names import Names
from outpour.web.visitors.prose import cleaned

LIST_PART = "list"
"""`?part=` of who has the page and wants other rows in it."""


async def index(request: Request) -> Response:
    """`/`: the list, newest first; the classic page where the operator wants that."""
    context = context_of(request)
    if context.options.is_classic:
        return await classic(request)
    query = Query.of(request.query_params, NEWEST_FIRST)
    is_part = request.query_params.get("part") == LIST_PART
    values = await _values(context, query, SPARKLINES_TYPED_S if is_part else SPARKLINES_WAIT_S)
    shown: tuple[TorrentRow, ...] = values["selection"].rows  # type: ignore[attr-defined]
    values["checksums"] = {
        row.infohash: found
        for row in shown
        if (found := context.beside.checksums(row.infohash).get(())) is not None
    }
    if is_part:
        return await context.page(request, "list.html", values, key=(LIST_PART, query))
    rows, names = context.url_names.rows(), await context.url_names.names()
    values["groups"] = groups = await context.groups.get(rows, context.view.revision())
    values["newest"] = [
        (group, row)
        for group in groups[:GROUPS_SHOWN]
        if (row := context.view.row(group.newest)) is not None
    ]
    values["about"] = about = await context.beside.about_group(query.group)
    values["example"] = _example(names)
    listed = context.mirrors.listed() if context.mirrors is not None else ()
    values["mirrors"] = [one.url for one in listed if one.state == "counted"]
    if about.writing is not None:
        await to_thread.run_sync(cleaned, about.writing)
    return await context.page(request, "index.html", values, key=query)


async def classic(request: Request) -> Response:
    """`/classic`: the table of the classic trackers, whole."""
    context = context_of(request)
    query = Query.of(request.query_params, BY_NAME)
    (column,) = [one for one in COLUMNS if one.key == query.sort]
    if column not in CLASSIC:
        query, column = replace(query, sort="name", descending=False), CLASSIC[1]
    values = await _values(context, query, SPARKLINES_WAIT_S)
    values["sorted_by"] = column.classic
    values["here"] = "/" if context.options.is_classic else "/classic"
    return await context.page(request, "classic.html", values, key=("classic", query))


async def _values(context: Context, query: Query, wait_s: float) -> dict[str, object]:
    # Before its rows: what comes meanwhile is told once too often, and never missed.
    revision = revision_of(context.view)
    selection = await context.selections.get(context.url_names.rows(), query)
    return {
        "histories": await context.charts.histories(selection.rows, wait_s),
        "names": await context.url_names.names(),
        "query": query,
        "revision": revision,
        "selection": selection,
        "totals": context.url_names.totals(),
    }


def _example(names: Names) -> str | None:
    """The .torrent of the newest torrent, to show commands with."""
    return next((names.metainfo_of[key] for key in names.newest if key in names.metainfo_of), None)
