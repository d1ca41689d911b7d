"""The pages that people look at, and the small files that their browsers ask for."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from outpour.web.assets import Assets
from outpour.web.chart import Chart, draw
from outpour.web.context import Context, context_of
from outpour.web.file_tree import tree_of
from outpour.web.limits import SPARKLINE_POINTS_MAX, SPARKLINES_MAX
from outpour.web.query import COLUMNS, Query, select
from outpour.web.reply import reply

SPARKLINE = (224, 52)
CHART = (1440, 400)
"""Width and height in units of the drawings, two for each pixel on a plain screen."""
IMMUTABLE = "public, max-age=31536000, immutable"


async def index(request: Request) -> Response:
    """`/`: all torrents with their numbers, the page of the classic trackers."""
    context = context_of(request)
    query = Query.of(request.query_params)
    selection = select(context.url_names.rows(), query)
    return await context.page(
        request,
        "index.html",
        columns=COLUMNS,
        names=context.url_names.names(),
        query=query,
        selection=selection,
        sparklines=_sparklines(context, [row.infohash for row in selection.rows]),
        totals=context.url_names.totals(),
    )


async def torrent(request: Request) -> Response:
    """`/torrent/INFOHASH`: everything about one torrent."""
    context = context_of(request)
    infohash = infohash_of(request.path_params["infohash"])
    row = context.view.row(infohash) if infohash else None
    if row is None:
        raise HTTPException(404)
    metainfo = await context.url_names.metainfo(row.infohash)
    files = await context.url_names.files(row.infohash) if metainfo is not None else None
    names = context.url_names.names()
    content_name = names.content_of.get(row.infohash)
    return await context.page(
        request,
        "torrent.html",
        row=row,
        metainfo=metainfo,
        names=names,
        content_name=content_name,
        tree=tree_of(files) if files is not None and files.is_folder else None,
        chart=draw(context.view.history(row.infohash), *CHART),
    )


def _sparklines(context: Context, infohashes: list[bytes]) -> dict[bytes, Chart]:
    drawn: dict[bytes, Chart] = {}
    for infohash in infohashes[:SPARKLINES_MAX]:
        samples = context.view.history(infohash)
        sparkline = draw(samples, *SPARKLINE, points_max=SPARKLINE_POINTS_MAX, is_snug=True)
        if sparkline is not None:
            drawn[infohash] = sparkline
    return drawn


def infohash_of(text: str) -> bytes | None:
    """Read 40 or 64 hexadecimal digits; trackers know the first 20 bytes of a v2 infohash."""
    if len(text) not in (40, 64):
        return None
    try:
        return bytes.fromhex(text)[:20]
    except ValueError:
        return None


async def healthz(_: Request) -> Response:
    """`/healthz`: the event loop answers."""
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})


async def robots(request: Request) -> Response:
    """`/robots.txt`: pages may be indexed, content need not be fetched for that."""
    prefix = context_of(request).options.prefix
    closed = ("announce", "scrape", "api/", "content/", "file", "metrics")
    lines = ["User-agent: *", *(f"Disallow: {prefix}/{path}" for path in closed)]
    return await reply(request, "\n".join(lines) + "\n", "text/plain", cache="max-age=3600")


async def favicon(request: Request) -> Response:
    """`/favicon.ico`."""
    context = context_of(request)
    body = context.assets.files["favicon.ico"]
    return await reply(request, body, "image/x-icon", cache="max-age=86400")


async def asset(request: Request) -> Response:
    """`/static/NAME`: a style, script or icon; for ever if the URL says which version."""
    context = context_of(request)
    name = request.path_params["name"]
    body = context.assets.files.get(name)
    if body is None:
        raise HTTPException(404)
    is_versioned = request.query_params.get("v") == context.assets.version(name)
    cache = IMMUTABLE if is_versioned else "no-cache"
    return await reply(request, body, Assets.media_type(name), cache=cache)
