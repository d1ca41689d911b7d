"""Who may see what: each room of the web side open, for key holders, the administrator, or off."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from outpour.web.admin.wrong_tokens import TooSoonError
from outpour.web.api.problem import KINDS, Problem, problem_response
from outpour.web.reply import NOT_HERE

KEY = "outpour.key"
"""Key of a scope: the key that its visitor holds."""

ROOM_OF = {
    "": "page",
    "index.html": "page",
    "classic": "page",
    "latest": "content",
    "torrent": "page",
    "api": "api",
    "feed.xml": "api",
    "feed.atom": "api",
    "feed.json": "api",
    "sitemap.xml": "page",
    "metrics": "metrics",
    "content": "content",
    "file": "content",
    "torrents": "content",
}
"""The room of a path by its first component; what is not here is open to all."""
READS = ("GET", "HEAD", "OPTIONS")
OWN_PATHS = tuple(
    f"/api/v1/{name}"
    for name in (
        "keys",
        "allowed",
        "denied",
        "banned-addresses",
        "denied-clients",
        "rates",
        "registrations",
    )
)
"""What is below these asks for an administrator by itself, and so does whatever changes something.
"""
LIVE_PATHS = ("/api/v1/events", "/api/v1/charts")
"""Part of the page as well as of the API."""
NEEDS_KEY = "this tracker is private: put your key before the path, as in `/KEY/`\n"
TOO_SOON = "wrong tokens came from this address: wait\n"
NEEDS_TOKEN = "this needs the administrator's token\n"  # noqa: S105 - a sentence
CHALLENGE = 'Basic realm="outpour", charset="UTF-8"'


def _nobody(_: str) -> bool:
    return False


class GuardedToken(Protocol):
    """Knows the administrator's token; `admin_access.AdminAccess` is one."""

    def is_token(self, given: str, request: Request, *, is_told: bool = True) -> bool:
        """Whether a token that came with a request is right.

        Raises:
            TooSoonError: This address gave wrong ones, and has to wait.
        """


@dataclass(frozen=True, slots=True)
class AccessRules:
    """Who may see what.

    Attributes:
        levels: `open`, `key`, `token` or `off` for `page`, `api`, `metrics` and `content`; one
            that is not named is open.
        is_key: Whether this is a key that counts now.
        token: Knows the administrator's token; None where nobody is one.
    """

    levels: Mapping[str, str] = field(default_factory=dict)
    is_key: Callable[[str], bool] = _nobody
    token: GuardedToken | None = None

    def is_token(self, scope: Scope, *, is_told: bool) -> bool:
        """Whether the administrator's token came with a request.

        Args:
            scope: Of the request.
            is_told: A wrong one is told of; where keys are asked for, it may be one that ended.

        Raises:
            TooSoonError: This address has to wait.
        """
        if self.token is None:
            return False
        token, request = self.token, Request(scope)
        secrets = _secrets(scope)
        return any(token.is_token(secret, request, is_told=is_told) for secret in secrets)

    def level(self, path: str, method: str = "GET") -> str:
        """The level of a path."""
        is_own = method not in READS and path.startswith("/api/")
        if is_own or path.startswith(OWN_PATHS):
            return "open"
        room = ROOM_OF.get(path.split("/")[1])
        if path in LIVE_PATHS:
            levels = [self.levels.get(one, "open") for one in ("page", "api")]
            return min(levels, key=("open", "key", "token", "off").index)
        return self.levels.get(room, "open") if room is not None else "open"


class Access:
    """Lets visitors in as the rules say.

    A key stands before the path, as in `/KEY/` and `/KEY/feed.xml`, so that every link of a page
    can carry it; or it comes as `Authorization: Bearer KEY`. So does the token, or as the password
    of a browser's dialogue.

    Args:
        app: Answers those who are let in.
        rules: Who may see what.
        rooms: First components of the paths of the application; none of them is a key.
    """

    def __init__(self, app: ASGIApp, rules: AccessRules, rooms: frozenset[str]) -> None:
        self._app = app
        self._rules = rules
        self._rooms = rooms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or say what it lacks."""
        answer = None
        if scope["type"] == "http":
            scope = self._with_key(scope)
            answer = self._refusal(scope)
        await (answer or self._app)(scope, receive, send)

    def _with_key(self, scope: Scope) -> Scope:
        path, raw_path = scope["path"], scope.get("raw_path") or b""
        first, _, rest = path[1:].partition("/")
        is_ours = first in self._rooms or rest.partition("/")[0] not in self._rooms
        if not is_ours and self._rules.is_key(first):
            size = len(first) + 1
            inner = {"path": path[size:] or "/", "raw_path": raw_path[size:] or b"/"}
            return {**scope, **inner, KEY: first}
        for secret in _secrets(scope):
            if self._rules.is_key(secret):
                return {**scope, KEY: secret}
        return scope

    def _refusal(self, scope: Scope) -> Response | None:
        level = self._rules.level(scope["path"], scope["method"])
        if level == "open" or (level == "key" and KEY in scope):
            return None
        if level == "off":
            return _said(scope, "off", NOT_HERE)
        try:
            if self._rules.is_token(scope, is_told=level == "token"):
                return None
        except TooSoonError as error:
            if level == "token":
                headers = {"retry-after": str(error.wait_s)}
                return _said(scope, "too-often", TOO_SOON, headers)
        if level == "token":
            return _said(scope, "needs-token", NEEDS_TOKEN, {"www-authenticate": CHALLENGE})
        return _said(scope, "needs-key", NEEDS_KEY)


def _said(scope: Scope, kind: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    if scope["path"].startswith("/api/"):
        return problem_response(Problem(kind, text.strip().replace("\n", " "), headers=headers))
    return PlainTextResponse(text, KINDS[kind].status, dict(headers or {}))


def _secrets(scope: Scope) -> list[str]:
    found = []
    for field_value in Headers(scope=scope).getlist("authorization"):
        scheme, _, value = field_value.partition(" ")
        if scheme.lower() == "bearer":
            found.append(value.strip())
        elif scheme.lower() == "basic":
            try:
                pair = base64.b64decode(value.strip(), validate=True).decode("utf-8")
            except (binascii.Error, ValueError):
                continue
            found.append(pair.partition(":")[2])
    return found
