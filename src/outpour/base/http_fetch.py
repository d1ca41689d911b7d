"""Fetches a URL over HTTP or HTTPS: bounded in size and time, with one clear error.

What a server claims about the type of its answer is not believed; callers look at the bytes.
"""

from __future__ import annotations

import http.client
import socket
import time
import urllib.error
import urllib.request
import zlib
from dataclasses import dataclass
from email.message import Message
from typing import Protocol

from outpour.base.errors import NetworkError, UsageError, reason
from outpour.base.identity import user_agent
from outpour.base.units import MIB, format_size

BYTES_MAX = 64 * MIB
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        url: Where it came from, after redirects.
        status: The HTTP status code.
        body: All of it, with compression undone.
    """

    url: str
    status: int
    body: bytes


class _Response(Protocol):
    headers: Message

    def read(self, amount: int, /) -> bytes: ...


def fetch(
    url: str,
    *,
    bytes_max: int = BYTES_MAX,
    timeout_s: float = 30.0,
    accept: str = "*/*",
    any_status: bool = False,
) -> Fetched:
    """Get a URL, following redirects to HTTP and HTTPS only.

    Args:
        url: Absolute.
        bytes_max: Longer answers are refused.
        timeout_s: For the whole answer, not for each packet.
        accept: The `Accept` header.
        any_status: Return answers of 4xx and 5xx too: some carry the reason in their body.

    Raises:
        UsageError: The URL is neither HTTP nor HTTPS.
        NetworkError: The server is not reached, answers with an error, too much or too slowly.
    """
    if url.partition(":")[0].lower() not in ("http", "https"):
        raise UsageError(f"`{url}`: neither `http://` nor `https://`")
    deadline = time.monotonic() + timeout_s
    try:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            url, headers={"User-Agent": user_agent(), "Accept": accept}
        )
        try:
            with _opener().open(request, timeout=timeout_s) as response:
                body = _read(response, url, bytes_max, deadline)
                return Fetched(response.url, response.status, body)
        except urllib.error.HTTPError as error:
            with error:
                if not any_status:
                    raise NetworkError(f"`{url}`: HTTP {error.code} {_phrase(error)}") from None
                body = _read(error, url, bytes_max, deadline)
                return Fetched(error.url, error.code, body)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NetworkError(f"`{url}`: {_why(error)}") from error


def _opener() -> urllib.request.OpenerDirector:
    # build_opener would add `file:` and `ftp:`, which no redirect may lead to.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _read(response: _Response, url: str, bytes_max: int, deadline: float) -> bytes:
    inflate = None
    if response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip"):
        inflate = zlib.decompressobj(wbits=31)
    body = bytearray()
    while chunk := response.read(CHUNK):
        if inflate is not None:
            try:
                chunk = inflate.decompress(chunk, bytes_max + 1 - len(body))
            except zlib.error as error:
                raise NetworkError(f"`{url}`: its compression is damaged") from error
        body += chunk
        if len(body) > bytes_max:
            raise NetworkError(f"`{url}`: the answer is longer than {format_size(bytes_max)}")
        if time.monotonic() > deadline:
            raise NetworkError(f"`{url}`: timed out")
    return bytes(body)


def _phrase(error: urllib.error.HTTPError) -> str:
    return http.client.responses.get(error.code, "error").lower()


def _why(error: Exception) -> str:
    if isinstance(error, urllib.error.URLError):
        if not isinstance(error.reason, Exception):
            return str(error.reason)
        error = error.reason
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server hung up"
    if isinstance(error, OSError):
        return reason(error)
    return f"not an HTTP answer: {error}" if str(error) else "not an HTTP answer"
