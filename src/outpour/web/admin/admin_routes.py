"""The paths of the operator's pages, each with who answers."""

from __future__ import annotations

from outpour.web.admin.admin_pages import Handler, changing, log_in, log_out, login_form, shown
from outpour.web.admin.events_page import events_page
from outpour.web.admin.history_page import history_page
from outpour.web.admin.now_page import now_page, stream
from outpour.web.admin.refusals_page import refusals_page

ADMIN_PAGES: tuple[tuple[str, str, Handler], ...] = (
    ("/admin", "GET", shown(now_page)),
    ("/admin/stream", "GET", stream),
    ("/admin/login", "GET", login_form),
    ("/admin/login", "POST", log_in),
    ("/admin/logout", "POST", changing(log_out)),
    ("/admin/refusals", "GET", shown(refusals_page)),
    ("/admin/history", "GET", shown(history_page)),
    ("/admin/events", "GET", shown(events_page)),
)
