"""What an HTTP server says of a file before anybody reads it: how long it is, and which one."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime

from outpour.base.deadline import Deadline
from outpour.base.errors import NetworkError
from outpour.base.http_answer import check_is_raw, length_of, part_of, wait_of
from outpour.base.http_fetch import opener, status_of, unreached
from outpour.base.http_route import DIRECT, Route
from outpour.base.identity import user_agent
from outpour.base.web_url import check_web_url

PROBE_S = 30.0
PROBE_HEADERS = {"Range": "bytes=0-0"}
"""Ask for the first byte; a `HEAD` is refused by many object stores."""
BUSY = frozenset({429, 503})
"""Answers that may be others a moment later."""


class BusyError(NetworkError):
    """A server has no time just now.

    Attributes:
        after_s: Seconds after which it wants to be asked again, 0 where it does not say.
    """

    def __init__(self, message: str, *, after_s: float = 0.0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after_s = after_s


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
        BusyError: It asks for patience.
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
                if error.code in BUSY:
                    after_s = wait_of(error.headers)
                    raise BusyError(f"`{url}`: {status_of(error)}", after_s=after_s) from None
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
    check_is_raw(url, headers)
    if status == 200:
        length = length_of(headers)
    else:
        part = part_of(headers)
        length = None if part is None else part.total
    if length is None:
        raise NetworkError(f"`{url}`: the server does not say how long it is")
    tag = headers.get("ETag", "").strip()
    if not tag or tag.startswith("W/"):
        tag = headers.get("Last-Modified", "").strip()
    return RemoteFile(
        url=url,
        place=place,
        length=length,
        # Of nothing no part can be given, and none is asked for.
        has_ranges=status != 200 or length == 0,
        tag=tag,
        media_type=headers.get("Content-Type", "").partition(";")[0].strip().lower(),
        modified_at=_seconds(headers.get("Last-Modified", "")),
    )


def _seconds(date: str) -> int:
    try:
        return max(0, int(parsedate_to_datetime(date).timestamp()))
    except (ValueError, OverflowError, TypeError):
        return 0
