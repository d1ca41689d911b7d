"""`/api/v1/charts`: drawings in small JSON, for pages that stay open."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow
from outpour.web.chart import Chart
from outpour.web.context import Context, context_of
from outpour.web.query import Query, infohash_of
from outpour.web.reply import reply
from outpour.web.swarm_charts import Histories

Object = dict[str, Any]


async def charts(request: Request) -> Response:
    """Small drawings of the torrents that the page of the same query shows.

    `since=AT` leaves out those in which nothing happened since; `infohash=` asks for the large one
    of a torrent.
    """
    context = context_of(request)
    if "infohash" in request.query_params:
        return await _large(request, context, request.query_params["infohash"])
    query = Query.of(request.query_params)
    selection = await context.selections.get(context.url_names.rows(), query)
    histories = await context.charts.histories(selection.rows)
    since = request.query_params.get("since", "")
    since_s = int(since) if since.isascii() and since.isdigit() and len(since) < 16 else -1

    def text() -> str:
        rows = [row for row in selection.rows if _last(histories, row) > since_s]
        drawn = context.charts.sparklines(rows, histories)
        body = {
            "at": max((_last(histories, row) for row in selection.rows), default=0),
            "is_late": histories.is_late,
            "charts": [_object(key, chart, chart.short_label) for key, chart in drawn.items()],
        }
        return json.dumps(body, separators=(",", ":"))

    return await reply(request, await context.thread.run(text), "application/json")


async def _large(request: Request, context: Context, named: str) -> Response:
    infohash = infohash_of(named)
    row = context.view.row(infohash) if infohash else None
    if row is None:
        raise HTTPException(404, "no such torrent")
    chart = await context.charts.chart(row)
    drawn = [] if chart is None else [_object(row.infohash, chart, chart.label)]
    body = {"at": 0 if chart is None else chart.ended, "is_late": False, "charts": drawn}
    return await reply(request, json.dumps(body, separators=(",", ":")), "application/json")


def _last(histories: Histories, row: TorrentRow) -> int:
    outline = histories.outlines.get(row.infohash)
    return outline[-1].ended if outline else -1


def _object(infohash: bytes, chart: Chart, label: str) -> Object:
    return {
        "infohash": infohash.hex(),
        "width": chart.width,
        "height": chart.height,
        "complete": chart.complete,
        "downloading": chart.downloading,
        "top": chart.top,
        "began": chart.began,
        "ended": chart.ended,
        "label": label,
    }
