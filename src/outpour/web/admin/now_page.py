"""`/admin`: what goes on now."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from heapq import nlargest

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from outpour.tracker.figures import TorrentRow
from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.admin_access import Known
from outpour.web.admin.admin_pages import Visit, console_of
from outpour.web.admin.console import Console
from outpour.web.admin.now_figures import figures_of
from outpour.web.admin.operation_charts import RANGES, requests_chart, slots_of
from outpour.web.admin.reasons import Reason, reason_of, refused_by_reason
from outpour.web.admin.usage import ClientKind
from outpour.web.admin.watchers import Seen
from outpour.web.admin.wrong_tokens import TooSoonError
from outpour.web.context import Context
from outpour.web.event_stream import EventStream
from outpour.web.links import Links
from outpour.web.live_numbers import TooManyListenersError

LARGEST = 10
EVENTS = 10
CLIENTS = 10
HOUR_S, DAY_S = 3600, 86_400
PARTS = ("largest", "latest")
"""Parts of the page that are sent as a whole when they change."""


async def now_page(visit: Visit) -> Response:
    """`GET /admin`: the page."""
    context, console = visit.context, visit.console
    range_ = RANGES[0]
    span = range_.span(context.view.now())
    hour = await console.operation.moments(span.began, range_.step_s)
    day = await console.operation.moments(span.ended - DAY_S, 600)
    values: dict[str, object] = {
        "figures": _figures(context, console),
        "chart_of_hour": await context.thread.run(
            lambda: requests_chart(span, slots_of(span, hour))
        ),
        "story": await console.story(),
        "refusals": _refusals(hour, day),
        "sums": _sums(hour, day),
        "largest": _largest(context),
        "latest": console.operation.log.latest(EVENTS),
        "now": context.view.now(),
        "clients": _clients(console),
        "panels": console.panels(),
        "has_seeder": "seeder_torrents" in console.operation.reading().levels,
    }
    return await visit.page("admin/now.html", values)


async def stream(request: Request) -> Response:
    """`GET /admin/stream`: what changes of the page."""
    console = console_of(request)
    try:
        known = console.access.known(request)
    except TooSoonError:
        known = None
    if known is None:
        return PlainTextResponse("log in first\n", 401, {"cache-control": "no-store"})
    try:
        listener = console.watchers.join(lambda: _may_watch(console, known))
    except TooManyListenersError:
        return PlainTextResponse("too many are watching\n", 503, {"retry-after": "30"})
    return EventStream(console.watchers, listener)


def looking(context: Context, console: Console) -> Callable[[bool], Awaitable[Seen]]:
    """What tells the watchers of a console what there is to see."""

    async def look(has_parts: bool) -> Seen:
        figures = _figures(context, console)
        if not has_parts:
            return Seen(figures, {})
        values = {
            "largest": _largest(context),
            "latest": console.operation.log.latest(EVENTS),
            "now": context.view.now(),
        }
        links = Links("", context.options.prefix)
        return Seen(
            figures,
            {
                name: context.templates.render(f"admin/{name}.html", {**values, "links": links})
                for name in PARTS
            },
        )

    return look


def _may_watch(console: Console, known: Known) -> bool:
    if known.session is None:
        return True
    return console.access.sessions.find(known.secret, is_request=False) is not None


def _figures(context: Context, console: Console) -> dict[str, str]:
    reading, lately = console.operation.lately()
    return figures_of(
        reading,
        lately,
        context.url_names.totals(),
        context.live.listener_count + len(console.watchers),
        time.monotonic() - console.began_s,
    )


def _refusals(hour: Sequence[Moment], day: Sequence[Moment]) -> list[tuple[Reason, float, float]]:
    """Reasons with how many were refused by them in the last hour, and day."""
    sums: dict[str, list[float]] = {}
    for place, moments in enumerate((hour, day)):
        for moment in moments:
            for key, count in refused_by_reason(moment.counts).items():
                sums.setdefault(key, [0.0, 0.0])[place] += count
    ordered = sorted(sums, key=lambda key: (-sums[key][0], -sums[key][1]))
    # The two come from tiers that begin at different times.
    return [(reason_of(key), sums[key][0], max(sums[key])) for key in ordered]


def _sums(hour: Sequence[Moment], day: Sequence[Moment]) -> dict[str, float]:
    def total(moments: Sequence[Moment], name: str) -> float:
        return sum(moment.counts.get(name, 0) for moment in moments)

    in_hour = total(hour, "downloads")
    return {"hour": in_hour, "day": max(in_hour, total(day, "downloads"))}


def _largest(context: Context) -> list[TorrentRow]:
    rows = context.url_names.rows()
    found = nlargest(LARGEST, rows, key=lambda row: row.complete + row.downloading)
    return [row for row in found if row.complete + row.downloading]


def _clients(console: Console) -> dict[str, Sequence[ClientKind]]:
    if console.usage is None:
        return {}
    return {
        "peer id": console.usage.clients(limit=CLIENTS),
        "user agent": console.usage.agents(limit=CLIENTS),
    }
