"""What is allowed, denied and banned by hand, for an administrator."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote_to_bytes

from starlette.responses import Response

from outpour.tracker.lists.admin_rule import AdminRule, RuleKind, spelled
from outpour.tracker.lists.passkey import clean_label
from outpour.web.api.administration import Admin
from outpour.web.api.answer_schema import CLIENT_FORM, INFOHASH_FORM, NETWORK_FORMS
from outpour.web.api.endpoint import Answer, Asked, Body, Endpoint, told
from outpour.web.api.paging import part_of
from outpour.web.api.problem import Problem
from outpour.web.api.schema_words import text
from outpour.web.api.url_parameter import Parameter, has_form

NOTE_MAX = 200
_INFOHASH = Parameter(
    "infohash",
    text(pattern=INFOHASH_FORM),
    "40 hexadecimal digits, or the 64 of a v2 infohash.",
    "path",
)
_SUBJECTS: dict[RuleKind, tuple[Parameter, str, str, str]] = {
    "allowed": (
        _INFOHASH,
        "AllowedInfohash",
        "Infohashes that are tracked beside folder and list",
        "allowed",
    ),
    "denied": (_INFOHASH, "DeniedInfohash", "Infohashes that are never tracked", "denied"),
    "banned-addresses": (
        Parameter(
            "network",
            {"anyOf": [text(pattern=form) for form in NETWORK_FORMS]},
            "An address, or a network such as `192.0.2.0/24` or `2001:db8::/32`, whose slash may "
            "be written as it is.",
            "path",
        ),
        "BannedAddress",
        "Addresses and networks that are turned away",
        "banned",
    ),
    "denied-clients": (
        Parameter(
            "prefix",
            {"anyOf": [text(pattern=CLIENT_FORM)]},
            "The beginning of a peer id, such as `-XL0012-`; `%XX` is a byte of ASCII.",
            "path",
        ),
        "DeniedClient",
        "Beginnings of peer ids (BEP 20) that are turned away",
        "denied client",
    ),
}
_CONVERTED: dict[RuleKind, str] = {"banned-addresses": ":path", "denied-clients": ":path"}
_BODY = Body(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "note": text("Why, for you to remember.", maxLength=NOTE_MAX),
        },
    },
    is_required=False,
)


def rule_endpoints(paging: tuple[Parameter, ...]) -> list[Endpoint]:
    """The endpoints of all kinds of rules; `paging` are the parameters of lists."""
    return [one for kind in _SUBJECTS for one in _endpoints(kind, paging)]


def _endpoints(kind: RuleKind, paging: tuple[Parameter, ...]) -> list[Endpoint]:
    parameter, named, about, _ = _SUBJECTS[kind]
    at = f"/{kind}/{{{parameter.name}{_CONVERTED.get(kind, '')}}}"

    async def show_all(asked: Asked) -> Response:
        some, following = part_of(
            asked, _admin(asked).rules.of(kind).values(), f"/api/v1/{kind}", _subject, _subject
        )
        return told({"rules": [rule.describe() for rule in some], "next": following})

    async def show(asked: Asked) -> Response:
        rule = _admin(asked).rules.of(kind).get(_given(asked, kind))
        if rule is None:
            raise _none(kind)
        return told(rule.describe())

    async def put(asked: Asked) -> Response:
        return await _put(asked, kind)

    async def drop(asked: Asked) -> Response:
        return await _drop(asked, kind)

    one = {200: Answer("The rule.", "Rule")}
    inner = (parameter,)
    return [
        Endpoint(
            "GET", f"/{kind}", f"list{named}", about, show_all,
            {200: Answer("The rules.", "Rules")}, ("no-such-page",), paging, is_admin=True,
        ),
        Endpoint(
            "GET", at, f"show{named}", "One of these rules", show, one, ("not-found",), inner,
            is_admin=True,
        ),
        Endpoint(
            "PUT", at, f"put{named}", "Make a rule, or change its note", put,
            {200: Answer("It was there.", "Rule"), 201: Answer("It is new.", "Rule")},
            ("conflict", "unavailable"), (replace(parameter, is_looked_up=False),), _BODY,
            "It holds when the answer comes, and over restarts.", is_admin=True,
        ),
        Endpoint(
            "DELETE", at, f"drop{named}", "Undo a rule", drop,
            {200: Answer("The rule, which holds no more.", "Rule")},
            ("not-found", "unavailable"), inner, is_admin=True,
        ),
    ]  # fmt: skip


async def _put(asked: Asked, kind: RuleKind) -> Response:
    admin, note = _admin(asked), clean_label(asked.body.get("note", ""))
    subject = _given(asked, kind)
    rule = AdminRule(kind, subject, int(asked.context.view.now()), asked.who, note)
    is_new = await admin.rules.put(rule)
    admin.deeds.log(asked.who, f"{_SUBJECTS[kind][3]} `{subject}`{f', {note}' if note else ''}")
    return told(rule.describe(), 201 if is_new else 200)


async def _drop(asked: Asked, kind: RuleKind) -> Response:
    admin, subject = _admin(asked), _given(asked, kind)
    rule = await admin.rules.drop(kind, subject)
    if rule is None:
        raise _none(kind)
    admin.deeds.log(asked.who, f"no longer {_SUBJECTS[kind][3]} `{subject}`")
    return told(rule.describe())


def _admin(asked: Asked) -> Admin:
    admin = asked.context.admin
    assert admin is not None
    return admin


def _subject(rule: AdminRule) -> str:
    return rule.subject


def _given(asked: Asked, kind: RuleKind) -> str:
    name = _SUBJECTS[kind][0].name
    try:
        is_client = kind == "denied-clients"
        return spelled(kind, _prefix_of(asked) if is_client else asked.given[name])
    except ValueError as error:
        problem = "wrong-parameter" if asked.request.method == "PUT" else "not-found"
        raise Problem(problem, f"`{name}`: {error}", parameter=name) from None


def _prefix_of(asked: Asked) -> str:
    """The last component of the path with bytes that are no text, whether they were escaped again.

    The path of a request is text, and has lost them.
    """
    raw = unquote_to_bytes(asked.request.scope["raw_path"].rpartition(b"/")[2])
    text = "".join(chr(byte) if 0x20 < byte < 0x7F else f"%{byte:02X}" for byte in raw)
    if not has_form(CLIENT_FORM, text):
        raise ValueError("not the beginning of a peer id, of at most 20 bytes of ASCII")
    return text


def _none(kind: RuleKind) -> Problem:
    return Problem("not-found", f"no such rule among `{kind}`")
