"""`/latest/GLOB`: a URL that stays, and leads to the newest content whose name fits."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from outpour.tracker.figures import TorrentRow
from outpour.web.content import split_path
from outpour.web.context import context_of
from outpour.web.links import Links
from outpour.web.query import NEWEST_FIRST, Query
from outpour.web.url_names import Names

TORRENT = ".torrent"
GLOB_MAX = 300
STARS_MAX = 10
"""Each one more lets a stranger's pattern take longer."""


async def latest(request: Request) -> Response:
    """Lead to the newest content, or with `.torrent` behind the pattern to its torrent.

    What stands before the last slash is a group. Where no content that fits is served here, the
    page of the newest torrent is led to. Ten thousand names take some milliseconds, on the thread
    of the pages.
    """
    context, links = context_of(request), context_of(request).links(request)
    path = split_path(bytes(request.scope["raw_path"]).removeprefix(b"/latest/"))
    if path is None or sum(map(len, path)) > GLOB_MAX or path[-1].count("*") > STARS_MAX:
        raise HTTPException(404)
    *groups, glob = path
    query = Query(NEWEST_FIRST.sort, NEWEST_FIRST.descending, group="/".join(groups) or None)
    newest_first = await context.selections.all(context.url_names.rows(), query)
    names = await context.url_names.names()
    target = await context.thread.run(lambda: _target(newest_first, glob, names, links))
    if target is None:
        raise HTTPException(404)
    return RedirectResponse(target, 302, headers={"cache-control": "no-cache"})


def _target(
    newest_first: Sequence[TorrentRow], glob: str, names: Names, links: Links
) -> str | None:
    wants_torrent = glob.endswith(TORRENT) and glob != TORRENT
    fits = re.compile(
        fnmatch.translate(glob.removesuffix(TORRENT) if wants_torrent else glob)
    ).match
    fitting = [row for row in newest_first if row.name is not None and fits(row.name)]
    for row in fitting:
        if wants_torrent and row.infohash in names.metainfo_of:
            return links.metainfo(names.metainfo_of[row.infohash])
        if not wants_torrent and row.infohash in names.content_of:
            return links.content((names.content_of[row.infohash],))
    return links.torrent(fitting[0].infohash) if fitting and not wants_torrent else None
