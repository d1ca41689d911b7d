"""`/admin/torrents`: add, withdraw, announce anew and verify torrents."""

from __future__ import annotations

from outpour.base.units import format_size
from outpour.tracker.figures import TorrentRow
from outpour.tracker.verification import Verification
from outpour.web.admin.admin_forms import FormPage, Values, admin_of
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.form import Form
from outpour.web.admin.line_chart import number
from outpour.web.admin.notices import Notice
from outpour.web.api.deeds_api import withdraw_row
from outpour.web.query import Query, infohash_of
from outpour.web.text_format import label

ROWS_MAX = 50
"""Torrents on the page; search finds the others."""


async def _show(visit: Visit) -> Values:
    context, deeds = visit.context, admin_of(visit).deeds
    query = Query.of(visit.request.query_params)
    selection = await context.selections.get(context.url_names.rows(), query, rows_max=ROWS_MAX)
    rates = deeds.rates()
    return {
        "query": query,
        "selection": selection,
        "verifications": {
            row.infohash: _told(found)
            for row in selection.rows
            if (found := deeds.verification(row.infohash)) is not None
        },
        "has_content": {
            row.infohash for row in selection.rows if context.view.content(row.infohash) is not None
        },
        "has_seeder": rates.get("upload_rate") is not None,
    }


async def _add(visit: Visit, form: Form) -> Notice:
    deeds, file = admin_of(visit).deeds, form.files.get("torrent")
    if file is None:
        if not form.text("path"):
            raise ValueError("choose a .torrent file first")
        return await _publish(visit, form.text("path"))
    infohash, is_new = await deeds.add(file.content)
    row = visit.context.view.row(infohash)
    named = _named(row) if row is not None else infohash.hex()
    if not is_new:
        return Notice(f"`{named}` is tracked already.")
    deeds.log(visit.known.who, f"added `{named}`")
    return Notice(f"Added `{named}`: it is tracked from now on.")


async def _publish(visit: Visit, path: str) -> Notice:
    deeds = admin_of(visit).deeds
    infohash = await deeds.publish(path)
    shown = label(path[:200])
    if infohash is None:
        deeds.log(visit.known.who, f"wants `{shown}` published")
        return Notice(f"`{shown}` is looked at, and published once it is hashed.")
    return Notice(f"`{shown}` is published.")


async def _withdraw(visit: Visit, form: Form) -> Notice:
    row, admin = _row(visit, form), admin_of(visit)
    await withdraw_row(admin, row, visit.known.who, int(visit.context.view.now()))
    return Notice(f"Withdrew `{_named(row)}`: announces for it are refused from now on. The rules "
                  "have it among the torrents denied, where that is undone.")  # fmt: skip


async def _announce(visit: Visit, form: Form) -> Notice:
    row, deeds = _row(visit, form), admin_of(visit).deeds
    await deeds.reannounce(row.infohash)
    deeds.log(visit.known.who, f"announced `{_named(row)}` anew")
    return Notice(f"The seeder announces `{_named(row)}` to its trackers.")


async def _verify(visit: Visit, form: Form) -> Notice:
    row, deeds = _row(visit, form), admin_of(visit).deeds
    deeds.verify(row.infohash)
    deeds.log(visit.known.who, f"has `{_named(row)}` verified")
    return Notice(f"All bytes of `{_named(row)}` are compared with its hashes.")


def _row(visit: Visit, form: Form) -> TorrentRow:
    infohash = infohash_of(form.text("infohash"))
    row = visit.context.view.row(infohash) if infohash else None
    if row is None:
        raise ValueError("there is no such torrent any more")
    return row


def _named(row: TorrentRow) -> str:
    return label(row.name or row.infohash_hex)


def _told(found: Verification) -> str:
    match found.state:
        case "waiting":
            return "waits to be verified"
        case "verifying":
            share = 100 * found.done / found.total if found.total else 0
            return f"verifying, {number(round(share))} % of {format_size(found.total)}"
        case "right":
            return "verified: all of it is right"
        case _:
            return f"{found.state}: {found.message or 'no reason is known'}"


TORRENTS = FormPage("/admin/torrents", "admin/torrents.html", _show)
add_torrent = TORRENTS.doing(_add)
withdraw_torrent = TORRENTS.doing(_withdraw)
announce_torrent = TORRENTS.doing(_announce)
verify_torrent = TORRENTS.doing(_verify)
