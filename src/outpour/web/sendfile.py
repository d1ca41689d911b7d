"""Windows of files straight from the page cache into a connection of uvicorn.

This is the ASGI extension `http.response.zerocopysend`. uvicorn has none, yet its transport is
asyncio's, which can call `sendfile(2)`; what is added here is the bookkeeping of the answer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import BinaryIO

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

EXTENSION = "http.response.zerocopysend"
IS_LINUX = sys.platform == "linux"
WARM_BYTES = 256 << 10


class ZeroCopy:
    """Offers the extension to an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, with the extension if it came through uvicorn."""
        cycle = getattr(send, "__self__", None)
        if not isinstance(cycle, RequestResponseCycle):
            await self._app(scope, receive, send)
            return

        async def send_or_copy(message: Message) -> None:
            if message["type"] != EXTENSION:
                await send(message)
                return
            await _copy(cycle, send, message["file"], message["offset"], message["count"])
            if not message.get("more_body", False):
                await send({"type": "http.response.body", "body": b""})

        extensions = {**scope.get("extensions", {}), EXTENSION: {}}
        await self._app({**scope, "extensions": extensions}, receive, send_or_copy)


async def _copy(
    cycle: RequestResponseCycle, send: Send, file: BinaryIO, offset: int, count: int
) -> None:
    # What the headers and earlier parts left in the transport must go first.
    if cycle.flow.write_paused and not cycle.disconnected:
        await cycle.flow.drain()
    if cycle.disconnected or cycle.transport.is_closing():
        return
    await _warm(file, offset, count)
    sent = _sent_at_once(cycle.transport, file, offset, count)
    if sent == count:
        cycle.expected_content_length -= count
        return
    cycle.expected_content_length -= sent
    offset, count = offset + sent, count - sent
    loop = asyncio.get_running_loop()
    try:
        sent = await loop.sendfile(cycle.transport, file, offset, count, fallback=False)
    except asyncio.SendfileNotAvailableError:
        # This file system cannot; or the reader left, which the next write finds out.
        chunk = await to_thread.run_sync(os.pread, file.fileno(), count, offset)
        sent = len(chunk)
        if sent == count:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            return
    except (OSError, RuntimeError):
        sent = -1
    if sent != count:
        cycle.transport.abort()
        await asyncio.sleep(0)
        return
    cycle.expected_content_length -= count


def _sent_at_once(transport: asyncio.Transport, file: BinaryIO, offset: int, count: int) -> int:
    """Put into the socket what it has room for, and say how much that was.

    asyncio would take the socket from its loop and give it back, for what is one call as a rule.
    """
    connection = transport.get_extra_info("socket")
    is_plain = transport.get_extra_info("sslcontext") is None
    if not IS_LINUX or not is_plain or connection is None or transport.get_write_buffer_size():
        return 0
    try:
        return os.sendfile(connection.fileno(), file.fileno(), offset, count)
    except OSError:
        # Whatever it is, the longer way finds it out again, and knows what to do.
        return 0


async def _warm(file: BinaryIO, offset: int, count: int) -> None:
    """Have a window in the page cache, as `sendfile` would wait for the disk on the event loop."""
    if not hasattr(os, "RWF_NOWAIT"):
        return
    try:
        os.preadv(file.fileno(), [bytearray(1)], offset + count - 1, os.RWF_NOWAIT)
    except BlockingIOError:
        await to_thread.run_sync(_read_through, file, offset, offset + count)
    except OSError:
        # File systems in memory do not know the flag, and do not need it.
        return


def _read_through(file: BinaryIO, start: int, stop: int) -> None:
    buffer = memoryview(bytearray(WARM_BYTES))
    while start < stop:
        count = os.preadv(file.fileno(), [buffer[: stop - start]], start)
        if count == 0:
            return
        start += count
