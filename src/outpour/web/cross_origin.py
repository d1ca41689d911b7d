"""Lets pages of other sites read what is open to all (CORS), and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS = "GET, HEAD, OPTIONS"
READING = METHODS.split(", ")
PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": METHODS,
    "access-control-allow-headers": "accept, cache-control, if-modified-since, if-none-match, "
    "if-range, last-event-id, range",
    "access-control-max-age": "86400",
}
EXPOSED = "accept-ranges, content-disposition, content-length, content-range, etag, retry-after"
_READERS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
)


class CrossOrigin:
    """Says of public answers that any site may read them.

    No credentials are let through: neither a cookie nor a token comes with such a request, so that
    another site sees what a stranger sees. What needs either is not readable at all.

    Args:
        app: Answers.
        is_public: Whether a path is open to all, for reading.
        methods: What else can be done at a path.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_public: Callable[[str], bool],
        methods: Callable[[str], Iterable[str]],
    ) -> None:
        self._app = app
        self._is_public = is_public
        self._methods = methods

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, with more headers where it is public."""
        is_reading = scope["type"] == "http" and scope["method"] in READING
        if not is_reading or not self._is_public(scope["path"]):
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            allowed = ", ".join((METHODS, *self._methods(scope["path"])))
            answer = Response(status_code=204, headers={"allow": allowed, **PREFLIGHT})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, _shared(send))


def _shared(send: Send) -> Send:
    async def send_shared(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_READERS]
        await send(message)

    return send_shared
