"""An answer of the API that tells of a problem (RFC 9457), as an error."""

from __future__ import annotations

import json

from outpour.base.errors import NetworkError
from outpour.base.text import printable


class ProblemAnswered(NetworkError):
    """The server answered that a request is wrong, not allowed, or cannot be done.

    Attributes:
        status: The HTTP status.
        kind: What tells problems apart, such as `not-found`; empty if the server did not say.
        parameter: The parameter at fault, None if the server did not say.
    """

    def __init__(self, url: str, status: int, body: bytes) -> None:
        found = _document(body)
        self.status = status
        self.kind = _text(found.get("type")).rpartition("#")[2]
        self.parameter = _text(found.get("parameter")) or None
        detail = _text(found.get("detail") or found.get("error")) or f"HTTP {status}"
        super().__init__(f"`{url}`: {printable(detail[:500])}")


def _document(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
