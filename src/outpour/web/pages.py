"""The pages that people look at, and the small files that their browsers ask for."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from outpour.web.assets import Assets
from outpour.web.chart import Chart, draw
from outpour.web.limits import SPARKLINE_POINTS_MAX, SPARKLINES_MAX
from outpour.web.listing import COLUMNS, Query, select
from outpour.web.reply import reply
from outpour.web.site import Site, site_of
from outpour.web.tree import tree_of

SPARKLINE = (224, 52)
CHART = (1440, 400)
"""Width and height in units of the drawings, two for each pixel on a plain screen."""
IMMUTABLE = "public, max-age=31536000, immutable"


async def index(request: Request) -> Response:
    """`/`: all torrents with their numbers, the page of the classic trackers."""
    site = site_of(request)
    query = Query.of(request.query_params)
    selection = select(site.catalog.rows(), query)
    return await site.page(
        request,
        "index.html",
        columns=COLUMNS,
        names=site.catalog.names(),
        query=query,
        selection=selection,
        sparklines=_sparklines(site, [row.infohash for row in selection.rows]),
        totals=site.catalog.totals(),
    )


async def torrent(request: Request) -> Response:
    """`/torrent/INFOHASH`: everything about one torrent."""
    site = site_of(request)
    infohash = infohash_of(request.path_params["infohash"])
    row = site.view.row(infohash) if infohash else None
    if row is None:
        raise HTTPException(404)
    metainfo = await site.catalog.metainfo(row.infohash)
    files = await site.catalog.files(row.infohash) if metainfo is not None else None
    names = site.catalog.names()
    content_name = names.content_of.get(row.infohash)
    return await site.page(
        request,
        "torrent.html",
        row=row,
        metainfo=metainfo,
        names=names,
        content_name=content_name,
        tree=tree_of(files) if files is not None and files.is_folder else None,
        chart=draw(site.view.history(row.infohash), *CHART),
    )


def _sparklines(site: Site, infohashes: list[bytes]) -> dict[bytes, Chart]:
    drawn: dict[bytes, Chart] = {}
    for infohash in infohashes[:SPARKLINES_MAX]:
        samples = site.view.history(infohash)
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
    prefix = site_of(request).options.prefix
    closed = ("announce", "scrape", "api/", "content/", "file", "metrics")
    lines = ["User-agent: *", *(f"Disallow: {prefix}/{path}" for path in closed)]
    return await reply(request, "\n".join(lines) + "\n", "text/plain", cache="max-age=3600")


async def favicon(request: Request) -> Response:
    """`/favicon.ico`."""
    site = site_of(request)
    body = site.assets.files["favicon.ico"]
    return await reply(request, body, "image/x-icon", cache="max-age=86400")


async def asset(request: Request) -> Response:
    """`/static/NAME`: a style, script or icon; for ever if the URL says which version."""
    site = site_of(request)
    name = request.path_params["name"]
    body = site.assets.files.get(name)
    if body is None:
        raise HTTPException(404)
    is_versioned = request.query_params.get("v") == site.assets.version(name)
    cache = IMMUTABLE if is_versioned else "no-cache"
    return await reply(request, body, Assets.media_type(name), cache=cache)
