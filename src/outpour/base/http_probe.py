"""What an HTTP server says of a file before anybody reads it: how long it is, and which one."""

from __future__ import annotations

import http.client
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime

from outpour.base.deadline import Deadline
from outpour.base.errors import NetworkError
from outpour.base.http_fetch import opener, status_of, unreached
from outpour.base.http_route import DIRECT, Route
from outpour.base.identity import user_agent
from outpour.base.web_url import check_web_url

PROBE_S = 30.0
PROBE_HEADERS = {"Range": "bytes=0-0"}
"""Ask for the first byte; a `HEAD` is refused by many object stores."""
_CONTENT_RANGE = re.compile(r"bytes (?:\d+-\d+|\*)/(\d+)\Z")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on an HTTP server.

    Attributes:
        url: As it was asked for.
        place: Where it is read, after redirects.
        length: Bytes.
        has_ranges: Parts of it can be asked for (RFC 9110, section 14), as web seeds must (BEP 19).
        tag: What changes with its content: a strong `ETag`, else `Last-Modified`, else empty.
        media_type: What the server takes it for, such as `text/html`; empty if it does not say.
        modified_at: Unix second of its `Last-Modified`, 0 if the server does not say.
    """

    url: str
    place: str
    length: int
    has_ranges: bool
    tag: str = ""
    media_type: str = ""
    modified_at: int = 0

    def is_same(self, other: RemoteFile) -> bool:
        """Whether another look found the same content, as far as the server tells."""
        return (self.length, self.tag) == (other.length, other.tag)


def probe(url: str, *, route: Route = DIRECT, timeout_s: float = PROBE_S) -> RemoteFile:
    """Ask a server about a file by its first byte; a `HEAD` is refused by many object stores.

    Args:
        url: Absolute.
        route: By which way.
        timeout_s: For everything together, redirects included.

    Raises:
        UsageError: The URL cannot be asked for over HTTP.
        NetworkError: The server is not reached, answers with an error, or says no length.
    """
    check_web_url(url)
    headers = raw_headers(route) | PROBE_HEADERS
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    try:
        try:
            with opener(route, Deadline.after(timeout_s)).open(request) as response:
                return read_head(url, response.url, response.status, response.headers)
        except urllib.error.HTTPError as error:
            with error:
                # Nothing of an empty file can be asked for.
                if error.code == 416:
                    return read_head(url, error.url, error.code, error.headers)
                raise NetworkError(f"`{url}`: {status_of(error)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise unreached(url, error, route) from error


def raw_headers(route: Route) -> dict[str, str]:
    """Headers that ask for a file as it is."""
    return {
        "User-Agent": user_agent(), "Accept": "*/*", "Accept-Encoding": "identity",
        **dict(route.headers),
    }  # fmt: skip


def read_head(url: str, place: str, status: int, headers: Message) -> RemoteFile:
    """Read what the head of an answer says of a file.

    Args:
        url: As it was asked for.
        place: Where the answer is from.
        status: Of HTTP: 200, 206 or 416.
        headers: Of the answer.

    Raises:
        NetworkError: It is compressed, or says no length.
    """
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise NetworkError(
            f"`{url}`: the server sends it compressed ({encoding}), and not as it is",
            hint="a web seed has to send the bytes themselves; turn compression off for this file",
        )
    if status == 200:
        said = headers.get("Content-Length", "")
    else:
        match = _CONTENT_RANGE.match(headers.get("Content-Range", "").strip())
        said = match[1] if match else ""
    if not (said.isascii() and said.isdigit()):
        raise NetworkError(f"`{url}`: the server does not say how long it is")
    tag = headers.get("ETag", "").strip()
    if not tag or tag.startswith("W/"):
        tag = headers.get("Last-Modified", "").strip()
    return RemoteFile(
        url=url,
        place=place,
        length=int(said),
        # Of nothing no part can be given, and none is asked for.
        has_ranges=status != 200 or int(said) == 0,
        tag=tag,
        media_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        modified_at=_seconds(headers.get("Last-Modified", "")),
    )


def _seconds(date: str) -> int:
    try:
        return max(0, int(parsedate_to_datetime(date).timestamp()))
    except (ValueError, OverflowError, TypeError):
        return 0
