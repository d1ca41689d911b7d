"""`/admin/events`: what happened, the newest first."""

from __future__ import annotations

from starlette.responses import Response

from outpour.web.admin.admin_pages import Visit

EVENTS_MAX = 100
"""On one page; older ones are a link away."""


async def events_page(visit: Visit) -> Response:
    """`GET /admin/events`: the page."""
    log = visit.console.operation.log
    asked = visit.request.query_params
    kind = asked.get("kind", "") if asked.get("kind", "") in log.kinds else ""
    text = asked.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
    found = log.latest(EVENTS_MAX + 1, kind=kind, before=before)
    values: dict[str, object] = {
        "kinds": log.kinds,
        "kind": kind,
        "events": found[:EVENTS_MAX],
        "older": found[EVENTS_MAX - 1].number if len(found) > EVENTS_MAX else None,
        "is_later": bool(before),
    }
    return await visit.page("admin/events.html", values)
