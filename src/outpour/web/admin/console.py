"""What the operator's pages stand on: the tracker's operation, and who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from outpour.base.event import Event
from outpour.tracker.event_log import EventLog
from outpour.tracker.operation import Reading
from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.admin_access import AdminAccess


class Operated(Protocol):
    """The numbers and events of a running tracker; `operation.Operation` is one."""

    @property
    def log(self) -> EventLog:
        """What happened lately."""

    def reading(self) -> Reading:
        """The numbers of now."""

    async def moments(self, since: int, step_s: int) -> Sequence[Moment]:
        """What happened since Unix second `since`, in stretches of `step_s` seconds."""


@dataclass(frozen=True, slots=True)
class Console:
    """The parts of the operator's pages.

    Attributes:
        access: Knows administrators.
        operation: What there is to see.
    """

    access: AdminAccess
    operation: Operated

    def note(self, event: Event) -> None:
        """Put an event into the log."""
        self.operation.log.note(event)
