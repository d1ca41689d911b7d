"""The paths of the operator's pages, each with who answers."""

from __future__ import annotations

from outpour.web.admin.admin_pages import Handler, changing, log_in, log_out, login_form, shown
from outpour.web.admin.events_page import events_page
from outpour.web.admin.history_page import history_page
from outpour.web.admin.keys_page import KEYS, make_key, revoke_key
from outpour.web.admin.now_page import now_page, stream
from outpour.web.admin.rates_page import RATES, change_rates
from outpour.web.admin.refusals_page import refusals_page
from outpour.web.admin.rules_page import RULES, drop_rule, put_rule
from outpour.web.admin.torrents_page import (
    TORRENTS,
    add_torrent,
    announce_torrent,
    verify_torrent,
    withdraw_torrent,
)
from outpour.web.admin.web_seeds_page import WEB_SEEDS, drop_web_seed, name_web_seed

ADMIN_PAGES: tuple[tuple[str, str, Handler], ...] = (
    ("/admin", "GET", shown(now_page)),
    ("/admin/stream", "GET", stream),
    ("/admin/login", "GET", login_form),
    ("/admin/login", "POST", log_in),
    ("/admin/logout", "POST", changing(log_out)),
    ("/admin/refusals", "GET", shown(refusals_page)),
    ("/admin/history", "GET", shown(history_page)),
    ("/admin/events", "GET", shown(events_page)),
    ("/admin/torrents", "GET", TORRENTS.page()),
    ("/admin/torrents", "POST", add_torrent),
    ("/admin/torrents/withdraw", "POST", withdraw_torrent),
    ("/admin/torrents/announce", "POST", announce_torrent),
    ("/admin/torrents/verify", "POST", verify_torrent),
    ("/admin/web-seeds", "GET", WEB_SEEDS.page()),
    ("/admin/web-seeds", "POST", name_web_seed),
    ("/admin/web-seeds/drop", "POST", drop_web_seed),
    ("/admin/rules", "GET", RULES.page()),
    ("/admin/rules", "POST", put_rule),
    ("/admin/rules/undo", "POST", drop_rule),
    ("/admin/keys", "GET", KEYS.page()),
    ("/admin/keys", "POST", make_key),
    ("/admin/keys/revoke", "POST", revoke_key),
    ("/admin/rates", "GET", RATES.page()),
    ("/admin/rates", "POST", change_rates),
)
