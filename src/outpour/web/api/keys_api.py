"""The keys of a private tracker, for an administrator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from outpour.tracker.lists.passkey import Key, checked_time, clean_label, format_time, read_time
from outpour.tracker.usage_figures import KeyUse
from outpour.web.api.administration import Admin, Keys
from outpour.web.api.endpoint import Asked, told
from outpour.web.api.paging import part_of
from outpour.web.api.problem import Problem


async def list_keys(asked: Asked) -> Response:
    """`GET /api/v1/keys`: every key by its id, without the key itself."""
    admin, keys = _keys_of(asked)
    found = await keys.keys()
    some, following = part_of(asked, found, "/api/v1/keys", _made, lambda key: key.id)
    return told(
        {
            "keys": [_described(asked, key, admin.deeds.key_use(key)) for key in some],
            "next": following,
        }
    )


async def show_key(asked: Asked) -> Response:
    """`GET /api/v1/keys/ID`: one key, without the key itself."""
    admin, keys = _keys_of(asked)
    for key in await keys.keys():
        if key.id == asked.given["id"]:
            return told(_described(asked, key, admin.deeds.key_use(key)))
    raise Problem("not-found", "no such key")


async def make_key(asked: Asked) -> Response:
    """`POST /api/v1/keys`: a new key, shown this once."""
    admin, keys = _keys_of(asked)
    key = await keys.make(clean_label(asked.body.get("label", "")), _expiry(asked.body))
    links = asked.links
    about = _described(asked, key, None)
    about["key"] = key.secret
    about["announce_url"] = links.absolute(links.at(f"/{key.secret}/announce"))
    admin.deeds.log(asked.who, f"made key {key.id}{f' for `{key.label}`' if key.label else ''}")
    return told(about, 201, {"location": links.at(f"/api/v1/keys/{key.id}")})


async def revoke_key(asked: Asked) -> Response:
    """`DELETE /api/v1/keys/ID`: whoever has this key is refused from now on."""
    admin, keys = _keys_of(asked)
    gone = await keys.revoke(asked.given["id"])
    if gone is None:
        raise Problem("not-found", "no such key")
    admin.deeds.log(
        asked.who, f"revoked key {gone.id}{f' of `{gone.label}`' if gone.label else ''}"
    )
    return told(_described(asked, gone, admin.deeds.key_use(gone)))


def _keys_of(asked: Asked) -> tuple[Admin, Keys]:
    admin = asked.context.admin
    assert admin is not None
    if admin.keys is None:
        raise Problem("off", "this tracker asks for no keys: it needs `key_list`")
    return admin, admin.keys


def _made(key: Key) -> int:
    return key.made_at or 0


def _described(asked: Asked, key: Key, use: KeyUse | None) -> dict[str, object]:
    return {
        **key.describe(asked.context.view.now()),
        "announces": 0 if use is None else use.announces,
        "last_used": None if use is None else format_time(int(use.seen_at)),
    }


def _expiry(body: Mapping[str, Any]) -> int | None:
    expires = body.get("expires")
    try:
        if isinstance(expires, str):
            return read_time(expires)
        return expires if expires is None else checked_time(expires)
    except (ValueError, OverflowError):
        said = "`expires`: neither ISO 8601 nor seconds since 1970"
        raise Problem("wrong-body", said, parameter="expires") from None
