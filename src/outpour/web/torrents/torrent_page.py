"""The page of one torrent, its chart alone, and the QR code on it."""

from __future__ import annotations

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow
from outpour.web.context import Context, context_of
from outpour.web.query import infohash_of
from outpour.web.reply import reply
from outpour.web.torrents.chart_range import DAY_S, RANGES, range_named
from outpour.web.torrents.dataset import dataset
from outpour.web.torrents.magnet_code import code_of
from outpour.web.visitors.prose import words_of

YOUNG = "24h"
"""What is shown of a torrent that was published today."""


async def torrent(request: Request) -> Response:
    """`/torrent/INFOHASH`: everything about one torrent; 410 of one that was withdrawn."""
    context = context_of(request)
    infohash = infohash_of(request.path_params["infohash"])
    row = context.view.row(infohash) if infohash else None
    if row is None:
        return await _withdrawn(request, context, infohash)
    names = await context.url_names.names()
    facts = await context.facts.get(row.infohash)
    content_name = names.content_of.get(row.infohash)
    files = await context.files.get(row.infohash, facts)
    links = context.links(request)
    about = await context.beside.about(row.infohash)
    said = row.comment or ""
    if about.writing is not None:
        said = await to_thread.run_sync(words_of, about.writing)
    values: dict[str, object] = {
        "row": row,
        "facts": facts,
        "files": files,
        "file_name": names.metainfo_of.get(row.infohash),
        "content_name": content_name,
        "copies": context.copies_of(links, row.infohash, facts.web_seeds if facts else ()),
        "about": about,
        "said": said,
        **await _chart(request, context, row, is_listed=True),
    }
    key = (row.infohash, values["range"])
    licence = row.licence or context.options.site.licence
    described = dataset(links, row, facts, files.sha256, content_name, licence, said)
    return await context.page(request, "torrent.html", values | {"dataset": described}, key=key)


async def swarm(request: Request) -> Response:
    """`/torrent/INFOHASH/swarm`: the chart alone, for a page that stays open."""
    context = context_of(request)
    infohash = infohash_of(request.path_params["infohash"])
    row = context.view.row(infohash) if infohash else None
    if row is None:
        raise HTTPException(404)
    values = {"row": row, **await _chart(request, context, row, is_listed=True)}
    return await context.page(request, "swarm.html", values, key=(row.infohash, values["range"]))


async def code(request: Request) -> Response:
    """`/torrent/INFOHASH/qr.svg`: the magnet link for a phone."""
    context = context_of(request)
    infohash = infohash_of(request.path_params["infohash"])
    row = context.view.row(infohash) if infohash else None
    magnet = context.links(request).magnet(row) if row is not None else None
    if magnet is None:
        raise HTTPException(404)
    text = magnet
    body = await to_thread.run_sync(lambda: code_of(text))
    return await reply(request, body, "image/svg+xml", cache="max-age=300")


async def _withdrawn(request: Request, context: Context, infohash: bytes | None) -> Response:
    row = context.view.gone(infohash) if infohash else None
    if row is None:
        raise HTTPException(404)
    values = {"row": row, **await _chart(request, context, row, is_listed=False)}
    return await context.page(request, "withdrawn.html", values, status=410)


async def _chart(
    request: Request, context: Context, row: TorrentRow, *, is_listed: bool
) -> dict[str, object]:
    """What a template needs of the chart that is asked for."""
    asked = request.query_params.get("range", "")
    age_s = context.view.now() - (row.published_at or 0)
    of = range_named(asked or (YOUNG if 0 <= age_s < DAY_S else ""))
    drawn = await context.drawings.get(row, of, is_listed=is_listed)
    return {"chart": drawn, "range": of, "ranges": RANGES}
