"""`/admin/rates`: what the tracker asks of peers and allows them, changed while it runs."""

from __future__ import annotations

from dataclasses import dataclass

from outpour.tracker.rates import bounds
from outpour.tracker.settings import TrackerSettings
from outpour.web.admin.admin_forms import FormPage, Values, admin_of
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.form import Form
from outpour.web.admin.notices import Notice

ALL = "all"
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
        own: What the settings say.
        least: Lower bound.
        most: Upper bound.
    """

    name: str
    about: str
    value: int
    own: int
    least: int
    most: int

    @property
    def is_changed(self) -> bool:
        """Whether an administrator changed it."""
        return self.value != self.own


async def _show(visit: Visit) -> Values:
    return {"fields": _fields(visit)}


async def _change(visit: Visit, form: Form) -> Notice:
    deeds = admin_of(visit).deeds
    wishes: dict[str, int | None] = {}
    reset = form.text("reset")
    for field in _fields(visit):
        text = form.text(field.name)
        if reset:
            if reset in (field.name, ALL) and field.is_changed:
                wishes[field.name] = None
            continue
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and len(text) <= 12):
            raise ValueError(f"`{field.name}`: not a whole number")
        if not field.least <= int(text) <= field.most:
            raise ValueError(f"`{field.name}`: not between {field.least} and {field.most}")
        if int(text) != field.value:
            wishes[field.name] = int(text)
    changed = await deeds.change_rates(wishes) if wishes else ""
    if not changed:
        return Notice("Nothing is other than before.")
    deeds.log(visit.known.who, f"changed {changed}")
    return Notice(f"Changed {changed}.")


def _fields(visit: Visit) -> list[RateField]:
    deeds = admin_of(visit).deeds
    own = deeds.settings_rates()
    return [
        RateField(name, _about(name), value, settings, *bounds(name))
        for name, value in deeds.rates().items()
        if value is not None and (settings := own[name]) is not None
    ]


def _about(name: str) -> str:
    return _OF_SEEDER.get(name) or TrackerSettings.model_fields[name].description or ""


RATES = FormPage("/admin/rates", "admin/rates.html", _show)
change_rates = RATES.doing(_change)
