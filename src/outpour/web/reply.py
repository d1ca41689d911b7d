"""Texts into answers: tagged, compressed, and empty for who has them already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from outpour.web.packed_text import PackedText, coding_of, is_worth_packing

NOT_HERE = "your file may exist elsewhere in the universe\nbut alas, not here\n"
"""What the classic tracker answered with 404."""


async def reply(
    request: Request,
    body: str | bytes,
    media_type: str,
    *,
    status: int = 200,
    cache: str = "no-cache",
    headers: Mapping[str, str] | None = None,
    packed: PackedText | None = None,
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
        packed: The text with the forms that are kept of it, where there are any.
    """
    raw = body.encode("utf-8", "replace") if isinstance(body, str) else body
    given = {"cache-control": cache, "vary": "accept-encoding", **(headers or {})}
    if status == 200:
        if "etag" not in given:
            given["etag"] = weak_tag(raw)
        tag = given["etag"]
        if is_listed(tag, request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=given)
    coding = coding_of(",".join(request.headers.getlist("accept-encoding")))
    if coding is not None and is_worth_packing(raw, media_type):
        raw = await (packed or PackedText(raw)).get(coding)
        given["content-encoding"] = coding
    return Response(raw, status, given, media_type)


def weak_tag(raw: bytes) -> str:
    """An entity tag for a text (RFC 9110, 8.8.3)."""
    return f'W/"{hashlib.blake2b(raw, digest_size=12).hexdigest()}"'


def is_listed(tag: str, field: str) -> bool:
    """Whether `If-None-Match` names a tag, by weak comparison."""
    opaque = tag.removeprefix("W/")
    listed = [entry.strip().removeprefix("W/") for entry in field.split(",")]
    return opaque in listed or "*" in listed
