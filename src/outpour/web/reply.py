"""Texts into answers: tagged, compressed, and empty for who has them already."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from outpour.web.limits import GZIP_BYTES_MIN

NOT_HERE = "your file may exist elsewhere in the universe\nbut alas, not here\n"
"""What the classic tracker answered with 404."""

GZIP_LEVEL = 5
GZIP_LEVEL_LARGE = 2
"""Of large texts: a third of the time, for an eighth more of bytes."""
GZIP_INLINE_BYTES_MAX = 64 << 10
"""About a millisecond of compressing; more is done beside the event loop."""


async def reply(
    request: Request,
    body: str | bytes,
    media_type: str,
    *,
    status: int = 200,
    cache: str = "no-cache",
    headers: Mapping[str, str] | None = None,
    packed: bytes | None = None,
) -> Response:
    """Answer with a text, or with 304 if the visitor holds the same one.

    The tag is weak, as the compressed and the plain form share it; `headers` may have another.

    Args:
        request: Says what the visitor holds and takes.
        body: The text.
        media_type: Of the text.
        status: Of the answer.
        cache: `Cache-Control`.
        headers: Further ones.
        packed: The text as gzip, where that is at hand.
    """
    raw = body.encode("utf-8", "replace") if isinstance(body, str) else body
    given = {"cache-control": cache, "vary": "accept-encoding", **(headers or {})}
    if status == 200:
        if "etag" not in given:
            given["etag"] = weak_tag(raw)
        tag = given["etag"]
        if is_listed(tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=given)
    if len(raw) >= GZIP_BYTES_MIN and accepts_gzip(request.headers.get("accept-encoding", "")):
        raw = packed if packed is not None else await _compressed(raw)
        given["content-encoding"] = "gzip"
    return Response(raw, status, given, media_type)


def weak_tag(raw: bytes) -> str:
    """An entity tag for a text (RFC 9110, 8.8.3)."""
    return f'W/"{hashlib.blake2b(raw, digest_size=12).hexdigest()}"'


def is_listed(tag: str, field: str) -> bool:
    """Whether `If-None-Match` names a tag, by weak comparison."""
    opaque = tag.removeprefix("W/")
    listed = [entry.strip().removeprefix("W/") for entry in field.split(",")]
    return opaque in listed or "*" in listed


def accepts_gzip(field: str) -> bool:
    """Whether `Accept-Encoding` allows gzip."""
    for entry in field.lower().split(","):
        coding, _, weight = entry.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def gzip_level(size: int) -> int:
    """How hard to compress so many bytes."""
    return GZIP_LEVEL if size <= GZIP_INLINE_BYTES_MAX else GZIP_LEVEL_LARGE


async def _compressed(raw: bytes) -> bytes:
    if len(raw) <= GZIP_INLINE_BYTES_MAX:
        return gzip.compress(raw, GZIP_LEVEL, mtime=0)
    level = gzip_level(len(raw))
    return await to_thread.run_sync(lambda: gzip.compress(raw, level, mtime=0))
