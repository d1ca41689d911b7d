"""Requests as lines of a log: for people and the tools that read web servers' logs, or as JSON.

    HOST - - [TIME] "REQUEST" STATUS BYTES "REFERER" "USER AGENT"
    TIME HOST PROTOCOL ASKED refused CAUSE: WORDS (infohash HEX, client PREFIX, port PORT)

The first is a line of the access log, in the combined format; the second one of refusals. Keys of a
private tracker are not written down: a line has the key's id in its place.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from outpour.base.text import printable
from outpour.tracker.lists.passkey import Key

if TYPE_CHECKING:
    from outpour._core import Logged

Format = Literal["human", "json"]

_KEY = re.compile(
    r"(?P<before>^\S+ /(?:[^ ?]*/)?)(?P<key>[0-9A-Za-z_-]{1,64})(?=/(?:announce|scrape)\b)"
)
_LEFT_MAX = (1 << 63) - 1
"""More than anybody has left: the client did not say."""


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request to the web side that was answered.

    Attributes:
        at: Unix time in seconds of its end.
        host: Who asked.
        request: Method, target and version.
        status: Of the answer.
        length: Bytes of the answer's body.
        took_s: How long it took, in seconds.
        referer, user_agent: As they came; empty where they did not.
    """

    at: float
    host: str
    request: str
    status: int
    length: int
    took_s: float
    referer: str = ""
    user_agent: str = ""


def access_line(row: Logged, form: Format, *, has_keys: bool) -> str:
    """Write what the core tells of one request."""
    if form == "json":
        return _json(row.at_s, "info", "request", _facts(row, has_keys=has_keys))
    return _combined(
        row.host, row.at_s, _request(row, has_keys=has_keys) or _udp_request(row), 200,
        row.answer_bytes, _text(row.referer), _text(row.user_agent),
    )  # fmt: skip


def refusal_line(row: Logged, form: Format, *, has_keys: bool) -> str:
    """Write what the core tells of one request that was refused."""
    if form == "json":
        return _json(row.at_s, "warning", "refusal", _facts(row, has_keys=has_keys))
    facts = [
        f"infohash {row.infohash.hex()}" if row.infohash else "",
        f"client {_client(row.peer_id)}" if row.peer_id else "",
        f"port {row.port}" if row.port else "",
        f"agent {_text(row.user_agent)}" if row.user_agent else "",
    ]
    told = ", ".join(filter(None, facts))
    return (
        f"{stamp(row.at_s)} {row.host} {_protocol(row)} {row.asked} refused {row.cause}: "
        f"{row.failure}{f' ({told})' if told else ''}"
    )


def web_line(request: WebRequest, form: Format) -> str:
    """Write a request to the web side."""
    if form == "human":
        return _combined(
            request.host, request.at, request.request, request.status, request.length,
            request.referer, request.user_agent,
        )  # fmt: skip
    facts: dict[str, object] = {
        "protocol": "http",
        "asked": "web",
        "host": request.host,
        "request": request.request,
        "status": request.status,
        "bytes": request.length,
        "took_s": round(request.took_s, 6),
        "referer": request.referer or None,
        "user_agent": request.user_agent or None,
    }
    return _json(request.at, "info", "request", facts)


def missing_line(count: int, why: str, form: Format, now: float) -> str:
    """Say how many lines are missing, and why."""
    if form == "json":
        return _json(now, "warning", "lines_missing", {"count": count, "why": why})
    return f"# {stamp(now)} {count} lines are missing here: {why}"


def stamp(at: float) -> str:
    """A time as RFC 3339 has it, in UTC to the millisecond."""
    whole, milli = divmod(round(at * 1000), 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{milli:03}Z"


def without_key(request: str) -> str:
    """Put the id of a key in its place before `/announce` or `/scrape`."""
    return _KEY.sub(lambda match: match["before"] + hidden(match["key"]), request, count=1)


def hidden(key: str) -> str:
    """What stands in a log for a key."""
    return f"KEY-{Key(key).id}"


def _combined(
    host: str, at: float, request: str, status: int, length: int | None, *fields: str
) -> str:
    when = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at))
    quoted = " ".join(f'"{_quotable(field) or "-"}"' for field in fields)
    size = "-" if length is None else length
    return f'{host} - - [{when}] "{_quotable(request)}" {status} {size} {quoted}'


def _facts(row: Logged, *, has_keys: bool) -> dict[str, object]:
    facts: dict[str, object] = {
        "protocol": _protocol(row),
        "asked": row.asked,
        "host": row.host,
        "cause": row.cause,
        "message": row.failure,
        "infohash": row.infohash.hex() if row.infohash else None,
        "peer_id": _text(row.peer_id) if row.peer_id else None,
        "client": _client(row.peer_id) if row.peer_id else None,
        "port": row.port,
        "left": row.left if row.left is not None and row.left <= _LEFT_MAX else None,
        "announce_event": row.event,
        "request": _request(row, has_keys=has_keys) or None,
        "referer": _text(row.referer) or None,
        "user_agent": _text(row.user_agent) or None,
        "bytes": row.answer_bytes,
    }
    if row.reached is not None:
        facts["reached"] = row.reached
    return facts


def _protocol(row: Logged) -> str:
    return "udp" if row.request is None else "http"


def _request(row: Logged, *, has_keys: bool) -> str:
    request = _text(row.request)
    return without_key(request) if has_keys else request


def _udp_request(row: Logged) -> str:
    return " ".join(("UDP", row.asked, *_parameters(row)))


def _parameters(row: Logged) -> Iterator[str]:
    if row.infohash is None:
        return
    yield f"info_hash={row.infohash.hex()}"
    yield f"peer_id={_text(row.peer_id)}"
    yield f"port={row.port}"
    if row.left is not None and row.left <= _LEFT_MAX:
        yield f"left={row.left}"
    if row.event:
        yield f"event={row.event}"


def _client(peer_id: bytes) -> str:
    return _text(peer_id[:8])


def _text(raw: bytes | None) -> str:
    """Bytes that a client sent, fit to stand in a line."""
    return printable((raw or b"").decode("utf-8", "surrogateescape"))


def _quotable(text: str) -> str:
    # A quote would end the field it stands in.
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _json(at: float, level: str, event: str, facts: dict[str, object]) -> str:
    told = {name: value for name, value in facts.items() if value not in (None, "")}
    return json.dumps({"time": stamp(at), "level": level, "event": event, **told})
