"""Fetches a URL over HTTP or HTTPS: bounded in size and time, with one clear error.

What a server claims about the type of its answer is not believed; callers look at the bytes.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Protocol

from outpour.base.deadline import Deadline, Silence
from outpour.base.errors import NetworkError, UsageError, reason
from outpour.base.http_connection import HttpProxyHandler, TimedHandler
from outpour.base.http_route import DIRECT, UNTRUSTED, Route, is_same_server
from outpour.base.identity import user_agent
from outpour.base.units import MIB, format_size
from outpour.base.web_url import check_web_url

BYTES_MAX = 64 * MIB
CHUNK = 1 << 16
PLACE_SHOWN_MAX = 100
SAID_SHOWN_MAX = 100
REDIRECTS = frozenset({300, 301, 302, 303, 307, 308})
UNKNOWN_SIGNERS = frozenset({18, 19, 20, 21})
"""What OpenSSL calls certificates that lead to none of those to be trusted (X509_V_ERR_...)."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer.

    Attributes:
        url: Where it came from, after redirects.
        status: The HTTP status code.
        body: All of it, with compression undone.
        headers: By their names in lower case; of those that came twice the last.
    """

    url: str
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


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
    span: tuple[int, int] | None = None,
    route: Route = DIRECT,
    method: str = "GET",
    body: bytes | None = None,
) -> Fetched:
    """Get a URL, or send something there, following redirects to HTTP and HTTPS only.

    Args:
        url: Absolute.
        bytes_max: Longer answers are refused.
        timeout_s: For everything together: names, redirects, headers and body.
        accept: The `Accept` header.
        any_status: Return answers of 304, 4xx and 5xx too: some carry the reason in their body.
        span: The first and the last byte to ask for; a server may still send all of them.
        route: By which way.
        method: Of the request.
        body: What it carries.

    Raises:
        UsageError: The URL cannot be asked for over HTTP.
        NetworkError: The server is not reached, answers with an error, too much or too slowly.
    """
    check_web_url(url)
    opened_by = opener(route, Deadline.after(timeout_s))
    headers = {"User-Agent": user_agent(), "Accept": accept, **dict(route.headers)}
    if span is not None:
        headers["Range"] = f"bytes={span[0]}-{span[1]}"
    try:
        request = urllib.request.Request(url, body, headers, method=method)  # noqa: S310 - checked
        try:
            with opened_by.open(request) as response:
                found = _read(response, url, bytes_max)
                return Fetched(response.url, response.status, found, _fields(response))
        except urllib.error.HTTPError as error:
            with error:
                if not any_status:
                    raise NetworkError(f"`{url}`: {status_of(error)}") from None
                found = _read(error, url, bytes_max)
                return Fetched(error.url, error.code, found, _fields(error))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise unreached(url, error, route) from error


def lines_of(
    url: str, silence_s: float, line_bytes_max: int, *, route: Route = DIRECT
) -> Iterator[str]:
    """Get a URL whose answer goes on and on, line by line, without their ends.

    Args:
        url: Absolute.
        silence_s: How long nothing may come.
        line_bytes_max: Longer lines are refused.
        route: By which way.

    Raises:
        UsageError: The URL cannot be asked for over HTTP.
        NetworkError: The server is not reached, answers with an error, or is silent.
    """
    check_web_url(url)
    opened_by = opener(route, Silence(silence_s))
    headers = {"User-Agent": user_agent(), **dict(route.headers)}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked above
    try:
        with opened_by.open(request) as response:
            while line := response.readline(line_bytes_max + 1):
                if len(line) > line_bytes_max:
                    raise NetworkError(f"`{url}`: a line is longer than {line_bytes_max} bytes")
                yield line.rstrip(b"\r\n").decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        with error:
            raise NetworkError(f"`{url}`: {status_of(error)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise unreached(url, error, route) from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, private: Iterable[str]) -> None:
        self.private = tuple(private)

    def http_error_302(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any) -> Any:  # noqa: ANN401 - as it is there
        if (place := headers.get("Location", "")) != place.strip():
            headers.replace_header("Location", place.strip())
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: Any, code: int, *rest: Any) -> Any:  # noqa: ANN401
        try:
            _check_redirect(req.full_url, rest[-1])
        except NetworkError:
            fp.close()
            raise
        # Pythons before 3.11 do not know 308, which is to 301 what 307 is to 302.
        code = 307 if code == 308 else code
        request = super().redirect_request(req, fp, code, *rest)
        if request is not None and not is_same_server(request.full_url, req.full_url):
            # What a person sends to one server is not another's to read, nor anybody's between.
            for name in self.private:
                request.remove_header(name.capitalize())
        return request


def _check_redirect(url: str, place: str) -> None:
    scheme = place.partition(":")[0].lower()
    if scheme not in ("http", "https"):
        raise NetworkError(f"`{url}`: it redirects to `{scheme}:`, which is not fetched")
    try:
        check_web_url(place)
    except UsageError as error:
        raise NetworkError(f"`{url}`: it redirects to {error.message}") from None


def opener(route: Route, deadline: Deadline) -> urllib.request.OpenerDirector:
    """What opens URLs and follows redirects to HTTP and HTTPS only, all before a deadline."""
    # build_opener would add `file:` and `ftp:`, which no redirect may lead to.
    director = urllib.request.OpenerDirector()
    proxy: urllib.request.BaseHandler | None = urllib.request.ProxyHandler()
    if route.may_reach is not None and route.proxy is None:
        proxy = None
    if route.proxy is not None:
        proxy = HttpProxyHandler(route.proxy) if route.proxy.scheme == "http" else None
    for handler in (
        proxy,
        TimedHandler(route, deadline),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(name for name, _ in route.headers),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        if handler is not None:
            director.add_handler(handler)
    return director


def _read(response: _Response, url: str, bytes_max: int) -> bytes:
    inflate = None
    if response.headers.get("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip"):
        inflate = zlib.decompressobj(wbits=31)
    body = bytearray()
    is_empty = True
    while chunk := response.read(CHUNK):
        is_empty = False
        if inflate is not None:
            try:
                chunk = inflate.decompress(chunk, bytes_max + 1 - len(body))
            except zlib.error as error:
                raise NetworkError(f"`{url}`: its compression is damaged") from error
        body += chunk
        if len(body) > bytes_max:
            raise NetworkError(f"`{url}`: the answer is longer than {format_size(bytes_max)}")
    missing = getattr(response, "length", None)
    if missing or (inflate is not None and not is_empty and not inflate.eof):
        raise NetworkError(f"`{url}`: the answer is cut short")
    return bytes(body)


def _fields(response: _Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def status_of(error: urllib.error.HTTPError) -> str:
    """What an answer that is an error says, in words."""
    if error.code in REDIRECTS:
        place = error.headers.get("Location", "")[:PLACE_SHOWN_MAX]
        if place.partition(":")[0].lower() not in ("http", "https", place.lower()):
            return f"HTTP {error.code}: it redirects to `{place}`, which is not fetched"
        if not place:
            return f"HTTP {error.code}: it redirects, and does not say where"
        return f"HTTP {error.code}: it redirects without end"
    return f"HTTP {error.code} {_phrase(error)}"


def _phrase(error: urllib.error.HTTPError) -> str:
    return http.client.responses.get(error.code, "error").lower()


def unreached(url: str, error: Exception, route: Route) -> NetworkError:
    """Tell that a server could not be reached or understood, and what can be done about it."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    is_unknown = (
        isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in UNKNOWN_SIGNERS
    )
    hint = route.trust_hint if is_unknown else None
    return NetworkError(f"`{url}`: {why(error)}", hint=hint)


def why(error: Exception) -> str:
    """Why a server could not be reached or understood, in words."""
    if isinstance(error, urllib.error.URLError):
        if not isinstance(error.reason, Exception):
            # Of what a redirect leads to; what was asked for was looked at before.
            scheme = str(error.reason).removeprefix("unknown url type: ")
            return f"it redirects to `{scheme}:`, which is not fetched"
        error = error.reason
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, socket.gaierror):
        return "the host name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{UNTRUSTED}: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        what = error.reason.replace("_", " ").lower()
        return "it speaks no TLS" if what == "wrong version number" else f"no TLS with it: {what}"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer is cut short"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server hung up"
    if isinstance(error, OSError):
        return reason(error)
    # What Python says of a number or letter that it cannot read is nothing to a person.
    said = "" if isinstance(error, ValueError) else str(error)[:SAID_SHOWN_MAX]
    return f"not an HTTP answer: {said}" if said else "not an HTTP answer"
