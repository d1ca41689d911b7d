"""The paths of the operator's pages, each with who answers."""

from __future__ import annotations

from starlette.responses import Response

from outpour.web.admin.admin_pages import (
    Handler,
    Visit,
    changing,
    log_in,
    log_out,
    login_form,
    shown,
)


async def _now(visit: Visit) -> Response:
    return await visit.page("admin/now.html", {})


async def _refusals(visit: Visit) -> Response:
    return await visit.page("admin/refusals.html", {})


async def _history(visit: Visit) -> Response:
    return await visit.page("admin/history.html", {})


async def _events(visit: Visit) -> Response:
    return await visit.page("admin/events.html", {})


ADMIN_PAGES: tuple[tuple[str, str, Handler], ...] = (
    ("/admin", "GET", shown(_now)),
    ("/admin/login", "GET", login_form),
    ("/admin/login", "POST", log_in),
    ("/admin/logout", "POST", changing(log_out)),
    ("/admin/refusals", "GET", shown(_refusals)),
    ("/admin/history", "GET", shown(_history)),
    ("/admin/events", "GET", shown(_events)),
)
