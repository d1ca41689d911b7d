"""Runs a tracker and its web side on the same sockets, until a signal ends both."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from starlette.types import ASGIApp

from outpour.web.asgi_server import WebServer

SWITCH_S = 0.001
"""How long the event loop waits for the interpreter, at each of the few steps of an answer."""


class StartedTracker(Protocol):
    """What is needed of a tracker that was started; `TrackerService` is one."""

    @property
    def handoff_fd(self) -> int:
        """Readable when connections wait for `take_connections`."""

    def take_connections(self) -> list[tuple[int, bytes]]:
        """Connections that are not the tracker's: descriptor, and what was read from it."""

    def give_back(self, fd: int, read: bytes) -> None:
        """Go on with a connection that was taken, and with what was read from it since."""

    async def run(self) -> None:
        """Do the tracker's housekeeping until cancelled."""

    def stop(self) -> None:
        """Stop answering, and save everything."""

    def reload(self) -> None:
        """Look through folder and lists now."""


@asynccontextmanager
async def web_side(
    tracker: StartedTracker, app: ASGIApp, *, trusted_proxies: Sequence[str] = ()
) -> AsyncIterator[WebServer]:
    """Serve an application on the connections that the tracker hands over.

    Example:
        async with web_side(service, make_app(service, WebOptions())):
            await service.run()
    """
    server = WebServer(app, trusted_proxies=trusted_proxies, give_back=tracker.give_back)
    await server.start()
    loop = asyncio.get_running_loop()

    def adopt() -> None:
        for fd, prefix in tracker.take_connections():
            server.adopt(fd, prefix)

    loop.add_reader(tracker.handoff_fd, adopt)
    try:
        yield server
    finally:
        loop.remove_reader(tracker.handoff_fd)
        await server.stop()


async def serve(
    tracker: StartedTracker,
    app: ASGIApp,
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_hangup: Callable[[], None] = lambda: None,
    alongside: Sequence[Callable[[], Awaitable[None]]] = (),
    trusted_proxies: Sequence[str] = (),
) -> None:
    """Serve until SIGTERM or SIGINT; then stop both sides and save.

    SIGHUP makes the tracker look through its lists.

    Args:
        tracker: Started; it is stopped here whatever happens.
        app: The web side.
        on_ready: Called once everything is served.
        on_hangup: Called on SIGHUP, before the lists are looked through.
        alongside: What else runs meanwhile; cancelled at the end.
        trusted_proxies: Networks of proxies, which have as many connections as they have visitors.

    Raises:
        WriteError: Not all could be saved at the end.
    """
    _answer_soon()
    stop = asyncio.Event()
    parts: list[asyncio.Future[object]] = []

    def hang_up() -> None:
        on_hangup()
        tracker.reload()

    try:
        with _handling({signal.SIGTERM: stop.set, signal.SIGINT: stop.set, signal.SIGHUP: hang_up}):
            async with web_side(tracker, app, trusted_proxies=trusted_proxies):
                on_ready()
                for work in (stop.wait, tracker.run, *alongside):
                    parts.append(asyncio.ensure_future(work()))
                await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
                for part in parts:
                    part.cancel()
                results = await asyncio.gather(*parts, return_exceptions=True)
    finally:
        tracker.stop()
    for result in results:
        if isinstance(result, Exception):
            raise result


def _answer_soon() -> None:
    """Keep the interpreter from holding up the event loop.

    Pages are put together on a thread beside it, and it gets its turn the sooner. What is there by
    now stays, so the collector need not look through ten thousand torrents again and again.
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()


@contextmanager
def _handling(handlers: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
