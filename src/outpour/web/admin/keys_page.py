"""`/admin/keys`: the keys of a private tracker, each with how it was used."""

from __future__ import annotations

from outpour.base.errors import UsageError
from outpour.tracker.lists.passkey import clean_label, read_time
from outpour.web.admin.admin_forms import FormPage, Values, admin_of
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.form import Form
from outpour.web.admin.notices import Notice
from outpour.web.api.administration import Admin, Keys

SHOWN_MAX = 500
"""Keys on the page, the latest that fit the search; the API has all."""
NO_KEYS = "this tracker asks for no keys: it needs `key_list`"


async def _show(visit: Visit) -> Values:
    admin = admin_of(visit)
    if admin.keys is None:
        return {"keys": None, "matched": 0, "total": 0, "wanted": ""}
    wanted = visit.request.query_params.get("q", "").strip()[:200]
    all_keys = await admin.keys.keys()
    text = wanted.casefold()
    found = [key for key in all_keys if text in key.label.casefold() or key.id.startswith(text)]
    found.sort(key=lambda key: -(key.made_at or 0))
    return {
        "keys": [(key, admin.deeds.key_use(key)) for key in found[:SHOWN_MAX]],
        "matched": len(found),
        "total": len(all_keys),
        "wanted": wanted,
        "now": visit.context.view.now(),
    }


async def _make(visit: Visit, form: Form) -> Notice:
    admin, keys = _keys_of(visit)
    text = form.text("expires")
    try:
        expires_at = read_time(text) if text else None
    except (ValueError, OverflowError):
        raise ValueError(f"`{text[:40]}`: not a date") from None
    key = await keys.make(clean_label(form.text("label")), expires_at)
    named = f" for `{key.label}`" if key.label else ""
    admin.deeds.log(visit.known.who, f"made key {key.id}{named}")
    links = visit.context.links(visit.request)
    url = links.absolute(links.at(f"/{key.secret}/announce"))
    return Notice(f"Made key {key.id}{named}. It is shown this once:", url)


async def _revoke(visit: Visit, form: Form) -> Notice:
    admin, keys = _keys_of(visit)
    gone = await keys.revoke(form.text("id"))
    if gone is None:
        raise ValueError("there is no such key any more")
    named = f" of `{gone.label}`" if gone.label else ""
    admin.deeds.log(visit.known.who, f"revoked key {gone.id}{named}")
    return Notice(f"Revoked key {gone.id}{named}: whoever has it is refused from now on.")


def _keys_of(visit: Visit) -> tuple[Admin, Keys]:
    admin = admin_of(visit)
    if admin.keys is None:
        raise UsageError(NO_KEYS)
    return admin, admin.keys


KEYS = FormPage("/admin/keys", "admin/keys.html", _show)
make_key = KEYS.doing(_make)
revoke_key = KEYS.doing(_revoke)
