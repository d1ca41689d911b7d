"""An open file of a torrent into an HTTP answer: whole, in part, or not at all (BEP 19)."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import timezone
from email.utils import parsedate_to_datetime

from anyio import to_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from outpour.web.byte_ranges import Span, UnsatisfiableError, parse_range
from outpour.web.content import Open, split_path
from outpour.web.context import context_of
from outpour.web.file_headers import FileHeaders, file_headers
from outpour.web.limits import CONTENT_CHUNK_BYTES, CONTENT_WINDOW_BYTES
from outpour.web.reply import is_listed
from outpour.web.sendfile import EXTENSION
from outpour.web.torrents.folder_page import listing

CONDITIONS = (b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since")


async def content(request: Request) -> Response:
    """`/content/...`: the files of published torrents, and listings of their folders."""
    context = context_of(request)
    raw = bytes(request.scope["raw_path"]).removeprefix(b"/content")
    is_folder = raw.endswith(b"/")
    inner = raw.removeprefix(b"/").removesuffix(b"/")
    path = split_path(inner) if inner else () if raw in (b"", b"/") else None
    found = None if path is None else await context.content.find(path)
    if isinstance(found, Open):
        # With a slash at the end it is what clients of v2 torrents ask for.
        return file_reply(request, found)
    if found is None:
        raise HTTPException(404)
    if not is_folder:
        return RedirectResponse(context.links(request).content(found.path, is_folder=True), 301)
    return await listing(request, found)


def file_reply(request: Request, opened: Open) -> Response:
    """Choose the answer by the request's conditions and ranges."""
    modified_s = opened.mtime_ns // 10**9
    headers = file_headers(opened.name, modified_s, opened.tag)
    asked = {name for name, _ in request.scope["headers"]}
    if not asked.isdisjoint(CONDITIONS):
        status = precondition(request.headers, opened.tag, modified_s)
        if status is not None:
            opened.file.close()
            return Response(status_code=status, headers=headers.fields)
    spans = None
    if b"range" in asked and _is_same_file(request.headers, opened.tag, headers.modified):
        try:
            spans = parse_range(request.headers["range"], opened.length)
        except UnsatisfiableError:
            opened.file.close()
            fields = dict(headers.fields)
            del fields["content-disposition"]
            fields |= {"content-range": f"bytes */{opened.length}", "content-type": "text/plain"}
            return Response(status_code=416, headers=fields)
    return FileReply(opened, spans, headers)


def _is_same_file(headers: Headers, tag: str, modified: str) -> bool:
    condition = headers.get("if-range")
    return condition is None or condition in (tag, modified)


def precondition(headers: Headers, tag: str, modified_s: int) -> int | None:
    """What the conditions of a request make of it (RFC 9110, 13.2.2): 304, 412 or None."""
    if (wanted := headers.get("if-match")) is not None:
        if tag not in [entry.strip() for entry in wanted.split(",")] and wanted.strip() != "*":
            return 412
    elif (at := _date(headers.get("if-unmodified-since"))) is not None and modified_s > at:
        return 412
    if (held := headers.get("if-none-match")) is not None:
        return 304 if is_listed(tag, held) else None
    if (at := _date(headers.get("if-modified-since"))) is not None and modified_s <= at:
        return 304
    return None


def _date(field: str | None) -> float | None:
    if field is None:
        return None
    try:
        at = parsedate_to_datetime(field)
    except (TypeError, ValueError):
        return None
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()


class FileReply(Response):
    """Sends a file or spans of it, one window of bounded size after the other."""

    def __init__(self, opened: Open, spans: tuple[Span, ...] | None, headers: FileHeaders) -> None:
        # What the base class makes of headers is made already, and once a file.
        self.background = None
        self._opened = opened
        self._parts: tuple[tuple[bytes, Span], ...]
        self._tail = b""
        length = opened.length
        raw = headers.raw
        self.status_code = 200 if spans is None else 206
        if spans is None:
            self._parts = ((b"", (0, length)),)
        elif len(spans) == 1:
            start, stop = spans[0]
            self._parts = ((b"", spans[0]),)
            raw = (*raw, (b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, length)))
        else:
            boundary = secrets.token_hex(12)
            raw = headers.typed(f"multipart/byteranges; boundary={boundary}")
            kind = headers.fields["content-type"]
            self._parts = tuple(_multipart(spans, boundary, kind, length))
            self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._size = sum(len(head) + stop - start for head, (start, stop) in self._parts)
        self._size += len(self._tail)
        self.raw_headers = [*raw, (b"content-length", b"%d" % self._size)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, and close it."""
        left = asyncio.Event()
        is_native = EXTENSION in scope.get("extensions", {})
        # What goes in one step is over before anybody could tell that its reader left.
        is_long = not is_native or self._size > CONTENT_WINDOW_BYTES
        loop = asyncio.get_running_loop()
        watching = loop.create_task(_watch(receive, left)) if is_long else None
        start = {"status": self.status_code, "headers": self.raw_headers}
        try:
            await send({"type": "http.response.start", **start})
            if scope["method"] != "HEAD":
                for head, span in self._parts:
                    if head:
                        await _send_body(send, head)
                    await self._send_span(send, span, left, is_native=is_native)
                if left.is_set():
                    return
            await send({"type": "http.response.body", "body": self._tail})
        finally:
            self._opened.file.close()
            if watching is not None:
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

    def _has_changed(self) -> bool:
        opened = self._opened
        status = os.fstat(opened.file.fileno())
        return (status.st_size, status.st_mtime_ns) != (opened.length, opened.mtime_ns)

    async def _send_span(
        self, send: Send, span: Span, left: asyncio.Event, *, is_native: bool
    ) -> None:
        start, stop = span
        while start < stop and not left.is_set():
            if self._has_changed():
                # The rest would be of another file than the beginning.
                raise EOFError(f"`{self._opened.name}`: changed while it was sent")
            if is_native:
                count = min(CONTENT_WINDOW_BYTES, stop - start)
                message = {"file": self._opened.file, "offset": start, "count": count}
                await send({"type": EXTENSION, "more_body": True, **message})
            else:
                count = min(CONTENT_CHUNK_BYTES, stop - start)
                chunk = await to_thread.run_sync(os.pread, self._opened.file.fileno(), count, start)
                if not chunk:
                    raise EOFError(f"`{self._opened.name}`: became shorter while it was sent")
                await _send_body(send, chunk)
                count = len(chunk)
            start += count


def _multipart(
    spans: tuple[Span, ...], boundary: str, kind: str, length: int
) -> Iterator[tuple[bytes, Span]]:
    for index, (start, stop) in enumerate(spans):
        head = (
            ("\r\n" if index else "") + f"--{boundary}\r\ncontent-type: {kind}\r\n"
            f"content-range: bytes {start}-{stop - 1}/{length}\r\n\r\n"
        )
        yield head.encode(), (start, stop)


async def _send_body(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _watch(receive: Receive, left: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    left.set()
