"""Notices when the folder of torrents or a list changes, and says when it can no longer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from outpour.base.event import Event
from outpour.base.folder_watch import watch
from outpour.tracker.tracker_events import NotificationBack, NotificationLost


async def watch_sources(
    folders: Sequence[Path],
    files: Sequence[Path],
    rescan_s: float,
    wake: Callable[[], None],
    tell: Callable[[Event], None],
) -> None:
    """Call `wake` whenever something changes, until cancelled.

    Args:
        folders: With all that is below them.
        files: Single ones.
        rescan_s: How often all of them are looked through anyway.
        wake: Called on a change.
        tell: Told when changes are no longer notified, and when they are again.
    """

    def tell_watch(some: Sequence[Path], why: str | None) -> None:
        if why is None:
            tell(NotificationBack(tuple(some)))
        else:
            tell(NotificationLost(tuple(some), why, rescan_s))

    await watch(tuple(folders), tuple(files), lambda _: wake(), rescan_s, tell_watch)
