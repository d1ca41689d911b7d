"""Who asks: whether a request is an administrator's, and by what name it is logged."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request

from outpour.web.admin.admin_access import AdminAccess
from outpour.web.admin.wrong_tokens import TooSoonError
from outpour.web.api.problem import Problem


class WhoAsks(Protocol):
    """Knows administrators."""

    def who(self, request: Request) -> str | None:
        """What an administrator is called in the log of changes; None for anybody else.

        Raises:
            Problem: Whoever this is may not even try now.
        """


class AccessAsks:
    """Takes for an administrator whoever sends `Authorization: Bearer TOKEN`.

    A browser sends that on no other site's behalf, as it would a cookie.

    Args:
        access: Knows the token, and slows down who guesses.
    """

    def __init__(self, access: AdminAccess) -> None:
        self._access = access

    def who(self, request: Request) -> str | None:
        """Name the token and the address that it comes from."""
        try:
            known = self._access.known(request)
        except TooSoonError as error:
            headers = {"retry-after": str(error.wait_s)}
            said = f"wrong tokens came from this address: wait {error.wait_s} s"
            raise Problem("too-often", said, headers=headers) from None
        return None if known is None or known.session is not None else known.who
