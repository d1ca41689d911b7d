"""Who asks: whether a request is an administrator's, and by what name it is logged."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request


class WhoAsks(Protocol):
    """Knows administrators."""

    def who(self, request: Request) -> str | None:
        """What an administrator is called in the log of changes; None for anybody else.

        Raises:
            Problem: Whoever this is may not even try now.
        """


class RightToken(Protocol):
    """Knows the administrator's token."""

    def is_right(self, given: str) -> bool:
        """Whether this is the token."""


class TokenAsks:
    """Takes for an administrator whoever sends `Authorization: Bearer TOKEN`."""

    def __init__(self, token: RightToken) -> None:
        self._token = token

    def who(self, request: Request) -> str | None:
        """Name the token and the address that it comes from."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._token.is_right(given.strip()):
            return None
        return f"token from {request.client.host}" if request.client else "token"
