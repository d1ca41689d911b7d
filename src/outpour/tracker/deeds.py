"""What an administrator can do with a running tracker beside making rules and keys."""

from __future__ import annotations

from collections.abc import Mapping

from outpour.tracker.lists.passkey import KeyUse
from outpour.tracker.service import TrackerService
from outpour.tracker.tracker_events import Administered


class TrackerDeeds:
    """Does with a tracker what an administrator wants, and has it told.

    Args:
        service: The tracker.
    """

    def __init__(self, service: TrackerService) -> None:
        self._service = service

    def log(self, who: str, what: str) -> None:
        """Have it told that an administrator changed something."""
        self._service.tell(Administered(int(self._service.now()), who, what))

    def key_uses(self) -> Mapping[str, KeyUse]:
        """How keys were used since the start; nothing, as nobody counts."""
        return {}
