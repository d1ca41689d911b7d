"""Registers a mirror with its publisher, and says again and again that it is there.

The publisher forgets what it was told when it starts anew; how many torrents it knows of says so,
and then it is told all again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from outpour.base.daemon_call import in_daemon
from outpour.base.errors import FormatError, OutpourError, ReadError, reason
from outpour.base.event import Event
from outpour.base.http_route import Route
from outpour.base.text import printable, typed
from outpour.client import Client
from outpour.mirror.mirror_events import RegistrationChanged
from outpour.mirror.mirror_job import MirrorJob

AGAIN_S = 30.0
AGAIN_S_MIN = 5.0
CHECKING_S = 5.0
"""While the publisher looks at the first copy."""
SOON_S = 1.0
"""After something came or went."""
CLAIMS_AT_ONCE = 300
BYTES_MAX = 4096
WHY_MAX = 500
"""Letters of what the publisher says of it."""
STATES = ("counted", "checking")


class Registration:
    """Keeps a mirror registered.

    Args:
        source: URL of the publisher's page.
        token_file: Holds the token.
        route: By which way.
        url: Where the mirror's page is, as the public sees it.
        peer_port: Where it seeds.
        job: Knows what is whole.
        tell: Takes events, on the event loop.

    Raises:
        ReadError: The token cannot be read.
        FormatError: The file holds none.
    """

    def __init__(
        self,
        source: str,
        token_file: Path,
        route: Route,
        url: str,
        peer_port: int,
        job: MirrorJob,
        tell: Callable[[Event], None],
    ) -> None:
        self._client = Client(source, token=read_token(token_file), route=route)
        self._url = url
        self._peer_port = peer_port
        self._job = job
        self._tell = tell
        self._told: set[bytes] = set()
        self._said: tuple[bool, str] | None = None
        self._is_accepted = False

    async def run(self) -> None:
        """Register, until cancelled."""
        await self._job.begun()
        while True:
            wait_s, self._is_accepted = AGAIN_S, False
            try:
                wait_s = await self._say()
            except OutpourError as error:
                self._hear(is_counted=False, why=error.message)
            await self._rest(wait_s)

    async def _say(self) -> float:
        """Say what is here; returns in how many seconds to do so again."""
        whole = self._job.whole()
        gone = sorted(self._told - whole)[:CLAIMS_AT_ONCE]
        fresh = sorted(whole - self._told)[:CLAIMS_AT_ONCE]
        body = {
            "url": self._url,
            "peer_port": self._peer_port,
            "complete": _listed(fresh),
            "gone": _listed(gone),
        }
        answer = await in_daemon(
            lambda: self._client.change("PUT", "registrations", body), "outpour-registration"
        )
        self._told = (self._told | set(fresh)) - set(gone)
        known = answer.get("torrents")
        if not isinstance(known, int) or known < len(self._told):
            # It started anew, and knows no more than what it was just told.
            self._told = set(fresh) if known == len(fresh) else set()
        state, why = answer.get("state"), answer.get("why")
        self._is_accepted = state in STATES
        if state == "counted":
            self._hear(is_counted=True)
        elif state not in STATES:
            self._hear(is_counted=False, why=why if isinstance(why, str) else "")
        if state == "checking" and self._told:
            return CHECKING_S
        again_s = answer.get("again_s")
        is_number = isinstance(again_s, int) and AGAIN_S_MIN <= again_s <= 10 * AGAIN_S
        return float(again_s) if is_number else AGAIN_S  # type: ignore[arg-type]

    async def _rest(self, seconds: float) -> None:
        """Wait, but not for long where there is something to say."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(SOON_S)
            if self._is_accepted and self._job.whole() != self._told:
                return

    def _hear(self, *, is_counted: bool, why: str = "") -> None:
        why = printable(why[:WHY_MAX])
        if self._said != (is_counted, why):
            self._said = (is_counted, why)
            self._tell(RegistrationChanged(is_counted, why))


def read_token(path: Path) -> str:
    """Read the token of a mirror; a name before it is left out of account.

    Raises:
        ReadError: The file cannot be read.
        FormatError: It holds no token.
    """
    try:
        with path.open("rb") as stream:
            words = typed(stream.read(BYTES_MAX)).decode("utf-8", "replace").split()
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}") from None
    if not 1 <= len(words) <= 2 or not words[-1].isascii():
        raise FormatError(
            f"`{path}`: not the token of a mirror", hint="the publisher gives it, in one line"
        )
    return words[-1]


def _listed(infohashes: Sequence[bytes]) -> str:
    return ",".join(one.hex() for one in infohashes)
