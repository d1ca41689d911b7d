"""`/admin/rates`: what the tracker asks of peers and allows them, changed while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from outpour.tracker.settings import TrackerSettings
from outpour.web.admin.admin_forms import FormPage, Values, admin_of
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.form import Form
from outpour.web.admin.notices import Notice

RATE_MAX = (1 << 31) - 1
"""Bytes a second that the peer engine takes at most."""
_OF_SEEDER = {
    "upload_rate": "Bytes a second that the seeder sends to peers; 0 is no limit.",
    "download_rate": "Bytes a second that the seeder takes from peers; 0 is no limit.",
}


@dataclass(frozen=True, slots=True)
class RateField:
    """A rate with what bounds it.

    Attributes:
        name: As in the settings.
        about: What it does.
        value: In force now.
        least: Lower bound.
        most: Upper bound.
    """

    name: str
    about: str
    value: int
    least: int
    most: int


async def _show(visit: Visit) -> Values:
    rates = admin_of(visit).deeds.rates()
    fields = (_field(name, value) for name, value in rates.items() if value is not None)
    return {"fields": list(fields)}


async def _change(visit: Visit, form: Form) -> Notice:
    deeds = admin_of(visit).deeds
    wishes = {}
    for name, value in deeds.rates().items():
        text = form.text(name)
        if value is None or not text:
            continue
        if not (text.isascii() and text.isdigit() and len(text) <= 12):
            raise ValueError(f"`{name}`: not a whole number")
        field = _field(name, value)
        if not field.least <= int(text) <= field.most:
            raise ValueError(f"`{name}`: not between {field.least} and {field.most}")
        if int(text) != value:
            wishes[name] = int(text)
    changed = deeds.change_rates(wishes) if wishes else ""
    if not changed:
        return Notice("Nothing is other than before.")
    deeds.log(visit.known.who, f"changed {changed}")
    return Notice(f"Changed {changed}. A restart has the settings again.")


def _field(name: str, value: int) -> RateField:
    about, least, most = _OF_SEEDER.get(name, ""), 0, RATE_MAX
    setting = TrackerSettings.model_fields.get(name)
    if setting is not None and not about:
        about = setting.description or ""
        bounds = {type(one).__name__: one for one in setting.metadata}
        least = getattr(bounds.get("Ge"), "ge", least)
        most = getattr(bounds.get("Le"), "le", most)
    return RateField(name, about, value, least, most)


RATES = FormPage("/admin/rates", "admin/rates.html", _show)
change_rates = RATES.doing(_change)
