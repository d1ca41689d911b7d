"""The part of the API that only tells: torrents, sums, and the description of all this."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from outpour.tracker.figures import TorrentRow
from outpour.web import text_format
from outpour.web.api.endpoint import Asked
from outpour.web.api.position import MARK, Position
from outpour.web.api.problem import Problem
from outpour.web.content_copy import without_login
from outpour.web.context import Context, context_of
from outpour.web.limits import API_ROWS
from outpour.web.links import Links
from outpour.web.list_revision import revision_of
from outpour.web.query import Column, Query, column_of, infohash_of
from outpour.web.rendered_pages import Rendered
from outpour.web.reply import reply, weak_tag
from outpour.web.torrent_facts import TorrentFacts
from outpour.web.torrents.shown_files import ShownFiles
from outpour.web.url_names import Names
from outpour.web.visitors.beside import About, Sidecar, Writing

Object = dict[str, Any]

MOVED_BY_ASKING = frozenset(
    {"connections_http", "bytes_in_http", "bytes_out_http", "handed_over", "handed_back"}
)
"""Counters that each request moves by itself, so that they alone are no news."""
ORDERING = ("q", "group", "sort", "order", "page")


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of an answer, how many there are in all, and what asks for the next ones."""

    rows: Sequence[TorrentRow]
    matched: int
    following: Mapping[str, str | int] | None


async def torrents(asked: Asked) -> Response:
    """`/api/v1/torrents`: torrents, a part at a time, and the sums of all."""
    cursor = asked.given.get("cursor")
    if cursor is not None and "page" in asked.given:
        raise Problem("excluded-parameter", "`cursor`: given with `page`", parameter="cursor")
    if cursor is not None and not cursor.startswith(MARK):
        part = _walked(asked, cursor)
    else:
        part = await _sorted(asked, cursor)
    context, links = asked.context, asked.links
    names = await context.url_names.names()
    totals = context.url_names.totals()
    following = None
    if part.following is not None:
        limits = {name: asked.given[name] for name in ("limit",) if name in asked.given}
        fields = {"fields": ",".join(asked.given["fields"])} if "fields" in asked.given else {}
        url = links.at("/api/v1/torrents", **part.following, **limits, **fields)
        following = links.absolute(url)
    wanted = asked.given.get("fields")
    revision, licence = revision_of(context.view), context.options.site.licence

    def body() -> Object:
        objects = (torrent_object(names, links, row, licence) for row in part.rows)
        return {
            "matched": part.matched,
            "next": following,
            "revision": revision,
            "totals": asdict(totals),
            "torrents": [_some_of(one, wanted) for one in objects],
        }

    # One place for each set of rows that is asked for, and the rows of now in it.
    key = ("torrents", links, asked.request.url.query)
    inputs = (tuple(part.rows), part.matched, following, totals, names, revision)
    return await _json(asked.request, body, key=key, inputs=inputs)


def _walked(asked: Asked, cursor: str) -> _Part:
    """A part of all torrents, as cheap at the end as at the beginning."""
    for name in ORDERING:
        if name in asked.given:
            said = f"`{name}`: not with this cursor, which walks in an order of its own"
            raise Problem("excluded-parameter", said, parameter=name)
    try:
        rows, following = asked.context.view.walk(cursor, asked.given.get("limit", API_ROWS))
    except ValueError:
        raise _no_cursor() from None
    matched = asked.context.url_names.totals().torrents
    return _Part(rows, matched, None if following is None else {"cursor": following})


async def _sorted(asked: Asked, cursor: str | None) -> _Part:
    """A part of the torrents that match, in the order that is asked for."""
    context, given = asked.context, asked.given
    limit = given.get("limit", API_ROWS)
    column = column_of(given.get("sort", "name"))
    descending = given.get("order", "desc" if column.is_largest_first else "asc") == "desc"
    text, group = given.get("q", "").strip(), given.get("group") or None
    query = Query(sort=column.key, descending=descending, text=text, group=group)
    rows = await context.selections.all(context.url_names.rows(), query)
    order = f"{column.key} {'desc' if descending else 'asc'}"
    if cursor is not None:
        begin = _behind(rows, cursor, order, column, descending=descending)
    else:
        begin = (given.get("page", 1) - 1) * limit
        pages = max(1, -(-len(rows) // limit))
        if given.get("page", 1) > pages:
            said = f"`page`: there are {pages}, of {limit} torrents each"
            raise Problem("no-such-page", said, parameter="page", pages=pages)
    some = rows[begin : begin + limit]
    if begin + limit >= len(rows):
        return _Part(some, len(rows), None)
    last = some[-1]
    place = Position.of(order, column.order(last), last.infohash_hex)
    ordering = {name: given[name] for name in ("q", "group", "sort", "order") if name in given}
    return _Part(some, len(rows), {**ordering, "cursor": place.cursor})


def _behind(
    rows: Sequence[TorrentRow], cursor: str, order: str, column: Column, *, descending: bool
) -> int:
    try:
        place = Position.read(cursor, order)
        return place.index(rows, column.order, lambda row: row.infohash_hex, descending=descending)
    except ValueError:
        raise _no_cursor() from None


def _no_cursor() -> Problem:
    return Problem("no-such-page", "not a cursor of this tracker", parameter="cursor")


async def torrent(asked: Asked) -> Response:
    """`/api/v1/torrents/INFOHASH`: one torrent with its files and history."""
    context, links = asked.context, asked.links
    row = row_of(asked)
    facts = await context.facts.get(row.infohash)
    shown = await context.files.get(row.infohash, facts)
    names = await context.url_names.names()
    history = await context.view.history(row.infohash)
    about = await context.beside.about(row.infohash)
    copies = context.copies_of(links, row.infohash, facts.web_seeds if facts else row.web_seeds)
    licence = context.options.site.licence
    wanted = asked.given.get("fields")

    def body() -> Object:
        found = torrent_object(names, links, row, licence)
        found |= _facts_object(names.content_of.get(row.infohash), links, facts, shown)
        found |= _about_object(links, about)
        found["copies"] = [
            {**asdict(copy), "url": text_format.text(without_login(copy.url))} for copy in copies
        ]
        found["history"] = [asdict(sample) for sample in history]
        return _some_of(found, wanted)

    return await _json(asked.request, body, is_timed=False)


async def sidecars(asked: Asked) -> Response:
    """`/api/v1/sidecars`: the files beside content, of all torrents."""
    links, beside = asked.links, asked.context.beside
    listed = [(one, beside.group_of(one.name)) for one in beside.sidecars().values()]

    def body() -> Object:
        return {
            "sidecars": [
                {
                    **_sidecar_object(links, one),
                    "group": text_format.text(group) if group is not None else None,
                    "modified": one.modified_ns // 10**9,
                    "tag": one.tag,
                }
                for one, group in listed
            ]
        }

    return await _json(asked.request, body, is_timed=False, key=("sidecars", links), inputs=listed)


def row_of(asked: Asked) -> TorrentRow:
    """The torrent that the path names.

    Raises:
        Problem: There is none.
    """
    infohash = infohash_of(asked.given["infohash"])
    row = asked.context.view.row(infohash) if infohash else None
    if row is None:
        raise Problem("not-found", "no such torrent")
    return row


async def stats(asked: Asked) -> Response:
    """`/api/v1/stats`: sums and counters."""
    context = asked.context
    counters = dict(sorted(context.view.counters().items()))
    still = {name: count for name, count in counters.items() if name not in MOVED_BY_ASKING}
    body = {"totals": asdict(context.url_names.totals()), "counters": still}
    tag = weak_tag(_text(body).encode())
    about = {**_about(context), **body, "counters": counters}
    return await reply(asked.request, _text(about), "application/json", headers={"etag": tag})


async def openapi(asked: Asked) -> Response:
    """`/api/v1/openapi.json`: this API in the words of OpenAPI 3.1."""
    document = json.loads(document_text())
    document["info"]["version"] = asked.context.view.version
    document["servers"] = [{"url": asked.links.absolute(asked.links.at("/api/v1"))}]
    return await reply(asked.request, _text(document), "application/json")


def document_text() -> str:
    """The OpenAPI document as it lies in the package; `docs/generate.py` writes it."""
    return (resources.files("outpour.web") / "openapi.json").read_text("utf-8")


def torrent_object(
    names: Names, links: Links, row: TorrentRow, licence: str | None = None
) -> Object:
    """A row as JSON; URLs are absolute.

    Args:
        names: Of all torrents.
        links: For this visitor.
        row: The torrent.
        licence: Of all that is published, None if the publisher does not say.
    """
    licence = row.licence or licence
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
        "group": text_format.text(row.group) if row.group is not None else None,
        "complete": row.complete,
        "downloading": row.downloading,
        "downloaded": row.downloaded,
        "transferred": row.transferred,
        "magnet": links.magnet(row),
        "page_url": links.absolute(links.torrent(row.infohash)),
        "torrent_url": links.absolute(links.metainfo(file_name)) if file_name else None,
        "torrent_tag": row.torrent_tag,
        "content_url": links.absolute(links.content((content_name,))) if content_name else None,
        "web_seeds": [text_format.text(url) for url in row.web_seeds],
        "licence": text_format.text(licence) if licence is not None else None,
        "about_tag": row.about_tag,
    }


def _some_of(found: Object, wanted: Iterable[str] | None) -> Object:
    return found if wanted is None else {name: found[name] for name in wanted}


def _facts_object(
    content_name: str | None, links: Links, facts: TorrentFacts | None, shown: ShownFiles
) -> Object:
    if facts is None:
        return dict.fromkeys(("piece_length", "piece_count", "created_by", "trackers", "files"))
    files = []
    for file in facts.listed:
        url = None
        if content_name is not None:
            path = (content_name, *file.path) if facts.files.is_folder else (content_name,)
            url = links.absolute(links.content(path))
        files.append(
            {
                "path": [*map(text_format.text, file.path)],
                "length": file.length,
                "url": url,
                "sha256": shown.sha256.get(file.path),
                "modified": shown.modified.get(file.path),
            }
        )
    return {
        "piece_length": facts.piece_length,
        "piece_count": facts.piece_count,
        "created_by": text_format.text(facts.created_by) if facts.created_by else None,
        "trackers": [[*map(text_format.text, tier)] for tier in facts.tiers],
        "files": files,
    }


def _about_object(links: Links, about: About) -> Object:
    """What the publisher says of a torrent, and the files that belong to it."""
    writing = about.writing
    return {
        "description": None if writing is None else text_format.text(writing.text),
        "description_from": None if writing is None else _place_of(writing),
        "sidecars": [_sidecar_object(links, one) for one in about.sidecars],
    }


def _place_of(writing: Writing) -> str:
    return "file" if writing.is_in_file else "catalogue"


def _sidecar_object(links: Links, one: Sidecar) -> Object:
    return {
        "name": text_format.text(one.label),
        "kind": one.kind,
        "length": one.length,
        "url": links.absolute(links.content((one.name,))),
    }


def _about(context: Context) -> Object:
    return {"version": context.view.version, "server_time": int(context.view.now())}


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
