"""An ASGI application served on connections that the tracker hands over, or on its own port."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from email.utils import formatdate
from functools import partial

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
from uvicorn.server import ServerState

from outpour.web.connection_table import ConnectionTable
from outpour.web.guarded_protocol import SPARE, GuardedProtocol
from outpour.web.limits import KEEP_ALIVE_S, STOP_S
from outpour.web.sendfile import ZeroCopy

POLL_S = 0.02
HEALTHZ = "/healthz"
NO_PATH = PlainTextResponse("the target of a request is a path here\n", 400)
CROWDED = PlainTextResponse("too many connections are open\n", 503, {"retry-after": "10"})


class WebServer:
    """Runs uvicorn's protocol without its server, signal handlers and main loop.

    Example:
        server = WebServer(make_app(view, WebOptions()))
        await server.start()
        server.adopt(fd, prefix)
        await server.stop()

    Args:
        app: The application.
        trusted_proxies: Networks of proxies, which have as many connections as they have visitors.
        give_back: Takes a descriptor and bytes: each adopted connection, once its request is
            answered, and what was read from it since. None keeps them.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        trusted_proxies: Sequence[str] = (),
        give_back: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self._app = ZeroCopy(app)
        self._give_back = give_back
        self._table = ConnectionTable(trusted_proxies)
        self._config = Config(
            self._serve,
            interface="asgi3",
            http=GuardedProtocol,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._state = ServerState()
        self._listeners: list[asyncio.Server] = []
        self._adopting: set[asyncio.Task[None]] = set()
        self._ticking: asyncio.Task[None] | None = None
        self._is_running = False

    @property
    def connection_count(self) -> int:
        """Open connections."""
        return len(self._state.connections)

    async def start(self) -> None:
        """Start the application's lifespan.

        Raises:
            RuntimeError: The application failed to start.
        """
        self._config.load()
        self._lifespan = self._config.lifespan_class(self._config)
        await self._lifespan.startup()
        if self._lifespan.should_exit:
            raise RuntimeError("web: the application did not start; this is a bug")
        self._tick()
        self._ticking = asyncio.get_running_loop().create_task(self._keep_date())
        self._is_running = True

    async def listen(self, host: str, port: int) -> tuple[str, int]:
        """Accept connections on a port of its own; 0 takes a free one.

        Returns:
            The address bound.

        Raises:
            OSError: The address cannot be bound.
        """
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._protocol, host, port, backlog=1024)
        self._listeners.append(server)
        address = server.sockets[0].getsockname()
        return address[0], address[1]

    async def listen_at(self, listener: socket.socket) -> None:
        """Accept connections of a socket that is bound already, and closed with the server."""
        loop = asyncio.get_running_loop()
        self._listeners.append(await loop.create_server(self._protocol, sock=listener))

    def adopt(self, fd: int, prefix: bytes = b"") -> None:
        """Take over an accepted connection; call it on the event loop.

        Args:
            fd: The socket, owned by the server from now on.
            prefix: What was already read from it; the rest is read here.
        """
        try:
            connection = socket.socket(fileno=fd)
        except OSError:
            # The peer may be gone so thoroughly that the socket tells nothing about itself.
            with suppress(OSError):
                socket.close(fd)
            return
        if not self._is_running:
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(self._adopt(connection, prefix))
        self._adopting.add(task)
        task.add_done_callback(self._adopting.discard)

    async def stop(self, grace_s: float = STOP_S) -> None:
        """Stop listening, let requests in progress end, cut what is left after the grace."""
        self._is_running = False
        for listener in self._listeners:
            listener.close()
        for task in tuple(self._adopting):
            task.cancel()
        # Event streams end with the lifespan; nothing else of the application needs it.
        await self._lifespan.shutdown()
        for connection in tuple(self._state.connections):
            connection.shutdown()
        deadline = time.monotonic() + grace_s
        while (self._state.connections or self._state.tasks) and time.monotonic() < deadline:  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(POLL_S)
        # Requests before their connections: asyncio logs a fault of its own if a transport goes
        # away below a running `sendfile`.
        left = tuple(self._state.tasks)
        for request in left:
            request.cancel()
        await asyncio.gather(*left, *self._adopting, return_exceptions=True)
        for connection in tuple(self._state.connections):
            connection.transport.abort()
        # One turn of the loop for each connection to end.
        await asyncio.sleep(0)
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        for listener in self._listeners:
            await listener.wait_closed()
        self._listeners.clear()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The rules of who may see what know paths, and `*` is none (RFC 9112, section 3.2.4).
        app: ASGIApp = self._app if scope.get("path", "/").startswith("/") else NO_PATH
        if SPARE in scope.get("extensions", {}):
            cycle = getattr(send, "__self__", None)
            if isinstance(cycle, RequestResponseCycle):
                cycle.keep_alive = False
            if not scope["path"].endswith(HEALTHZ):
                app = CROWDED
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            cycle = getattr(send, "__self__", None)
            if self._is_running or not isinstance(cycle, RequestResponseCycle):
                raise
            # What stopping cuts is no fault to log: the connection counts as lost.
            cycle.disconnected = True

    def _protocol(self, prefix: bytes = b"", *, is_adopted: bool = False) -> GuardedProtocol:
        return GuardedProtocol(
            self._config,
            self._state,
            self._lifespan.state,
            table=self._table,
            give_back=self._give_back if is_adopted else None,
            prefix=prefix,
        )

    async def _adopt(self, connection: socket.socket, prefix: bytes) -> None:
        try:
            connection.setblocking(False)
            loop = asyncio.get_running_loop()
            protocol = partial(self._protocol, prefix, is_adopted=True)
            await loop.connect_accepted_socket(protocol, connection)
        except BaseException as error:
            connection.close()
            if not isinstance(error, OSError):
                raise

    async def _keep_date(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._tick()

    def _tick(self) -> None:
        date = formatdate(time.time(), usegmt=True).encode()
        self._state.default_headers = [(b"date", date)]
