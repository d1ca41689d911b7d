"""`/admin/rules`: what is allowed, denied and banned by hand."""

from __future__ import annotations

from dataclasses import dataclass

from outpour.tracker.lists.admin_rule import AdminRule, RuleKind, spelled
from outpour.tracker.lists.passkey import clean_label
from outpour.web.admin.admin_forms import FormPage, Values, admin_of
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.form import Form
from outpour.web.admin.notices import Notice

SHOWN_MAX = 500
"""Rules of a kind on the page, the latest; the API has all."""


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What a kind of rule is called.

    Attributes:
        kind: As the API calls it.
        title: Of its list.
        subject: What it is about.
        about: What comes of it.
        done: What was done with a subject.
        undo: On the button that undoes it.
        example: Of a subject.
    """

    kind: RuleKind
    title: str
    subject: str
    about: str
    done: str
    undo: str
    example: str


KINDS = (
    RuleWords(
        "allowed", "Torrents allowed", "infohash",
        "Tracked, beside those of folder and list.", "allowed", "no longer allow",
        "40 or 64 hexadecimal digits",
    ),
    RuleWords(
        "denied", "Torrents denied", "infohash",
        "Never tracked, whatever folder and list say.", "denied", "no longer deny",
        "40 or 64 hexadecimal digits",
    ),
    RuleWords(
        "banned-addresses", "Addresses banned", "address",
        "Turned away, whatever they ask for.", "banned", "no longer ban",
        "192.0.2.7, 192.0.2.0/24 or 2001:db8::/32",
    ),
    RuleWords(
        "denied-clients", "Clients denied", "peer id",
        "Turned away if their peer id begins like this.", "denied client", "no longer deny",
        "-XL0012-",
    ),
)  # fmt: skip


async def _show(visit: Visit) -> Values:
    rules = admin_of(visit).rules
    found = {}
    for words in KINDS:
        latest = sorted(rules.of(words.kind).values(), key=lambda rule: -rule.made_at)
        found[words.kind] = (len(latest), latest[:SHOWN_MAX])
    return {
        "kinds": KINDS,
        "rules": found,
        "name_of": lambda subject: visit.console.operation.name(bytes.fromhex(subject)),
        "is_open": visit.context.options.is_open,
    }


async def _put(visit: Visit, form: Form) -> Notice:
    admin, words = admin_of(visit), _words(form)
    subject = spelled(words.kind, form.text("subject"))
    note = clean_label(form.text("note"))
    at = int(visit.context.view.now())
    await admin.rules.put(AdminRule(words.kind, subject, at, visit.known.who, note))
    said = f"{words.done} `{subject}`"
    admin.deeds.log(visit.known.who, f"{said}, {note}" if note else said)
    return Notice(f"{said}: it counts from now on.")


async def _drop(visit: Visit, form: Form) -> Notice:
    admin, words = admin_of(visit), _words(form)
    subject = form.text("subject")
    if await admin.rules.drop(words.kind, subject) is None:
        raise ValueError(f"`{subject[:100]}`: no such rule")
    said = f"no longer {words.done} `{subject}`"
    admin.deeds.log(visit.known.who, said)
    return Notice(f"{said}.")


def _words(form: Form) -> RuleWords:
    for words in KINDS:
        if words.kind == form.text("kind"):
            return words
    raise ValueError("what is to be done?")


RULES = FormPage("/admin/rules", "admin/rules.html", _show)
put_rule = RULES.doing(_put)
drop_rule = RULES.doing(_drop)
