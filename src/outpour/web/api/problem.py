"""What is wrong with a request, as problem documents (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
PAGE = "https://github.com/outpour/outpour/blob/main/docs/api.md"
"""Where each kind of problem has a heading of its own."""


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem: the heading that explains it, its HTTP status, and its title."""

    name: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The URI that tells kinds apart, and leads to the explanation."""
        return f"{PAGE}#{self.name}"


KINDS = {
    kind.name: kind
    for kind in (
        ProblemKind("unknown-parameter", 400, "There is no such parameter"),
        ProblemKind("wrong-parameter", 400, "A parameter is not what it should be"),
        ProblemKind("wrong-body", 400, "The body is not what it should be"),
        ProblemKind("needs-token", 401, "This needs the administrator's token"),
        ProblemKind("needs-key", 403, "This needs a key of the tracker"),
        ProblemKind("not-allowed", 403, "This may not be done"),
        ProblemKind("not-found", 404, "There is no such thing"),
        ProblemKind("no-such-page", 404, "There is no such page"),
        ProblemKind("off", 404, "This part of the API is off"),
        ProblemKind("wrong-method", 405, "This cannot be done here"),
        ProblemKind("conflict", 409, "This cannot be done now"),
        ProblemKind("excluded-parameter", 409, "Two parameters exclude each other"),
        ProblemKind("too-long", 413, "The body is too long"),
        ProblemKind("wrong-type", 415, "The body is of another type"),
        ProblemKind("too-often", 429, "This was tried too often"),
        ProblemKind("broken", 500, "This is a bug"),
        ProblemKind("unavailable", 503, "This cannot be done at the moment"),
    )
}
"""Of each status, the first kind stands for all that has none of its own."""


class Problem(HTTPException):
    """Ends a request with a problem document.

    Args:
        name: One of `KINDS`.
        detail: What is wrong with this request, in one sentence without a full stop.
        parameter: The parameter, or member of the body, that is at fault.
        headers: Further ones of the answer.
        more: Further members of the document.
    """

    def __init__(
        self,
        name: str,
        detail: str,
        *,
        parameter: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,  # noqa: ANN401 - whatever JSON can hold
    ) -> None:
        self.kind = KINDS[name]
        super().__init__(self.kind.status, detail, headers)
        self.parameter = parameter
        self.more = more


def problem_response(error: HTTPException) -> Response:
    """Answer with a problem document; `error` repeats the detail, as before there were these."""
    if isinstance(error, Problem):
        kind, parameter, more = error.kind, error.parameter, error.more
    else:
        kind, parameter, more = _kind_of(error.status_code), None, {}
    document: dict[str, object] = {
        "type": kind.type,
        "title": kind.title,
        "status": error.status_code,
        "detail": error.detail,
        "error": error.detail,
        **({} if parameter is None else {"parameter": parameter}),
        **more,
    }
    headers = {"cache-control": "no-store", **(error.headers or {})}
    text = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return Response(text, error.status_code, headers, MEDIA_TYPE)


def _kind_of(status: int) -> ProblemKind:
    default = KINDS["broken"] if status >= 500 else KINDS["wrong-parameter"]
    return next((kind for kind in KINDS.values() if kind.status == status), default)
