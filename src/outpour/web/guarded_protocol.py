"""uvicorn's HTTP protocol with the limits it lacks: time and size of a request, stalled readers."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from outpour.web.connection_table import ConnectionTable
from outpour.web.event_stream import ABORT
from outpour.web.limits import REQUEST_BYTES_MAX, REQUEST_S, WRITE_STALL_S

SPARE = "outpour.spare"
"""Key of `scope["extensions"]`: the connection has no place, and is for `/healthz` alone."""


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
        prefix: bytes = b"",
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._table = table
        self._has_place = False
        self.last_active_s = self.loop.time()
        self._prefix = prefix
        self._unread = 0
        self._request_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with the bytes that were read before."""
        super().connection_made(transport)
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
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Parse, and refuse a request that grows too long."""
        if self.parser is None or self.transport.is_closing():
            return
        self._unread += len(data)
        super().data_received(data)
        if self._unread > self.request_bytes_max and not self.transport.is_closing():
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Give the request its time."""
        super().on_message_begin()
        self._arm_request_timer()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {ABORT: self.transport.abort}
        if not self._has_place:
            scope["extensions"][SPARE] = {}
        self.last_active_s = self.loop.time()

    def on_message_complete(self) -> None:
        """Let the answer take its time."""
        super().on_message_complete()
        self._disarm_request_timer()
        self._unread = 0

    def on_response_complete(self) -> None:
        """Note that the answer went."""
        self.last_active_s = self.loop.time()
        super().on_response_complete()

    def _time_reader(self, transport: asyncio.Transport) -> None:
        # The kernel sees each byte that is taken, also of what `sendfile` put into the socket.
        connection = transport.get_extra_info("socket")
        if connection is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
            milliseconds = int(self.write_stall_s * 1000)
            with suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)

    def _arm_request_timer(self) -> None:
        self._disarm_request_timer()
        self._request_timer = self.loop.call_later(self.request_s, self._give_up)

    def _disarm_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        if self._unread:
            self._refuse(b"408 Request Timeout")
        else:
            # Browsers open connections ahead; one that was never used ends without a word.
            self.transport.close()

    def _refuse(self, status: bytes) -> None:
        # In the middle of an answer to an earlier request there is no place for another.
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()
        else:
            self.transport.abort()
