"""The .torrent files of the listed torrents, by name or by infohash."""

from __future__ import annotations

from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from outpour.web.content import split_path
from outpour.web.context import context_of
from outpour.web.disposition import disposition
from outpour.web.query import infohash_of
from outpour.web.reply import reply

MEDIA_TYPE = "application/x-bittorrent"


async def metainfo(request: Request) -> Response:
    """`/torrents/NAME.torrent`, and `/torrents/INFOHASH.torrent`."""
    context = context_of(request)
    path = split_path(bytes(request.scope["raw_path"]).removeprefix(b"/torrents/"))
    if path is None or len(path) != 1:
        raise HTTPException(404)
    names = await context.url_names.names()
    infohash = names.metainfo.get(path[0])
    if infohash is None:
        infohash = infohash_of(path[0].removesuffix(".torrent"))
    return await _hand_out(request, infohash)


async def classic_file(request: Request) -> Response:
    """`/file?info_hash=`: 20 bytes escaped by percent signs, or 40 hexadecimal digits."""
    infohash = None
    for pair in bytes(request.scope["query_string"]).split(b"&"):
        key, _, value = pair.partition(b"=")
        if key == b"info_hash":
            raw = unquote_to_bytes(value.replace(b"+", b" "))
            infohash = raw if len(raw) == 20 else infohash_of(raw.decode("latin-1"))
    return await _hand_out(request, infohash)


async def _hand_out(request: Request, infohash: bytes | None) -> Response:
    context = context_of(request)
    row = context.view.row(infohash) if infohash is not None else None
    file = context.view.metainfo_file(row.infohash) if row is not None else None
    keyed = context.links(request).keyed()

    def read() -> bytes | None:
        raw = file.read() if file is not None else None
        return raw if raw is None or keyed is None else keyed.metainfo(raw)

    raw = await to_thread.run_sync(read)
    if row is None or raw is None:
        raise HTTPException(404)
    headers = {"content-disposition": disposition(f"{row.name or row.infohash_hex}.torrent")}
    if row.published_at is not None and 0 <= row.published_at < 1 << 33:
        headers["last-modified"] = formatdate(row.published_at, usegmt=True)
        if _is_held(request, row.published_at):
            return Response(status_code=304, headers=headers)
    return await reply(request, raw, MEDIA_TYPE, headers=headers)


def _is_held(request: Request, modified_s: int) -> bool:
    if "if-none-match" in request.headers:
        return False
    try:
        held = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except (TypeError, ValueError):
        return False
    return held.timestamp() >= modified_s
