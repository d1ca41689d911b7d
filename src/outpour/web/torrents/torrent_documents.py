"""What programs load of a torrent below `/torrents/`: the .torrent, its Metalink, its checksums."""

from __future__ import annotations

from collections.abc import Sequence

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from outpour.base.errors import FormatError
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.figures import TorrentRow
from outpour.web import torrent_files
from outpour.web.content import split_path
from outpour.web.content_copy import ContentCopy
from outpour.web.context import Context, context_of
from outpour.web.disposition import disposition
from outpour.web.links import Links
from outpour.web.query import infohash_of
from outpour.web.reply import reply
from outpour.web.torrent_facts import TorrentFacts
from outpour.web.torrents.checksum_list import checksum_list

METALINK = ".meta4"
CHECKSUMS = ".SHA256SUMS"


async def named(request: Request) -> Response:
    """`/torrents/NAME.torrent`, `NAME.meta4` and `NAME.SHA256SUMS`; an infohash is a name, too."""
    path = split_path(bytes(request.scope["raw_path"]).removeprefix(b"/torrents/"))
    ending = METALINK if path and path[-1].endswith(METALINK) else CHECKSUMS
    if path is None or len(path) != 1 or not path[0].endswith(ending):
        return await torrent_files.metainfo(request)
    context = context_of(request)
    stem = path[0].removesuffix(ending)
    names = await context.url_names.names()
    infohash = names.metainfo.get(f"{stem}.torrent") or infohash_of(stem)
    row = context.view.row(infohash) if infohash is not None else None
    facts = await context.facts.get(row.infohash) if row is not None else None
    if row is None or row.name is None or facts is None:
        raise HTTPException(404)
    if ending == METALINK:
        return await _metalink(request, context, row, facts)
    shown = await context.files.get(row.infohash, facts)
    if not shown.sha256:
        raise HTTPException(404, "no checksums are known of this torrent")
    name = row.name
    body = await to_thread.run_sync(lambda: checksum_list(name, facts, shown.sha256))
    headers = {"content-disposition": disposition(f"{name}{CHECKSUMS}")}
    return await reply(request, body, "text/plain; charset=utf-8", headers=headers)


async def _metalink(
    request: Request, context: Context, row: TorrentRow, facts: TorrentFacts
) -> Response:
    # What writes XML is loaded once somebody asks for it.
    from outpour.web.torrents import metalink

    links = context.links(request)
    shown = await context.files.get(row.infohash, facts)
    names = await context.url_names.names()
    file_name = names.metainfo_of.get(row.infohash)
    content_name = names.content_of.get(row.infohash)
    file = context.view.metainfo_file(row.infohash)
    copies = context.copies_of(links, row.infohash, row.web_seeds)
    sources = metalink.Sources(
        generator=f"outpour/{context.view.version}",
        itself=links.absolute(links.metainfo(f"{_stem(file_name, row)}{METALINK}")),
        torrent=links.absolute(links.metainfo(file_name)) if file_name else None,
        content=content_urls(links, content_name, facts),
        web_seeds=[copy.url for copy in copies if _is_offered(copy, row.web_seeds)],
        published_at=row.published_at,
    )

    def document() -> bytes:
        pieces = b""
        if file is not None and not facts.files.is_folder and facts.infohash_v1 is not None:
            pieces = _pieces(file.read())
        return metalink.metalink(str(row.name), facts, shown.sha256, sources, pieces)

    body = await to_thread.run_sync(document)
    headers = {"content-disposition": disposition(f"{row.name}{METALINK}")}
    return await reply(request, body, metalink.MEDIA_TYPE, headers=headers)


def content_urls(
    links: Links, content_name: str | None, facts: TorrentFacts
) -> dict[tuple[str, ...], str] | None:
    """The absolute URL of each file that is served here, by path; None if none is."""
    if content_name is None:
        return None
    return {
        path: links.absolute(
            links.content((content_name, *path) if facts.files.is_folder else (content_name,))
        )
        for path in facts.files.by_path
    }


def _is_offered(copy: ContentCopy, named: Sequence[str]) -> bool:
    """Whether downloaders are sent to a copy: a good one, or one that its torrent names as well."""
    return copy.state == "good" or (copy.state == "unchecked" and copy.url in named)


def _stem(file_name: str | None, row: TorrentRow) -> str:
    return row.infohash_hex if file_name is None else file_name.removesuffix(".torrent")


def _pieces(raw: bytes | None) -> bytes:
    try:
        return b"" if raw is None else Metainfo.parse(raw).info.pieces
    except FormatError:
        return b""
