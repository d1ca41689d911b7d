"""Who is an administrator: whoever shows the token, or has a session that began with it."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request

from outpour.base.event import Event
from outpour.web.admin.admin_sessions import LIFETIME_S, AdminSession, AdminSessions
from outpour.web.admin.form import Form
from outpour.web.admin.wrong_tokens import TooSoonError, WrongTokens
from outpour.web.connection_table import site_of
from outpour.web.contract import WebOptions
from outpour.web.forwarded import address_of

COOKIE = "outpour-admin"
"""Cookies know no ports, so the port that the browser asked at follows in the name."""
TOLD_S = 1.0
"""Strangers may try as often as they like: a line a second tells of all of them."""


class RightToken(Protocol):
    """Knows the administrator's token; `admin_token.Token` is one."""

    def is_right(self, given: str) -> bool:
        """Whether this is the token, in a time that tells nothing of it."""


@dataclass(frozen=True, slots=True)
class TokenRefused(Event):
    """Somebody tried to be the administrator, and had not the token.

    Attributes:
        host: Address of the last one who tried.
        in_a_row: How often this address was wrong in a row.
        tries: How many tries there were since the last event of this kind.
    """

    is_trouble = True
    kind = "administrator"

    host: str
    in_a_row: int
    tries: int

    def __str__(self) -> str:
        text = f"`{self.host}`: not the administrator's token"
        if self.in_a_row > 1:
            text += f", {self.in_a_row} times in a row"
        return text if self.tries == 1 else f"{text}; {self.tries} wrong tries in all since told"


@dataclass(frozen=True, slots=True)
class SessionBegan(Event):
    """An administrator has logged in."""

    kind = "administrator"

    host: str

    def __str__(self) -> str:
        return f"`{self.host}`: logged in as administrator"


@dataclass(frozen=True, slots=True)
class Known:
    """A request of an administrator.

    Attributes:
        who: What it is called in the log of changes.
        session: None where the token itself came with the request.
        secret: Of the session's cookie.
    """

    who: str
    session: AdminSession | None = None
    secret: str = ""

    @property
    def form_key(self) -> str:
        """What forms carry."""
        return self.session.form_key if self.session is not None else ""

    def may_change(self, request: Request, form: Form) -> bool:
        """Whether a form was sent by a page of ours, and not by another site.

        The token in a header is not sent by a browser on its own, so it needs no more proof.
        """
        if self.session is None:
            return True
        given = form.text("form_key").encode("utf-8", "replace")
        return is_of_this_site(request) and hmac.compare_digest(given, self.form_key.encode())


class AdminAccess:
    """Tells administrators from others, and slows down who guesses.

    Args:
        token: Knows the token.
        tell: Told of logins and wrong tokens.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        token: RightToken,
        tell: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token = token
        self._tell = tell
        self._clock = clock
        self._wrong = WrongTokens()
        self._told_s = float("-inf")
        self._untold = 0
        self.sessions = AdminSessions(token.is_right, clock)

    def known(self, request: Request) -> Known | None:
        """The administrator whose request this is, None for anybody else.

        Raises:
            TooSoonError: A token was given, too soon after wrong ones.
        """
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            is_right = self.is_token(given.strip(), request)
            return Known(f"token from {host_of(request)}") if is_right else None
        secret = request.cookies.get(cookie_name(request), "")
        session = self.sessions.find(secret) if secret else None
        if session is None:
            return None
        return Known(f"session from {host_of(request)}", session, secret)

    def is_token(self, given: str, request: Request, *, is_told: bool = True) -> bool:
        """Whether a token that came with a request is right.

        Args:
            given: The token.
            request: What it came with.
            is_told: A wrong one is told of.

        Raises:
            TooSoonError: This address has to wait, and its token is not looked at.
        """
        host, now = host_of(request), self._clock()
        address = address_of(request.client)
        site = site_of(address) if address is not None else ""
        wait_s = self._wrong.wait_s(site, now)
        if wait_s > 0:
            raise TooSoonError(wait_s)
        if self._token.is_right(given):
            self._wrong.succeeded(site)
            return True
        in_a_row = self._wrong.failed(site, now)
        self._untold += is_told
        if is_told and now - self._told_s >= TOLD_S:
            self._tell(TokenRefused(host, in_a_row, self._untold))
            self._told_s, self._untold = now, 0
        return False

    def begin(self, token: str, request: Request) -> str:
        """Begin a session; returns the secret of its cookie."""
        host = host_of(request)
        self._tell(SessionBegan(host))
        return self.sessions.begin(token, host)


def host_of(request: Request) -> str:
    """The address that a request comes from."""
    return request.client.host if request.client else "unknown"


def is_of_this_site(request: Request) -> bool:
    """Whether a browser sent this from a page of this site, as far as it tells."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


def cookie_name(request: Request) -> str:
    """The name of the cookie of a session."""
    _, colon, port = request.headers.get("host", "").rpartition(":")
    return f"{COOKIE}-{port}" if colon and port.isascii() and port.isdigit() else COOKIE


def cookie_of(request: Request, options: WebOptions, secret: str | None) -> str:
    """The `Set-Cookie` of a session; None takes it away."""
    age_s = 0 if secret is None else LIFETIME_S
    words = [
        f"{cookie_name(request)}={secret or ''}",
        f"Path={options.prefix}/admin",
        f"Max-Age={age_s}",
        "HttpOnly",
        "SameSite=Strict",
    ]
    return "; ".join([*words, *["Secure"] * _is_secure(request, options)])


def _is_secure(request: Request, options: WebOptions) -> bool:
    """Whether the browser speaks TLS, be it with a proxy that does not say so."""
    public = (options.public_url or "").partition("://")
    host = public[2].partition("/")[0].lower()
    is_public = public[0] == "https" and request.headers.get("host", "").lower() == host
    return request.scope.get("scheme") == "https" or is_public
