"""What is said of a file of content before it is sent: worked out once a file, not once a range."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from outpour.web.disposition import disposition
from outpour.web.limits import FILE_HEADERS_KEPT
from outpour.web.text_format import http_date

RawFields = tuple[tuple[bytes, bytes], ...]

# A published file is opened in the browser with the origin of the pages, so it may not script:
# only these kinds are shown in place, all others are saved. The policy stands behind that.
SHOWN = ("audio/", "image/", "text/plain", "video/", "application/pdf")
SAVED = ("image/svg",)
CONTENT_POLICY = (
    "default-src 'none'; img-src 'self'; media-src 'self'; object-src 'self'; "
    "style-src 'unsafe-inline'; frame-ancestors 'none'"
)
ENCODED = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
# With `nosniff` no browser runs or applies the others as what they are.
AS_TEXT = ("text/plain", "text/javascript", "application/javascript", "text/css")


@dataclass(frozen=True, slots=True)
class FileHeaders:
    """The headers of a file, whatever of it is sent.

    Attributes:
        modified: When it was last changed, as HTTP writes it.
        fields: All, by name.
        raw: The same, as they are sent.
    """

    modified: str
    fields: Mapping[str, str]
    raw: RawFields

    def typed(self, kind: str) -> RawFields:
        """The same of a body of another type."""
        own = (b"content-type", kind.encode("latin-1"))
        return tuple(own if name == own[0] else (name, value) for name, value in self.raw)


@lru_cache(FILE_HEADERS_KEPT)
def file_headers(name: str, modified_s: int, tag: str) -> FileHeaders:
    """The headers of a file by its name, Unix second of change and entity tag."""
    modified = http_date(modified_s)
    kind = media_type(name)
    is_shown = kind.startswith(SHOWN) and not kind.startswith(SAVED)
    fields = {
        "accept-ranges": "bytes",
        "cache-control": "no-cache",
        "content-disposition": disposition(name, "inline" if is_shown else "attachment"),
        "content-security-policy": CONTENT_POLICY + ("" if is_shown else "; sandbox"),
        "content-type": kind,
        "etag": tag,
        "last-modified": modified,
    }
    raw = ((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields.items())
    return FileHeaders(modified, fields, tuple(raw))


def media_type(name: str) -> str:
    """The type of a file by its name; an archive is not passed off as its content."""
    guessed, encoding = mimetypes.guess_type(name.encode("utf-8", "replace").decode())
    if encoding is not None:
        return ENCODED.get(encoding, "application/octet-stream")
    if guessed in AS_TEXT:
        return "text/plain; charset=utf-8"
    return guessed or "application/octet-stream"
