"""The mirrors of a publisher: how they register, and what visitors and administrators are told."""

from __future__ import annotations

from starlette.responses import Response

from outpour.web.api.endpoint import Asked, told
from outpour.web.api.problem import Problem
from outpour.web.api.url_parameter import has_form
from outpour.web.forwarded import address_of
from outpour.web.mirror_list import ListedMirror, MirrorRegistry

AGAIN_S = 30
"""How often a mirror is to say that it is there."""
NAME_FORM = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
CLAIMS_TEXT_MAX = 12_300
"""Characters of 300 infohashes, so many in one request."""


async def show(asked: Asked) -> Response:
    """`GET /api/v1/mirrors`: those that visitors may use."""
    registry = asked.context.mirrors
    listed = registry.listed() if registry is not None else ()
    found = [one for one in listed if one.state == "counted"]
    return told({"mirrors": [{"url": one.url, "since": one.since} for one in found]})


async def show_all(asked: Asked) -> Response:
    """`GET /api/v1/registrations`: all that registered, for an administrator."""
    return told({"mirrors": [described(one) for one in _registry(asked).listed()]})


async def register(asked: Asked) -> Response:
    """`PUT /api/v1/registrations`: a mirror says that it is there."""
    registry = _registry(asked)
    name = _name(asked, registry)
    address = address_of(asked.request.client)
    if address is None:
        raise Problem("not-allowed", "it does not show from where this was asked")
    body = asked.body
    found = registry.register(
        name,
        str(address),
        body["url"],
        body["peer_port"],
        _infohashes(body.get("complete", ""), "complete"),
        _infohashes(body.get("gone", ""), "gone"),
    )
    return told({**described(found), "again_s": AGAIN_S})


async def forget(asked: Asked) -> Response:
    """`DELETE /api/v1/registrations/NAME`: it may register anew."""
    name = asked.given["name"]
    if not _registry(asked).forget(name):
        raise Problem("not-found", "no such mirror")
    admin = asked.context.admin
    assert admin is not None
    admin.deeds.log(asked.who, f"forgot mirror `{name}`")
    return told({"name": name})


def _infohashes(said: str, name: str) -> list[bytes]:
    found = said.split(",") if said else []
    if not all(has_form("^[0-9a-f]{40}$", one) for one in found):
        raise Problem("wrong-body", f"`{name}`: not infohashes with commas between", parameter=name)
    return [bytes.fromhex(one) for one in found]


def described(mirror: ListedMirror) -> dict[str, object]:
    """A mirror as an administrator and it itself see it."""
    return {
        "name": mirror.name,
        "url": mirror.url,
        "state": mirror.state,
        "since": mirror.since,
        "seen": mirror.seen,
        "torrents": mirror.torrents,
        "good": mirror.good,
        "is_pinned": mirror.is_pinned,
        "why": mirror.why,
    }


def _registry(asked: Asked) -> MirrorRegistry:
    registry = asked.context.mirrors
    if registry is None:
        raise Problem("off", "no mirrors register here: it needs `--mirror-tokens`")
    return registry


def _name(asked: Asked, registry: MirrorRegistry) -> str:
    scheme, _, token = asked.request.headers.get("authorization", "").partition(" ")
    name = registry.name_of(token.strip()) if scheme.lower() == "bearer" else None
    if name is None:
        challenge = {"www-authenticate": "Bearer"}
        raise Problem("needs-token", "not the token of a mirror", headers=challenge)
    return name
