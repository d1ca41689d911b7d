"""The sessions of operators who have shown the token to a browser."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

SESSIONS_MAX = 32
"""Open at once; one more ends the oldest."""
LIFETIME_S = 12 * 3600
"""Whatever happens: a working day."""
IDLE_S = 2 * 3600
"""Without a request."""


@dataclass(slots=True)
class AdminSession:
    """One browser that is let in.

    Attributes:
        form_key: Stands in each form of its pages, where no other site can read it.
        site: The address that it began at.
        began_s: Monotonic seconds.
        seen_s: Monotonic seconds of its last request.
        token: What it showed; the session ends when that is the token no more.
    """

    form_key: str
    site: str
    began_s: float
    seen_s: float
    token: str = field(repr=False)


class AdminSessions:
    """Sessions by the secret in their cookies; of the secret only a digest is kept.

    Args:
        is_right: Whether this is the token.
        clock: Monotonic seconds.
    """

    def __init__(self, is_right: Callable[[str], bool], clock: Callable[[], float]) -> None:
        self._is_right = is_right
        self._clock = clock
        self._sessions: OrderedDict[bytes, AdminSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, token: str, site: str) -> str:
        """Begin a session for who has shown the token; returns the secret of its cookie."""
        secret, now = secrets.token_urlsafe(32), self._clock()
        session = AdminSession(secrets.token_urlsafe(32), site, now, now, token)
        self._sessions[_digest(secret)] = session
        while len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        return secret

    def find(self, secret: str, *, is_request: bool = True) -> AdminSession | None:
        """The session of a cookie, None if there is none or it is over.

        Args:
            secret: What is in the cookie.
            is_request: It is used, and not only looked at.
        """
        digest, now = _digest(secret), self._clock()
        session = self._sessions.get(digest)
        if session is None:
            return None
        is_over = now - session.began_s > LIFETIME_S or now - session.seen_s > IDLE_S
        if is_over or not self._is_right(session.token):
            del self._sessions[digest]
            return None
        if is_request:
            session.seen_s = now
        return session

    def end(self, secret: str) -> None:
        """End a session."""
        self._sessions.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()
