"""A site with operator's pages, over numbers that a test makes up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from outpour.base.event import Event
from outpour.tracker.event_log import EventLog
from outpour.tracker.operation import Reading
from outpour.tracker.state.operation_tiers import Moment, stretched
from outpour.web.admin.admin_access import AdminAccess
from outpour.web.admin.console import Console
from outpour.web.admin.usage import Usage
from outpour.web.contract import WebOptions

from .conftest import NOW, Answer, FakeView, Site

TOKEN = "the-token-of-the-administrator"
FORM = "application/x-www-form-urlencoded"


class FakeOperation:
    """Numbers and events of a tracker that does not run."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.log = EventLog(lambda: self.now)
        self.counts: dict[str, float] = {"downloads": 12345}
        self.levels: dict[str, float] = {"peers_v4": 7, "seeders": 3, "resident_bytes": 1 << 26}
        self.recent = Moment(NOW - 10, 10.0, {"announces_udp": 25, "refused_torrent": 5})
        self.past: list[Moment] = []
        self.names: dict[bytes, str] = {}

    def reading(self) -> Reading:
        return Reading(self.now, self.now, self.counts, self.levels)

    def lately(self) -> tuple[Reading, Moment]:
        return self.reading(), self.recent

    async def moments(self, since: int, step_s: int) -> Sequence[Moment]:
        return stretched([one for one in self.past if one.at >= since], step_s)

    def name(self, infohash: bytes) -> str | None:
        return self.names.get(infohash)


@dataclass
class Guarded:
    """A site with operator's pages."""

    site: Site
    operation: FakeOperation
    console: Console
    token: list[str]
    now: list[float]
    told: list[Event] = field(default_factory=list)

    @classmethod
    def make(
        cls, view: FakeView, options: WebOptions | None = None, usage: Usage | None = None
    ) -> Guarded:
        token, now = [TOKEN], [1000.0]

        class Token:
            def is_right(self, given: str) -> bool:
                return given == token[0]

        told: list[Event] = []
        operation = FakeOperation()
        access = AdminAccess(Token(), told.append, lambda: now[0])
        console = Console(access, operation, usage)
        return cls(Site(view, options, console=console), operation, console, token, now, told)

    def get(self, path: str) -> Answer:
        """Get a page as who has the token."""
        return self.site.get(path, authorization=f"Bearer {TOKEN}")

    def post(self, path: str, cookie: str = "", fields: object = None, **headers: str) -> Answer:
        body = urlencode(fields or {}) if isinstance(fields, dict | None) else fields
        given = {"content_type": FORM, **({"cookie": cookie} if cookie else {}), **headers}
        return self.site.get(path, "POST", str(body), **given)

    def log_in(self, token: str = TOKEN, **headers: str) -> Answer:
        return self.post("/admin/login", fields={"token": token}, **headers)

    def cookie(self) -> str:
        return self.log_in().headers["set-cookie"].partition(";")[0]

    def form_key(self, cookie: str) -> str:
        page = self.site.get("/admin", cookie=cookie).text
        found = re.search(r'name="form_key" value="([^"]+)"', page)
        assert found
        return found[1]
