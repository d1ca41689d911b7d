"""`/admin/history`: what the tracker as a whole did, from an hour to a year."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.line_chart import LineChart
from outpour.web.admin.operation_charts import RANGES, history_charts, range_of, slots_of
from outpour.web.admin.reasons import refused


async def history_page(visit: Visit) -> Response:
    """`GET /admin/history`: the page."""
    context = visit.context
    chosen = range_of(visit.request.query_params.get("range", ""))
    span = chosen.span(context.view.now())
    moments = await visit.console.operation.moments(span.began, chosen.step_s)

    def draw() -> list[LineChart]:
        return history_charts(span, slots_of(span, moments))

    values: dict[str, object] = {
        "ranges_all": RANGES,
        "chosen": chosen,
        "charts": await context.thread.run(draw),
        "sums": _sums(moments),
        "seen_s": sum(moment.seconds for moment in moments),
        "length_s": span.ended - span.began,
    }
    return await visit.page("admin/history.html", values)


def _sums(moments: Sequence[Moment]) -> dict[str, float]:
    found = {"answered": 0.0, "udp": 0.0, "refused": 0.0, "downloads": 0.0, "sent": 0.0}
    for moment in moments:
        counts = moment.counts
        found["udp"] += counts.get("announces_udp", 0)
        found["answered"] += counts.get("announces_udp", 0) + counts.get("announces_http", 0)
        found["refused"] += refused(counts)
        found["downloads"] += counts.get("downloads", 0)
        found["sent"] += counts.get("bytes_out_udp", 0) + counts.get("bytes_out_http", 0)
    return found
