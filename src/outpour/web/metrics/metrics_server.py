"""Metrics on an address of their own, apart from what the world sees."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import Route

from outpour.base.errors import NetworkError, reason
from outpour.base.host_port import Address, format_host_port
from outpour.web import pages
from outpour.web.asgi_server import WebServer
from outpour.web.metrics.metrics_reply import metrics

BACKLOG = 128


class MetricsServer:
    """Has its addresses from birth, and answers `/metrics` and `/healthz` there to whoever asks.

    Args:
        addresses: Where; none is served where there are none.

    Raises:
        NetworkError: An address is taken, forbidden or not ours.
    """

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._sockets: list[socket.socket] = []
        try:
            for address in addresses:
                self._sockets += (_bound(host, port) for host, port in address.sockets)
        except BaseException:
            self.close()
            raise

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each, with the ports that were given as 0."""
        return [one.getsockname()[:2] for one in self._sockets]

    async def run(self, site: Starlette) -> None:
        """Answer with the numbers of a site, until cancelled."""
        routes = [Route("/metrics", metrics), Route("/healthz", pages.healthz)]
        app = Starlette(routes=routes)
        app.state.context = site.state.context
        server = WebServer(app)
        await server.start()
        try:
            for one in self._sockets:
                await server.listen_at(one)
            await asyncio.Event().wait()
        finally:
            await server.stop()

    def close(self) -> None:
        """Give the addresses up."""
        for one in self._sockets:
            one.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise NetworkError(
            f"`{format_host_port(host, port)}`: {reason(error)}",
            hint="choose another address with `--metrics-listen`",
        ) from error
