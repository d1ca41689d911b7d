"""The part of the API that changes something, for who has the administrator's token."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from outpour.base.errors import OutpourError
from outpour.tracker.lists.passkey import Key, checked_time, clean_label, read_time
from outpour.web.context import context_of

BODY_BYTES_MAX = 16 << 10
Handler = Callable[[Request], Awaitable[Response]]


class Token(Protocol):
    """Knows the administrator's token."""

    def is_right(self, given: str) -> bool:
        """Whether this is the token."""


class Keys(Protocol):
    """The keys of a private tracker; `tracker.keyring.Keyring` is one."""

    async def keys(self) -> Sequence[Key]:
        """All keys, expired ones included."""

    async def make(self, label: str, expires_at: int | None) -> Key:
        """Make a key that counts when this returns."""

    async def revoke(self, key_id: str) -> Key | None:
        """Revoke a key, None if there is none of this id; it counts no more when this returns."""


@dataclass(frozen=True, slots=True)
class Admin:
    """What an administrator may do, and how one is known.

    Attributes:
        token: Asked for as `Authorization: Bearer TOKEN`.
        keys: None where the tracker asks for no keys.
    """

    token: Token
    keys: Keys | None = None


async def list_keys(request: Request) -> Response:
    """`GET /api/v1/keys`: every key by its id, without the key itself."""
    keys = _keys_of(request)
    now = context_of(request).view.now()
    found = await _told(keys.keys())
    return _json({"keys": [key.describe(now) for key in found]})


async def make_key(request: Request) -> Response:
    """`POST /api/v1/keys`: a new key, shown this once."""
    keys = _keys_of(request)
    context = context_of(request)
    label, expires_at = _wish(await _body(request))
    key = await _told(keys.make(label, expires_at))
    links = context.links(request)
    about = key.describe(context.view.now())
    about["key"] = key.secret
    about["announce_url"] = links.absolute(links.at(f"/{key.secret}/announce"))
    return _json(about, 201)


async def revoke_key(request: Request) -> Response:
    """`DELETE /api/v1/keys/ID`: whoever has this key is refused from now on."""
    keys = _keys_of(request)
    gone = await _told(keys.revoke(request.path_params["id"]))
    if gone is None:
        raise HTTPException(404, "no such key")
    return _json(gone.describe(context_of(request).view.now()))


def _keys_of(request: Request) -> Keys:
    admin = context_of(request).admin
    if admin is None:
        raise HTTPException(404, "this part of the API is off: it needs `admin_token_file`")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not admin.token.is_right(token.strip()):
        raise HTTPException(401, "not the administrator's token", {"www-authenticate": "Bearer"})
    if admin.keys is None:
        raise HTTPException(404, "this tracker asks for no keys: it needs `key_list`")
    return admin.keys


async def _body(request: Request) -> dict[str, Any]:
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > BODY_BYTES_MAX:
            raise HTTPException(413, f"over {BODY_BYTES_MAX} bytes")
    try:
        found = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise HTTPException(400, "not JSON") from None
    if not isinstance(found, dict) or found.keys() - {"label", "expires"}:
        raise HTTPException(400, "not an object with `label`, `expires` or neither")
    return found


def _wish(body: dict[str, Any]) -> tuple[str, int | None]:
    label, expires = body.get("label", ""), body.get("expires")
    if not isinstance(label, str):
        raise HTTPException(400, "`label` is no text")
    try:
        if isinstance(expires, str):
            return clean_label(label), read_time(expires)
        if expires is None:
            return clean_label(label), None
        if isinstance(expires, int) and not isinstance(expires, bool):
            return clean_label(label), checked_time(expires)
    except ValueError:
        pass
    raise HTTPException(400, "`expires` is neither ISO 8601 nor seconds since 1970")


async def _told(work: Awaitable[Any]) -> Any:  # noqa: ANN401 - whatever the work returns
    try:
        return await work
    except OutpourError as error:
        raise HTTPException(503, error.message) from None


def _json(body: object, status: int = 200) -> Response:
    return JSONResponse(body, status, {"cache-control": "no-store"})
