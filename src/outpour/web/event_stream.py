"""A listener's messages as a stream of server-sent events."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from outpour.base.within import within
from outpour.web.api.problem import Problem
from outpour.web.connection_table import site_of
from outpour.web.context import Context, context_of
from outpour.web.forwarded import address_of
from outpour.web.limits import EVENT_HEARTBEAT_S, EVENT_SEND_S, PAGE_ROWS_MAX
from outpour.web.live_numbers import Listener, TooManyListenersError
from outpour.web.query import Query

ABORT = "outpour.abort"
"""Key of `scope["extensions"]`: a call that cuts the connection without waiting for its reader."""

RECONNECT_MS = 2000


class Speaker(Protocol):
    """Whoever leaves messages for listeners."""

    def leave(self, listener: Listener) -> None:
        """Leave no more for this one."""


class EventStream(Response):
    """An answer that lasts until its reader or the server leaves."""

    def __init__(self, live: Speaker, listener: Listener) -> None:
        super().__init__(media_type="text/event-stream")
        # Without a length the answer is chunked; the last two headers keep proxies from storing it.
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"
        self._live = live
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        leaving = asyncio.get_running_loop().create_task(self._left(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
            elif not await self._pump(send):
                abort = scope.get("extensions", {}).get(ABORT)
                if abort is not None:
                    abort()
                    await asyncio.sleep(0)
        finally:
            self._live.leave(self._listener)
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving

    async def _pump(self, send: Send) -> bool:
        """Send until the end. False if the reader was too slow and must be cut."""
        message: bytes | None = f"retry: {RECONNECT_MS}\n\n".encode()
        while message is not None:
            try:
                sending = send({"type": "http.response.body", "body": message, "more_body": True})
                await within(EVENT_SEND_S, sending)
            except asyncio.TimeoutError:
                return False
            if self._listener.is_slow:
                return False
            try:
                message = await within(EVENT_HEARTBEAT_S, self._listener.next())
            except asyncio.TimeoutError:
                message = b": still here\n\n"
        await send({"type": "http.response.body", "body": b""})
        return True

    async def _left(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._listener.close()


async def events(request: Request) -> Response:
    """`/api/v1/events`: numbers of the torrents that the page of the same query shows."""
    context = context_of(request)
    try:
        address = address_of(request.client)
        site = site_of(address) if address is not None else None
        known = request.query_params.get("revision")
        listener = context.live.join(await _wanted(context, request), site, known)
    except TooManyListenersError:
        said = "too many event streams are open"
        raise Problem("unavailable", said, headers={"retry-after": "30"}) from None
    return EventStream(context.live, listener)


async def _wanted(context: Context, request: Request) -> list[bytes]:
    named = request.query_params.getlist("infohash")[:PAGE_ROWS_MAX]
    if named:
        return [bytes.fromhex(text) for text in named if _is_infohash(text)]
    query = Query.of(request.query_params)
    selection = await context.selections.get(context.url_names.rows(), query)
    return [row.infohash for row in selection.rows]


def _is_infohash(text: str) -> bool:
    return len(text) == 40 and all(letter in "0123456789abcdefABCDEF" for letter in text)
