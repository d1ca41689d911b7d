"""The headers that every answer carries, and the public path that every request may carry."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "object-src 'none'"
)
SECURITY = {
    "content-security-policy": PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_RAW = tuple((name.encode(), value.encode()) for name, value in SECURITY.items())


class Secured:
    """Adds the security headers that an answer has not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request with more headers in its answer."""

        async def send_secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                fields = message.get("headers", ())
                own = {name for name, _ in fields}
                added = [field for field in _RAW if field[0] not in own]
                message["headers"] = [*fields, *added]
            await send(message)

        await self._app(scope, receive, send_secured if scope["type"] == "http" else send)


class Unprefixed:
    """Takes the path of the public URL off requests.

    A reverse proxy may take it off or leave it; links always carry it. So it is taken off only
    where a path of ours remains: below `https://example.org/torrents/` there is another
    `/torrents/`.
    """

    def __init__(
        self,
        app: ASGIApp,
        prefix: str,
        rooms: frozenset[str],
        is_key: Callable[[str], bool],
    ) -> None:
        self._app = app
        self._prefix = prefix
        self._rooms = rooms
        self._is_key = is_key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request as if it had come without the prefix."""
        if self._prefix and scope["type"] == "http":
            path, raw_path = scope["path"], scope.get("raw_path") or b""
            if path == self._prefix:
                scope = {**scope, "path": "/", "raw_path": b"/"}
            elif path.startswith(self._prefix + "/") and raw_path.startswith(
                self._prefix.encode() + b"/"
            ):
                size = len(self._prefix)
                first = path[size + 1 :].partition("/")[0]
                if first in self._rooms or self._is_key(first):
                    scope = {**scope, "path": path[size:], "raw_path": raw_path[size:]}
        await self._app(scope, receive, send)
