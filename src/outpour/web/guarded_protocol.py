"""uvicorn's HTTP protocol with what it lacks: limits, and a way back for its connections.

It answers one request, and then gives the connection back with all that came since: the next
request on it may be an announce, which is no business of this room. Where there is nobody to give
it to, as on a port of its own, it goes on by itself.

Who fetches content asks for one range after the other, and to hand each back and forth costs more
than to answer it. So after content a connection is held for a moment, and goes on here if more
content is asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from outpour.web.connection_table import ConnectionTable
from outpour.web.content_request import ROOM, is_content_request
from outpour.web.event_stream import ABORT
from outpour.web.limits import (
    HOLD_S,
    KEEP_ALIVE_S,
    READ_BYTES,
    REQUEST_BYTES_MAX,
    REQUEST_S,
    UPLOAD_BYTES_MAX,
    UPLOAD_S,
    UPLOADS,
    WRITE_STALL_S,
)
from outpour.web.request_cutter import RequestCutter

SPARE = "outpour.spare"
"""Key of `scope["extensions"]`: the connection has no place, and is for `/healthz` alone."""

_TOO_LONG = json.dumps(
    {
        "type": "about:blank",
        "title": "Content Too Large",
        "status": 413,
        "detail": "the request is too long",
        "error": "the request is too long",
    }
).encode()
"""RFC 9457."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection, which may come with bytes that someone else has read from it."""

    request_s = REQUEST_S
    request_bytes_max = REQUEST_BYTES_MAX
    write_stall_s = WRITE_STALL_S

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        table: ConnectionTable,
        give_back: Callable[[int, bytes], None] | None = None,
        prefix: bytes = b"",
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._table = table
        self._has_place = False
        self.last_active_s = self.loop.time()
        self._give_back = give_back
        self._prefix = prefix
        self._cutter = RequestCutter()
        # Bytes of the request that is being received.
        self._received = 0
        # What its body may have beyond that.
        self._upload_bytes_max = 0
        self._is_body = False
        # It was received whole; until it is answered nothing else is looked at.
        self._is_answering = False
        self._is_leaving = False
        # Content was asked for and sent; what is asked for next shows whose the connection is.
        self._is_held = False
        if give_back is not None:
            self.timeout_keep_alive = HOLD_S
        self._request_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with the bytes that were read before."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            # So much room is made for each read; what asyncio makes comes from the system and goes
            # back to it each time.
            transport.max_size = READ_BYTES
        self._has_place = self._table.enter(self, self.client)
        self._time_reader(transport)
        self._arm_request_timer()
        if self._prefix:
            prefix, self._prefix = self._prefix, b""
            self.data_received(prefix)

    def connection_lost(self, exc: Exception | None) -> None:
        """End, with the timers of the connection."""
        self._table.leave(self)
        self._disarm_request_timer()
        super().connection_lost(exc)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def evict(self) -> None:
        """Make room for another."""
        if self._is_held and not self.transport.get_write_buffer_size():
            self._leave()
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse a request that grows too long."""
        if self.parser is None or self.transport.is_closing():
            return
        self._cutter.add(data)
        if self._is_answering:
            # It is the business of whoever has the connection next, within bounds.
            if len(self._cutter) > self.request_bytes_max:
                self.flow.pause_reading()
            return
        self._unset_keepalive_if_required()
        if self._is_held and not is_content_request(self._cutter.held):
            self._part()
            return
        self._is_held = False
        self._advance()
        if self._request_timer is None and not self._is_answering:
            self._arm_request_timer()

    def _advance(self) -> None:
        while not self._is_answering and not self.transport.is_closing():
            part = self._cutter.take()
            if not part:
                if self._received and self._request_timer is None:
                    self._arm_request_timer()
                return
            self._received += len(part)
            if self._received > self.request_bytes_max + self._upload_bytes_max:
                if self._is_body:
                    self._refuse(b"413 Content Too Large", _TOO_LONG)
                else:
                    self._refuse(b"431 Request Header Fields Too Large")
            else:
                super().data_received(part)

    def on_message_begin(self) -> None:
        """Give the request its time."""
        self._is_body = False
        super().on_message_begin()
        # Most are there whole, and need none.
        if self._request_timer is not None:
            self._arm_request_timer()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {ABORT: self.transport.abort}
        if not self._has_place:
            scope["extensions"][SPARE] = {}
        self.last_active_s = self.loop.time()

    def on_headers_complete(self) -> None:
        """Begin to answer, and see how long the request is."""
        self._is_body = True
        super().on_headers_complete()
        fields = dict(self.headers)
        if self.parser.get_method() == UPLOADS[0] and self._is_upload():
            self._upload_bytes_max = UPLOAD_BYTES_MAX
            # Whoever is refused before all of it came is not listened to any longer.
            self.cycle.keep_alive = False
            self._arm_request_timer(UPLOAD_S)
        if b"transfer-encoding" in fields:
            # Only its parser knows where it ends, so nothing can follow it.
            self._cutter.expect_body(None)
            self.cycle.keep_alive = False
        else:
            self._cutter.expect_body(int(fields.get(b"content-length", 0)))

    def on_message_complete(self) -> None:
        """Let the answer take its time."""
        super().on_message_complete()
        self._disarm_request_timer()
        self._received = self._upload_bytes_max = 0
        self._is_answering = True
        if self.cycle.response_complete:
            # Not within the parser that is to forget it.
            self.loop.call_soon(self._go_on)

    def on_response_complete(self) -> None:
        """Go on once the answer went."""
        self.last_active_s = self.loop.time()
        super().on_response_complete()
        if self._is_answering:
            self._go_on()

    def resume_writing(self) -> None:
        """Go on once the reader took what the transport held."""
        super().resume_writing()
        if self._is_leaving and not self.transport.is_closing():
            self._leave()

    def timeout_keep_alive_handler(self) -> None:
        """End what is idle; what was held for more requests goes back, where it may be idle."""
        if self._is_held and not self.transport.is_closing():
            self._part()
        else:
            super().timeout_keep_alive_handler()

    def _go_on(self) -> None:
        if self.transport.is_closing():
            return
        if self._give_back is None:
            self._is_answering = False
            self._advance()
            return
        held = self._cutter.held
        if ROOM not in self.scope["raw_path"] or (held and not is_content_request(held)):
            self._part()
            return
        self._is_answering = False
        self._is_held = not held
        self._advance()

    def _part(self) -> None:
        """Give the connection back once all that was written is gone."""
        self._is_held, self._is_answering = False, True
        if self.transport.get_write_buffer_size():
            # `resume_writing` tells when it is empty.
            self._is_leaving = True
            self.transport.set_write_buffer_limits(high=0)
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(
                KEEP_ALIVE_S, self.timeout_keep_alive_handler
            )
        else:
            self._leave()

    def _leave(self) -> None:
        """Give the connection back, as a second descriptor that outlives the transport's own."""
        assert self._give_back is not None
        try:
            descriptor = os.dup(self.transport.get_extra_info("socket").fileno())
        except OSError:
            self._give_back = None
            self._go_on()
            return
        # From here on nothing is read for this protocol, so no byte is lost.
        self.transport.close()
        self._give_back(descriptor, self._cutter.rest())

    def _time_reader(self, transport: asyncio.Transport) -> None:
        # The kernel sees each byte that is taken, also of what `sendfile` put into the socket.
        connection = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = int(self.write_stall_s * 1000)
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def _is_upload(self) -> bool:
        path: bytes = self.scope["raw_path"]
        return path.endswith(UPLOADS[1])

    def _arm_request_timer(self, seconds: float | None = None) -> None:
        self._disarm_request_timer()
        self._request_timer = self.loop.call_later(seconds or self.request_s, self._give_up)

    def _disarm_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        if self._received:
            self._refuse(b"408 Request Timeout")
        else:
            # Browsers open connections ahead; one that was never used ends without a word.
            self.transport.close()

    def _refuse(self, status: bytes, problem: bytes = b"") -> None:
        # In the middle of an answer to an earlier request there is no place for another.
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            kind = b"content-type: application/problem+json\r\n" if problem else b""
            length = str(len(problem)).encode()
            self.transport.write(
                b"HTTP/1.1 %b\r\nconnection: close\r\n%bcontent-length: %b\r\n\r\n%b"
                % (status, kind, length, problem)
            )
            self.transport.close()
        else:
            self.transport.abort()
