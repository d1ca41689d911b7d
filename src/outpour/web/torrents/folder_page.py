"""The listing of a folder below `/content/`, a page of it at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from outpour.web.content import Entry, Folder
from outpour.web.context import Context, context_of
from outpour.web.contract import ContentRoot
from outpour.web.limits import FOLDER_ENTRIES_MAX
from outpour.web.query import Query
from outpour.web.torrents.folder_archive import archive, archive_of


async def listing(request: Request, folder: Folder) -> Response:
    """`/content/`, `/content/NAME/` and below; with `?zip` the folder as an archive."""
    context = context_of(request)
    if "zip" in request.query_params and folder.path:
        return await archive(request, context, folder)
    names = await context.url_names.names()
    infohash = names.content.get(folder.path[0]) if folder.path else None
    asked = Query.of(request.query_params).page
    pages = max(1, -(-len(folder.entries) // FOLDER_ENTRIES_MAX))
    page = min(max(1, asked), pages)
    entries = folder.entries[(page - 1) * FOLDER_ENTRIES_MAX : page * FOLDER_ENTRIES_MAX]
    found = await archive_of(context, folder)
    values: dict[str, object] = {
        "archive_length": None if found is None else found.length,
        "entries": entries,
        "folder": folder,
        "here": context.links(request).content(folder.path, is_folder=True),
        "infohash": infohash,
        "page": page,
        "pages": pages,
        "times": await _times(context, folder, entries, infohash),
    }
    return await context.page(request, "folder.html", values)


async def _times(
    context: Context, folder: Folder, entries: Sequence[Entry], infohash: bytes | None
) -> list[int | None]:
    """When each entry changed, or its torrent was published; None of folders."""
    if infohash is None:
        names = await context.url_names.names()
        found = (names.content.get(entry.name) for entry in entries)
        rows = (context.view.row(one) if one is not None else None for one in found)
        return [None if row is None else row.published_at for row in rows]
    root = context.view.content(infohash)
    if root is None:
        return [None] * len(entries)
    return await to_thread.run_sync(_changed, root, folder.path[1:], entries)


def _changed(
    root: ContentRoot, inner: tuple[str, ...], entries: Sequence[Entry]
) -> list[int | None]:
    found: list[int | None] = []
    for entry in entries:
        path = (*inner, entry.name)
        try:
            status = os.stat(root.path.joinpath(*path))  # noqa: PTH116 - a thousand of them
        except (OSError, ValueError):
            found.append(None)
            continue
        is_known = not entry.is_folder and root.is_same(path, status)
        found.append(status.st_mtime_ns // 10**9 if is_known else None)
    return found
