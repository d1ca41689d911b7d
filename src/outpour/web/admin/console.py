"""What the operator's pages stand on: the tracker's operation, and who may see it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from outpour.tracker.event_log import EventLog
from outpour.tracker.operation import Reading
from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.admin_access import AdminAccess
from outpour.web.admin.notices import Notices
from outpour.web.admin.panel import Panel, PanelSource
from outpour.web.admin.refusal_story import Story, tell_story
from outpour.web.admin.usage import Usage
from outpour.web.admin.watchers import Seen, Watchers
from outpour.web.page_thread import PageThread

DAY_S = 86_400
STORY_S = 10.0
"""A story is told so long; who wants to know why is no faster."""


class Operated(Protocol):
    """The numbers and events of a running tracker; `operation.Operation` is one."""

    @property
    def log(self) -> EventLog:
        """What happened lately."""

    def reading(self) -> Reading:
        """The numbers of now."""

    def lately(self) -> tuple[Reading, Moment]:
        """The numbers of now, and what happened in the last seconds."""

    async def moments(self, since: int, step_s: int) -> Sequence[Moment]:
        """What happened since Unix second `since`, in stretches of `step_s` seconds."""

    def name(self, infohash: bytes) -> str | None:
        """What a torrent is or was called, None if that was never known."""


@dataclass(slots=True)
class _Told:
    story: Story
    at_s: float


class Console:
    """The parts of the operator's pages.

    Args:
        access: Knows administrators.
        operation: What there is to see.
        usage: Who uses the tracker and who is turned away; None where that is not counted.

    Attributes:
        began_s: Monotonic seconds.
        notices: What forms have brought about, until it is told.
        watchers: Who watches the numbers of now.
    """

    def __init__(
        self, access: AdminAccess, operation: Operated, usage: Usage | None = None
    ) -> None:
        self.access = access
        self.operation = operation
        self.usage = usage
        self.began_s = time.monotonic()
        self.notices = Notices()
        self._panels: list[PanelSource] = []
        self._told: _Told | None = None
        self._telling = asyncio.Lock()

    def begin(self, look: Callable[[bool], Awaitable[Seen]], thread: PageThread) -> None:
        """Begin to serve; `look` tells watchers what there is to see."""
        self.watchers = Watchers(look)
        self._thread = thread

    def also_show(self, source: PanelSource) -> None:
        """Let a part of the process have a table on the page of now."""
        self._panels.append(source)

    def panels(self) -> list[Panel]:
        """The tables that there are now."""
        found = (source() for source in self._panels)
        return [panel for panel in found if panel is not None]

    async def story(self) -> Story:
        """Why announces are refused in the last day; some seconds old at most."""
        async with self._telling:
            now_s = time.monotonic()
            if self._told is None or now_s - self._told.at_s > STORY_S:
                now = int(self.operation.reading().at)
                moments = await self.operation.moments(now - now % 60 - DAY_S, 60)
                self._told = _Told(await self._thread.run(lambda: tell_story(moments)), now_s)
            return self._told.story
