"""The JSON API; what its answers hold is written down in `openapi.json` and tested against it."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Sequence
from dataclasses import asdict
from importlib import resources
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow
from outpour.web import text_format
from outpour.web.context import Context, context_of
from outpour.web.limits import API_ROWS, API_ROWS_MAX
from outpour.web.links import Links
from outpour.web.query import Query, infohash_of
from outpour.web.rendered_pages import Rendered
from outpour.web.reply import reply, weak_tag
from outpour.web.torrent_facts import TorrentFacts
from outpour.web.url_names import Names

Object = dict[str, Any]

MOVED_BY_ASKING = frozenset(
    {"connections_http", "bytes_in_http", "bytes_out_http", "handed_over", "handed_back"}
)
"""Counters that each request moves by itself, so that they alone are no news."""


async def torrents(request: Request) -> Response:
    """`/api/v1/torrents`: torrents, a part at a time, and the sums of all."""
    context, links = context_of(request), context_of(request).links(request)
    limit = _limit(request.query_params.get("limit", ""))
    if "cursor" in request.query_params:
        return await _walk(request, request.query_params["cursor"], limit)
    query = Query.of(request.query_params)
    rows = context.url_names.rows()
    selection = await context.selections.get(rows, query, rows_max=limit)
    following = None
    if selection.page < selection.pages:
        parameters = query.parameters(page=selection.page + 1) | {"limit": limit}
        following = links.absolute(links.at("/api/v1/torrents", **parameters))
    return await _list(request, selection.rows, selection.matched, following)


async def _walk(request: Request, cursor: str, limit: int) -> Response:
    """A part of all torrents, as cheap at the end as at the beginning."""
    context, links = context_of(request), context_of(request).links(request)
    try:
        rows, following = context.view.walk(cursor, limit)
    except ValueError:
        raise HTTPException(400, "not a cursor of this tracker") from None
    url = None
    if following is not None:
        url = links.absolute(links.at("/api/v1/torrents", cursor=following, limit=limit))
    return await _list(request, rows, context.url_names.totals().torrents, url)


async def _list(
    request: Request, rows: Sequence[TorrentRow], matched: int, following: str | None
) -> Response:
    context, links = context_of(request), context_of(request).links(request)
    names = await context.url_names.names()
    totals = context.url_names.totals()

    def body() -> Object:
        return {
            "matched": matched,
            "next": following,
            "totals": asdict(totals),
            "torrents": [torrent_object(names, links, row) for row in rows],
        }

    # One place for each set of rows that is asked for, and the rows of now in it.
    key = ("torrents", links, request.url.query)
    inputs = (tuple(rows), matched, following, totals, names)
    return await _json(request, body, key=key, inputs=inputs)


async def torrent(request: Request) -> Response:
    """`/api/v1/torrents/INFOHASH`: one torrent with its files and history."""
    context, links = context_of(request), context_of(request).links(request)
    infohash = infohash_of(request.path_params["infohash"])
    row = context.view.row(infohash) if infohash else None
    if row is None:
        raise HTTPException(404, "no such torrent")
    facts = await context.facts.get(row.infohash)
    names = await context.url_names.names()
    history = await context.view.history(row.infohash)

    def body() -> Object:
        found = torrent_object(names, links, row)
        found |= _facts_object(names.content_of.get(row.infohash), links, facts)
        found["history"] = [asdict(sample) for sample in history]
        return found

    return await _json(request, body, is_timed=False)


async def stats(request: Request) -> Response:
    """`/api/v1/stats`: sums and counters."""
    context = context_of(request)
    counters = dict(sorted(context.view.counters().items()))
    still = {name: count for name, count in counters.items() if name not in MOVED_BY_ASKING}
    body = {"totals": asdict(context.url_names.totals()), "counters": still}
    tag = weak_tag(_text(body).encode())
    about = {**_about(context), **body, "counters": counters}
    return await reply(request, _text(about), "application/json", headers={"etag": tag})


async def openapi(request: Request) -> Response:
    """`/api/v1/openapi.json`: this API in the words of OpenAPI 3.1."""
    context, links = context_of(request), context_of(request).links(request)
    document = json.loads(document_text())
    document["info"]["version"] = context.view.version
    document["servers"] = [{"url": links.absolute(links.at("/api/v1"))}]
    return await reply(request, _text(document), "application/json")


def document_text() -> str:
    """The OpenAPI document as it lies in the package."""
    return (resources.files("outpour.web") / "openapi.json").read_text("utf-8")


def torrent_object(names: Names, links: Links, row: TorrentRow) -> Object:
    """A row as JSON; URLs are absolute."""
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
        "magnet": links.magnet(row),
        "page_url": links.absolute(links.torrent(row.infohash)),
        "torrent_url": links.absolute(links.metainfo(file_name)) if file_name else None,
        "content_url": links.absolute(links.content((content_name,))) if content_name else None,
        "web_seeds": [text_format.text(url) for url in row.web_seeds],
    }


def _facts_object(content_name: str | None, links: Links, facts: TorrentFacts | None) -> Object:
    if facts is None:
        return dict.fromkeys(("piece_length", "piece_count", "created_by", "trackers", "files"))
    files = []
    for file in facts.listed:
        url = None
        if content_name is not None:
            path = (content_name, *file.path) if facts.files.is_folder else (content_name,)
            url = links.absolute(links.content(path))
        files.append(
            {"path": [*map(text_format.text, file.path)], "length": file.length, "url": url}
        )
    return {
        "piece_length": facts.piece_length,
        "piece_count": facts.piece_count,
        "created_by": text_format.text(facts.created_by) if facts.created_by else None,
        "trackers": [[*map(text_format.text, tier)] for tier in facts.tiers],
        "files": files,
    }


def _about(context: Context) -> Object:
    return {"version": context.view.version, "server_time": int(context.view.now())}


def _limit(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 8
    return min(max(1, int(text)), API_ROWS_MAX) if is_number else API_ROWS


def _text(body: Object) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


async def _json(
    request: Request,
    body: Callable[[], Object],
    *,
    is_timed: bool = True,
    key: Hashable = None,
    inputs: object = None,
) -> Response:
    """Answer with an object, put together beside the event loop.

    Args:
        request: What is answered.
        body: Makes the object.
        is_timed: Put version and time before it, which are no news by themselves.
        key: Names the answer, where it is to be kept until its inputs change.
        inputs: All that it shows.
    """
    context = context_of(request)
    about = _about(context) if is_timed else {}

    def render() -> Rendered:
        text = _text(body())
        whole = f"{_text(about)[:-1]},{text[1:]}" if about else text
        return Rendered.of(whole, weak_tag(text.encode("utf-8", "replace")))

    if key is None:
        found = await context.thread.run(render)
    else:
        found = await context.pages.get(key, (inputs, about), render)
    return await reply(
        request,
        found.raw,
        "application/json",
        packed=found.packed,
        headers={"etag": found.tag},
    )
