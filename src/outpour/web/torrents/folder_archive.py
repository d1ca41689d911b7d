"""A folder of a published torrent as one zip archive, sent while its files are read.

Nothing is stored: an archive costs a window of bytes and one open file, whatever its size. How many
are sent at once is bounded, as each reads its files through this process, for their checksums.
"""

from __future__ import annotations

import asyncio
import os
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from outpour.base.text import is_utf8
from outpour.torrent.disk_names import safe_name
from outpour.web.content import Folder, open_published
from outpour.web.context import Context
from outpour.web.contract import ContentRoot
from outpour.web.disposition import disposition
from outpour.web.limits import ARCHIVE_CHUNK_BYTES, ARCHIVE_FILES_MAX, ARCHIVES_MAX
from outpour.web.torrent_facts import Files
from outpour.web.torrents.archives_sent import ArchivesSent
from outpour.web.torrents.zip_layout import NAME_BYTES_MAX, Stored, end, length_of

RETRY_S = 30


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive of a folder will hold.

    Attributes:
        root: Where the content lies.
        paths: Each file by its path in the torrent.
        files: The same as the archive has them.
        length: Bytes of the archive.
    """

    root: ContentRoot
    paths: tuple[tuple[str, ...], ...]
    files: tuple[Stored, ...]
    length: int


async def archive_of(context: Context, folder: Folder) -> Archive | None:
    """Lay out the archive of a folder; None of one that is in no torrent, or holds too much."""
    if not folder.path:
        return None
    names = await context.url_names.names()
    infohash = names.content.get(folder.path[0])
    facts = await context.facts.get(infohash) if infohash is not None else None
    root = context.view.content(infohash) if infohash is not None else None
    if facts is None or root is None or len(facts.files.by_path) > ARCHIVE_FILES_MAX:
        return None
    return await to_thread.run_sync(_laid_out, facts.files, folder.path, root)


def _laid_out(files: Files, path: tuple[str, ...], root: ContentRoot) -> Archive | None:
    inner = path[1:]
    paths = tuple(one for one in files.by_path if one[: len(inner)] == inner)
    taken: set[bytes] = set()
    stored = []
    for one in paths:
        name = _name((path[-1], *one[len(inner) :]))
        if name is None or name in taken:
            # Two names that only bytes tell apart, which no archive can hold.
            return None
        taken.add(name)
        stored.append(Stored(name, files.by_path[one].length))
    return Archive(root, paths, tuple(stored), length_of(stored))


def _name(path: Sequence[str]) -> bytes | None:
    """A path as archives have it: harmless on every system."""
    parts = [safe_name(part if is_utf8(part) else part.encode("utf-8", "replace").decode())
             for part in path]  # fmt: skip
    name = "/".join(part.replace("\\", "_") for part in parts).encode("utf-8", "replace")
    return name if len(name) <= NAME_BYTES_MAX else None


async def archive(request: Request, context: Context, folder: Folder) -> Response:
    """`/content/NAME/?zip`: the folder as a zip archive."""
    found = await archive_of(context, folder)
    if found is None:
        return PlainTextResponse("this folder is too large for an archive\n", 404)
    if context.archives.count >= ARCHIVES_MAX and request.method != "HEAD":
        headers = {"retry-after": str(RETRY_S)}
        return PlainTextResponse("too many archives are being sent\n", 503, headers)
    return ArchiveReply(found, context.archives, f"{folder.path[-1]}.zip")


class ArchiveReply(Response):
    """Sends an archive, file after file."""

    def __init__(self, of: Archive, sent: ArchivesSent, name: str) -> None:
        self._of = of
        self._sent = sent
        super().__init__(
            None,
            200,
            {
                "accept-ranges": "none",
                "cache-control": "no-cache",
                "content-disposition": disposition(name),
                "content-length": str(of.length),
                "x-accel-buffering": "no",
            },
            "application/zip",
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the archive; a file that changed meanwhile ends it."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        left = asyncio.Event()
        watching = asyncio.get_running_loop().create_task(_watch(receive, left))
        self._sent.count += 1
        try:
            await send(start)
            async for part in self._parts():
                if left.is_set():
                    return
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._sent.count -= 1
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _parts(self) -> AsyncIterator[bytes]:
        directory: list[bytes] = []
        offset = size = 0
        for path, file in zip(self._of.paths, self._of.files, strict=True):
            opened = await to_thread.run_sync(_open, self._of.root, path, file.length)
            handle, modified = opened
            try:
                header = file.local_header(modified)
                yield header
                crc = at = 0
                while at < file.length:
                    count = min(ARCHIVE_CHUNK_BYTES, file.length - at)
                    chunk, crc = await to_thread.run_sync(_read, handle, at, count, crc)
                    yield chunk
                    at += len(chunk)
            finally:
                os.close(handle)
            entry = file.central_header(crc, modified, offset)
            directory.append(entry)
            size += len(entry)
            yield (descriptor := file.descriptor(crc))
            offset += len(header) + file.length + len(descriptor)
        directory.append(end(len(directory), size, offset))
        for at in range(0, len(directory), 512):
            yield b"".join(directory[at : at + 512])


def _open(root: ContentRoot, path: tuple[str, ...], length: int) -> tuple[int, int]:
    """Open a file of the torrent; returns descriptor and Unix second of its last change."""
    opened = open_published(root, path)
    if opened is None:
        raise EOFError(f"`{path[-1]}`: gone while its folder was sent")
    with opened:
        status = os.fstat(opened.fileno())
        if status.st_size != length or not root.is_same(path, status):
            raise EOFError(f"`{path[-1]}`: changed while its folder was sent")
        return os.dup(opened.fileno()), status.st_mtime_ns // 10**9


def _read(handle: int, at: int, count: int, crc: int) -> tuple[bytes, int]:
    chunk = os.pread(handle, count, at)
    if not chunk:
        raise EOFError("a file became shorter while its folder was sent")
    return chunk, zlib.crc32(chunk, crc)


async def _watch(receive: Receive, left: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    left.set()
