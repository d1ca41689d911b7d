"""A page that shows how torrents do, on a port of its own and in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from markupsafe import Markup
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse
from starlette.routing import Route

from outpour.base.errors import NetworkError, reason
from outpour.base.host_port import Address, format_host_port
from outpour.base.text import printable
from outpour.base.units import count, format_rate, format_size
from outpour.engine import Status
from outpour.web.asgi_server import WebServer
from outpour.web.headers import Secured

ROWS_MAX = 2000
REFRESH_S = 5
START_S = 10.0
STYLE = (
    ":root{color-scheme:light dark}body{font:16px system-ui,sans-serif;margin:2rem auto;"
    "max-width:70rem;padding:0 1rem}table{border-collapse:collapse;width:100%}"
    "th,td{padding:.35rem .6rem;text-align:right;border-bottom:1px solid #8884}"
    "th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}"
)
_PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta http-equiv="refresh" content="{refresh}"><link rel="stylesheet" href="style.css">'
    "</head><body><h1>{title}</h1><p>{summary}</p><table><thead><tr><th>name</th><th>state</th>"
    "<th>size</th><th>up</th><th>sent</th><th>ratio</th><th>peers</th></tr></thead>"
    "<tbody>{rows}</tbody></table>{rest}</body></html>\n"
)
_ROW = Markup(
    "<tr><td>{name}</td><td>{state}</td><td>{size}</td><td>{up}</td><td>{sent}</td>"
    "<td>{ratio}</td><td>{peers}</td></tr>"
)


class TransferPage:
    """Serves what it was told last.

    Args:
        address: Where to listen; port 0 takes a free one.
        title: Of the page.

    Raises:
        NetworkError: The address cannot be listened on.

    Attributes:
        url: Of the page.
    """

    def __init__(self, address: Address, title: str) -> None:
        self._title = title
        self._statuses: Sequence[Status] = ()
        self._loop = asyncio.new_event_loop()
        self._server = WebServer(self._app())
        self._thread = threading.Thread(target=self._run, name="outpour-status", daemon=True)
        self._thread.start()
        try:
            listening = asyncio.run_coroutine_threadsafe(self._listen(address), self._loop)
            bound = listening.result(START_S)
        except OSError as error:
            self.close()
            raise NetworkError(f"`{address}`: cannot listen: {reason(error)}") from error
        shown = "127.0.0.1" if bound[0] == "0.0.0.0" else bound[0]  # noqa: S104 - compared
        self.url = f"http://{format_host_port(shown, bound[1])}/"

    def show(self, statuses: Sequence[Status]) -> None:
        """Have this shown from now on."""
        self._statuses = statuses

    def close(self) -> None:
        """Serve nothing more."""
        if self._loop.is_running():
            stopping = asyncio.run_coroutine_threadsafe(self._server.stop(0.5), self._loop)
            stopping.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._loop.stop))
        self._thread.join(START_S)

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    async def _listen(self, address: Address) -> tuple[str, int]:
        await self._server.start()
        first, *others = address.sockets
        bound = await self._server.listen(*first)
        for host, _ in others:
            await self._server.listen(host, bound[1])
        return bound

    def _app(self) -> Secured:
        routes = [
            Route("/", self._page),
            Route("/status.json", self._json),
            Route("/style.css", lambda _: PlainTextResponse(STYLE, media_type="text/css")),
        ]
        return Secured(Starlette(routes=routes))

    async def _page(self, request: Request) -> HTMLResponse:
        del request
        statuses = self._statuses
        rows = Markup("").join(map(_row, statuses[:ROWS_MAX]))
        hidden = len(statuses) - ROWS_MAX
        rest = Markup("<p>and {}</p>").format(count(hidden, "other")) if hidden > 0 else ""
        text = _PAGE.format(title=self._title, refresh=REFRESH_S, summary=_summary(statuses),
                            rows=rows, rest=rest)  # fmt: skip
        return HTMLResponse(text)

    async def _json(self, request: Request) -> JSONResponse:
        del request
        statuses = self._statuses
        return JSONResponse({
            "torrents": [
                {
                    "infohash": status.infohash.hex(),
                    "name": printable(status.name),
                    "state": status.state,
                    "length": status.total,
                    "up_rate": status.up_rate,
                    "uploaded": status.uploaded,
                    "peers": status.peers,
                    "error": status.error,
                }
                for status in statuses
            ],
            "up_rate": sum(status.up_rate for status in statuses),
            "peers": sum(status.peers for status in statuses),
        })  # fmt: skip


def _row(status: Status) -> Markup:
    state = status.state if status.error is None else f"{status.state}: {printable(status.error)}"
    return _ROW.format(
        name=printable(status.name), state=state, size=format_size(status.total),
        up=format_rate(status.up_rate), sent=format_size(status.uploaded),
        ratio=f"{status.ratio:.2f}", peers=status.peers,
    )  # fmt: skip


def _summary(statuses: Sequence[Status]) -> str:
    length = sum(status.total for status in statuses)
    rate = sum(status.up_rate for status in statuses)
    peers = sum(status.peers for status in statuses)
    return (
        f"{count(len(statuses), 'torrent')}, {format_size(length)}; up {format_rate(rate)} to "
        f"{count(peers, 'peer')}"
    )
