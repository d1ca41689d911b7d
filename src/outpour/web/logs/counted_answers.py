"""An ASGI application whose answers are told of, for logs of any shape."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Tell = Callable[[Scope, int, int, float], None]
"""Takes the request, the status, the bytes of the body that were sent, and seconds."""


class CountedAnswers:
    """Has each answer told of once it is over, also one that failed half-way.

    Args:
        app: Answers.
        tell: Told; it must be quick.
    """

    def __init__(self, app: ASGIApp, tell: Tell) -> None:
        self._app = app
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and tell."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, length, began = 500, 0, time.monotonic()

        async def counted(message: Message) -> None:
            nonlocal status, length
            if message["type"] == "http.response.start":
                status = message["status"]
            length += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._tell(scope, status, length, time.monotonic() - began)
