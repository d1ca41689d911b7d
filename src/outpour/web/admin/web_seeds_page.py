"""`/admin/web-seeds`: where copies of published content lie, for many torrents at once."""

from __future__ import annotations

from outpour.web.admin.admin_forms import FormPage, Values, admin_of
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.form import Form
from outpour.web.admin.notices import Notice
from outpour.web.limits import WEB_SEED_URL_MAX, WEB_SEED_WHERE_MAX
from outpour.web.text_format import label


async def _show(visit: Visit) -> Values:
    deeds = admin_of(visit).deeds
    return {
        "bases": deeds.web_seeds(),
        "has_content": deeds.rates().get("upload_rate") is not None,
        "url_max": WEB_SEED_URL_MAX,
        "where_max": WEB_SEED_WHERE_MAX,
    }


async def _name(visit: Visit, form: Form) -> Notice:
    deeds, url, where = admin_of(visit).deeds, form.text("url"), form.text("where") or None
    if not 0 < len(url) <= WEB_SEED_URL_MAX:
        raise ValueError(f"a URL has 1 to {WEB_SEED_URL_MAX} characters")
    if where is not None and len(where) > WEB_SEED_WHERE_MAX:
        raise ValueError(f"a pattern has at most {WEB_SEED_WHERE_MAX} characters")
    of_what = f" of `{label(where)}`" if where else ""
    shown = f"web seed `{label(url)}`{of_what}"
    _, is_new = await deeds.add_web_seed(url, where, visit.known.who)
    if not is_new:
        return Notice(f"The {shown} is named already.")
    deeds.log(visit.known.who, f"named {shown}")
    return Notice(f"Named {shown}: copies are looked at, and those that are good stand in the "
                  ".torrent files from then on.")  # fmt: skip


async def _drop(visit: Visit, form: Form) -> Notice:
    deeds = admin_of(visit).deeds
    gone = await deeds.drop_web_seed(form.text("id"))
    if gone is None:
        raise ValueError("no web seed that was named here has this id any more")
    shown = f"web seed `{label(str(gone['url']))}`"
    deeds.log(visit.known.who, f"no longer names {shown}")
    return Notice(f"The {shown} is named no longer.")


WEB_SEEDS = FormPage("/admin/web-seeds", "admin/web_seeds.html", _show)
name_web_seed = WEB_SEEDS.doing(_name)
drop_web_seed = WEB_SEEDS.doing(_drop)
