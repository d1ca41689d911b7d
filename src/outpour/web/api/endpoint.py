"""One thing that can be asked of the API: written once, for whoever answers and who reads of it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from outpour.base.errors import OutpourError, ReadError, UsageError, WriteError
from outpour.web.api.problem import Problem
from outpour.web.api.url_parameter import Parameter, Schema, read_all
from outpour.web.context import Context, context_of
from outpour.web.links import Links

JSON = "application/json"
BODY_BYTES_MAX = 16 << 10


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries.

    Attributes:
        schema: Of the JSON object; its members are all that may stand in it.
        is_required: A request without one is refused.
        other: Further media types, each with the bytes it may have; they are not read as JSON.
    """

    schema: Schema
    is_required: bool = True
    other: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: what it means, and the name of the schema of its body."""

    description: str
    schema: str | None = None
    media_type: str = JSON


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was understood.

    Attributes:
        request: Itself.
        given: Its parameters by name, without those that it leaves out.
        who: The administrator, in the words of the log; empty where anybody may ask.
        body: What it carries, read as JSON.
        raw: What it carries, where that is no JSON.
    """

    request: Request
    given: Mapping[str, Any]
    who: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes | None = None

    @property
    def context(self) -> Context:
        """The parts of the application."""
        return context_of(self.request)

    @property
    def links(self) -> Links:
        """The URLs for this request."""
        return self.context.links(self.request)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of a path.

    Attributes:
        method: GET answers HEAD too.
        path: Below `/api/v1`; `{name}` is a parameter.
        name: Its `operationId`.
        summary: What it does, in a few words.
        answer: Answers.
        answers: The good answers by HTTP status.
        problems: Names of the problems that it has beyond those of all alike.
        parameters: What may stand in its URL.
        body: What it carries.
        description: What else is to be known.
        is_admin: Only for an administrator.
        is_kept: A visitor who holds the answer is told so (304).
    """

    method: str
    path: str
    name: str
    summary: str
    answer: Callable[[Asked], Awaitable[Response]]
    answers: Mapping[int, Answer]
    problems: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    description: str = ""
    is_admin: bool = False
    is_kept: bool = False

    async def __call__(self, request: Request) -> Response:
        """Understand a request, and answer it.

        Raises:
            Problem: It is not understood, not allowed, or cannot be done.
        """
        who = self._admitted(request) if self.is_admin else ""
        query = request.query_params.multi_items()
        given = read_all(self.parameters, query, request.path_params)
        asked = Asked(request, given, who, *await self._carried(request))
        try:
            return await self.answer(asked)
        except (WriteError, ReadError) as error:
            raise Problem("unavailable", error.message) from None
        except UsageError as error:
            raise Problem("conflict", error.message) from None
        except OutpourError as error:
            raise Problem("unavailable", error.message) from None

    @staticmethod
    def _admitted(request: Request) -> str:
        admin = context_of(request).admin
        if admin is None:
            raise Problem("off", "this part of the API is off: it needs `admin_token_file`")
        who = admin.asks.who(request)
        if who is None:
            challenge = {"www-authenticate": "Bearer"}
            raise Problem("needs-token", "not the administrator's token", headers=challenge)
        return who

    async def _carried(self, request: Request) -> tuple[Mapping[str, Any], bytes | None]:
        if self.body is None:
            return {}, None
        media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
        if media_type in self.body.other:
            return {}, await _read(request, self.body.other[media_type])
        if media_type != JSON and self.body.other:
            known = ", ".join((JSON, *self.body.other))
            raise Problem("wrong-type", f"`{media_type[:100]}` is none of {known}")
        return self._checked(await _read(request, BODY_BYTES_MAX)), None

    def _checked(self, raw: bytes) -> Mapping[str, Any]:
        assert self.body is not None
        members = self.body.schema["properties"]
        if not raw and not self.body.is_required:
            return {}
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            raise Problem("wrong-body", "not JSON") from None
        if not isinstance(found, dict):
            raise Problem("wrong-body", "not an object")
        for name, value in found.items():
            if name not in members:
                said = f"`{name[:100]}`: no such member; known here: {', '.join(members)}"
                raise Problem("wrong-body", said, parameter=name[:100])
            if isinstance(value, float) and value.is_integer():
                # To JSON these are one number.
                found[name] = value = int(value)
            if (why := fault_of(value, members[name])) is not None:
                raise Problem("wrong-body", f"`{name}`: {why}", parameter=name)
        for name in self.body.schema.get("required", ()):
            if name not in found:
                raise Problem("wrong-body", f"`{name}`: missing", parameter=name)
        return found


_CLASSES: Mapping[str, type] = {"string": str, "integer": int, "null": type(None)}
_CALLED = {"string": "text", "integer": "a whole number", "null": "null"}


def fault_of(value: object, schema: Schema) -> str | None:
    """Why a member of a body is not what its schema says, None if it is."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(type(value) is _CLASSES[kind] for kind in kinds):
        return f"not {' or '.join(_CALLED[kind] for kind in kinds)}"
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        return f"over {schema['maxLength']} characters"
    if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
        return "not text that can be written down"
    if isinstance(value, int) and value < schema.get("minimum", value):
        return f"below {schema['minimum']}"
    if isinstance(value, int) and value > schema.get("maximum", value):
        return f"above {schema['maximum']}"
    return None


async def _read(request: Request, bytes_max: int) -> bytes:
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > bytes_max:
                raise Problem("too-long", f"over {bytes_max} bytes")
            parts.append(part)
    except ClientDisconnect:
        raise Problem("wrong-body", "cut short") from None
    return b"".join(parts)


def told(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Answer an administrator, with what nobody on the way is to keep."""
    return JSONResponse(body, status, {"cache-control": "no-store", **(headers or {})})
