"""An open file of a torrent into an HTTP answer: whole, in part, or not at all (BEP 19)."""

from __future__ import annotations

import asyncio
import mimetypes
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
from outpour.web.content import Open, PublishedContent, split_path
from outpour.web.context import context_of
from outpour.web.disposition import disposition
from outpour.web.limits import CONTENT_CHUNK_BYTES, CONTENT_WINDOW_BYTES
from outpour.web.reply import is_listed
from outpour.web.sendfile import EXTENSION
from outpour.web.text_format import http_date
from outpour.web.torrents.folder_page import listing

# A published file is opened in the browser with the origin of the pages, so it may not script:
# only these kinds are shown in place, all others are saved. The policy stands behind that.
SHOWN = ("audio/", "image/", "text/plain", "video/", "application/pdf")
SAVED = ("image/svg",)
CONTENT_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; object-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'"
)
ENCODED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# With `nosniff` no browser runs or applies these as what they are.
AS_TEXT = ("text/javascript", "application/javascript", "text/css")


def media_type(name: str) -> str:
    """The type of a file by its name; an archive is not passed off as its content."""
    guessed, encoding = mimetypes.guess_type(name.encode("utf-8", "replace").decode())
    if encoding is not None:
        return ENCODED.get(encoding, "application/octet-stream")
    if guessed in AS_TEXT:
        return "text/plain; charset=utf-8"
    if guessed == "text/plain":
        return "text/plain; charset=utf-8"
    return guessed or "application/octet-stream"


async def content(request: Request) -> Response:
    """`/content/...`: the files of published torrents, and listings of their folders."""
    context = context_of(request)
    raw = bytes(request.scope["raw_path"]).removeprefix(b"/content")
    is_folder = raw.endswith(b"/")
    inner = raw.removeprefix(b"/").removesuffix(b"/")
    path = split_path(inner) if inner else () if raw in (b"", b"/") else None
    published = PublishedContent(context.view, context.url_names, context.facts, context.beside)
    found = None if path is None else await published.find(path)
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
    modified = http_date(opened.mtime_ns // 10**9)
    kind = media_type(opened.name)
    is_shown = kind.startswith(SHOWN) and not kind.startswith(SAVED)
    headers = {
        "accept-ranges": "bytes",
        "cache-control": "no-cache",
        "content-disposition": disposition(opened.name, "inline" if is_shown else "attachment"),
        "content-security-policy": CONTENT_POLICY + ("" if is_shown else "; sandbox"),
        "content-type": kind,
        "etag": opened.tag,
        "last-modified": modified,
    }
    status = precondition(request.headers, opened.tag, opened.mtime_ns // 10**9)
    if status is not None:
        opened.file.close()
        return Response(status_code=status, headers=headers)
    field = request.headers.get("range")
    condition = request.headers.get("if-range")
    spans = None
    if field is not None and (condition is None or condition in (opened.tag, modified)):
        try:
            spans = parse_range(field, opened.length)
        except UnsatisfiableError:
            opened.file.close()
            del headers["content-disposition"]
            headers |= {"content-range": f"bytes */{opened.length}", "content-type": "text/plain"}
            return Response(status_code=416, headers=headers)
    return FileReply(opened, spans, headers)


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

    def __init__(
        self, opened: Open, spans: tuple[Span, ...] | None, headers: dict[str, str]
    ) -> None:
        self._opened = opened
        self._spans = spans
        self._parts: tuple[tuple[bytes, Span], ...]
        self._tail = b""
        length = opened.length
        if spans is None:
            status, self._parts = 200, ((b"", (0, length)),)
        elif len(spans) == 1:
            status, self._parts = 206, ((b"", spans[0]),)
            headers["content-range"] = f"bytes {spans[0][0]}-{spans[0][1] - 1}/{length}"
        else:
            status = 206
            boundary = secrets.token_hex(12)
            kind = headers["content-type"]
            headers["content-type"] = f"multipart/byteranges; boundary={boundary}"
            self._parts = tuple(_multipart(spans, boundary, kind, length))
            self._tail = f"\r\n--{boundary}--\r\n".encode()
        size = sum(len(head) + stop - start for head, (start, stop) in self._parts)
        headers["content-length"] = str(size + len(self._tail))
        super().__init__(None, status, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, and close it."""
        left = asyncio.Event()
        watching = asyncio.get_running_loop().create_task(_watch(receive, left))
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] != "HEAD":
                is_native = EXTENSION in scope.get("extensions", {})
                for head, span in self._parts:
                    if head:
                        await _send_body(send, head)
                    await self._send_span(send, span, left, is_native=is_native)
                if left.is_set():
                    return
            await send({"type": "http.response.body", "body": self._tail})
        finally:
            self._opened.file.close()
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
