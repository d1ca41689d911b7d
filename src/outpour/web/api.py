"""The JSON API; what its answers hold is written down in `openapi.json` and tested against it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from outpour.torrent.metainfo import Metainfo
from outpour.tracker.figures import Sample, TorrentRow
from outpour.web import text_format
from outpour.web.context import Context, context_of
from outpour.web.limits import API_ROWS_MAX
from outpour.web.links import Links
from outpour.web.pages import infohash_of
from outpour.web.query import Query, select
from outpour.web.reply import reply

Object = dict[str, Any]


async def torrents(request: Request) -> Response:
    """`/api/v1/torrents`: all torrents and their sums."""
    context, links = context_of(request), context_of(request).links(request)
    query = Query.of(request.query_params)
    limit = _limit(request.query_params.get("limit", ""))
    if "cursor" in request.query_params:
        return await _walk(request, request.query_params["cursor"], limit)
    selection = select(context.url_names.rows(), query, rows_max=limit)
    following = None
    if selection.page < selection.pages:
        parameters = query.parameters(page=selection.page + 1) | {"limit": limit}
        following = links.absolute(links.at("/api/v1/torrents", **parameters))
    body = {
        **_about(context),
        "matched": selection.matched,
        "next": following,
        "totals": asdict(context.url_names.totals()),
        "torrents": [torrent_object(context, links, row) for row in selection.rows],
    }
    return await _json(request, body)


async def _walk(request: Request, cursor: str, limit: int) -> Response:
    """A part of all torrents, as cheap at the end as at the beginning."""
    context, links = context_of(request), context_of(request).links(request)
    try:
        rows, following = context.view.walk(cursor, limit)
    except ValueError:
        raise HTTPException(400, "not a cursor of this tracker") from None
    totals = context.url_names.totals()
    url = None
    if following is not None:
        url = links.absolute(links.at("/api/v1/torrents", cursor=following, limit=limit))
    body = {
        **_about(context),
        "matched": totals.torrents,
        "next": url,
        "totals": asdict(totals),
        "torrents": [torrent_object(context, links, row) for row in rows],
    }
    return await _json(request, body)


async def torrent(request: Request) -> Response:
    """`/api/v1/torrents/INFOHASH`: one torrent with its files and history."""
    context, links = context_of(request), context_of(request).links(request)
    infohash = infohash_of(request.path_params["infohash"])
    row = context.view.row(infohash) if infohash else None
    if row is None:
        raise HTTPException(404, "no such torrent")
    metainfo = await context.url_names.metainfo(row.infohash)
    body = torrent_object(context, links, row)
    body |= _metainfo_object(context, links, row, metainfo)
    body["history"] = [_sample_object(sample) for sample in context.view.history(row.infohash)]
    return await _json(request, body)


async def stats(request: Request) -> Response:
    """`/api/v1/stats`: sums and counters."""
    context = context_of(request)
    body = {
        **_about(context),
        "totals": asdict(context.url_names.totals()),
        "counters": dict(sorted(context.view.counters().items())),
    }
    return await _json(request, body)


async def openapi(request: Request) -> Response:
    """`/api/v1/openapi.json`: this API in the words of OpenAPI 3.1."""
    context, links = context_of(request), context_of(request).links(request)
    document = json.loads(document_text())
    document["info"]["version"] = context.view.version
    document["servers"] = [{"url": links.absolute(links.at("/api/v1"))}]
    return await _json(request, document)


def document_text() -> str:
    """The OpenAPI document as it lies in the package."""
    return (resources.files("outpour.web") / "openapi.json").read_text("utf-8")


def torrent_object(context: Context, links: Links, row: TorrentRow) -> Object:
    """A row as JSON; URLs are absolute."""
    names = context.url_names.names()
    file_name = names.metainfo_of.get(row.infohash)
    content_name = names.content_of.get(row.infohash)
    return {
        "infohash": row.infohash_hex,
        "infohash_v2": row.infohash_v2.hex() if row.infohash_v2 else None,
        "name": text_format.text(row.name) if row.name is not None else None,
        "length": row.length,
        "file_count": row.file_count,
        "version": row.version,
        "private": row.private,
        "created": row.published_at,
        "comment": text_format.text(row.comment) if row.comment is not None else None,
        "complete": row.complete,
        "downloading": row.downloading,
        "downloaded": row.downloaded,
        "transferred": row.transferred,
        "magnet": row.magnet,
        "page_url": links.absolute(links.torrent(row.infohash)),
        "torrent_url": links.absolute(links.metainfo(file_name)) if file_name else None,
        "content_url": links.absolute(links.content((content_name,))) if content_name else None,
        "web_seeds": [text_format.text(url) for url in row.web_seeds],
    }


def _metainfo_object(
    context: Context, links: Links, row: TorrentRow, metainfo: Metainfo | None
) -> Object:
    if metainfo is None:
        return dict.fromkeys(("piece_length", "piece_count", "created_by", "trackers", "files"))
    info = metainfo.info
    content_name = context.url_names.names().content_of.get(row.infohash)
    files = []
    for file in info.files:
        if file.is_padding:
            continue
        url = None
        if content_name is not None:
            path = (content_name, *file.path) if info.is_folder else (content_name,)
            url = links.absolute(links.content(path))
        files.append(
            {"path": [*map(text_format.text, file.path)], "length": file.length, "url": url}
        )
    return {
        "piece_length": info.piece_length,
        "piece_count": info.piece_count,
        "created_by": text_format.text(metainfo.created_by) if metainfo.created_by else None,
        "trackers": [[*map(text_format.text, tier)] for tier in metainfo.tiers],
        "files": files,
    }


def _sample_object(sample: Sample) -> Object:
    return asdict(sample)


def _about(context: Context) -> Object:
    return {"version": context.view.version, "server_time": int(context.view.now())}


def _limit(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 8
    return min(max(1, int(text)), API_ROWS_MAX) if is_number else API_ROWS_MAX


async def _json(request: Request, body: Object | Sequence[Object]) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return await reply(request, text, "application/json")
