"""When to look at the published folders again: when they change, and now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from outpour.base.folder_watch import watch

# Network file systems and containers lose notifications; looking is cheap.
RESCAN_S = 30.0
# A copy in progress notifies all the time; looking in between finds it unfinished anyway.
DEBOUNCE_MS = 800


class Watch:
    """Knows when it is time to look.

    Args:
        roots: Published files and folders.
        tell: Takes a sentence when changes are no longer notified, and when they are again.
    """

    def __init__(self, roots: tuple[Path, ...], tell: Callable[[str], None]) -> None:
        self._folders = tuple(root for root in roots if root.is_dir())
        self._files = tuple(root for root in roots if root not in self._folders)
        self._tell = tell
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(
            watch(
                self._folders,
                self._files,
                self._changed,
                RESCAN_S,
                self._say,
                debounce_ms=DEBOUNCE_MS,
            )
        )

    async def wait(self, timeout_s: float = RESCAN_S) -> None:
        """Return when something changed, or when `timeout_s` is over."""
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
        except asyncio.TimeoutError:
            return
        self._changed.clear()

    async def stop(self) -> None:
        """End watching."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _say(self, folders: Sequence[Path], why: str | None) -> None:
        where = ", ".join(f"`{folder}`" for folder in folders)
        if why is None:
            self._tell(f"{where}: changes are notified again")
        else:
            self._tell(
                f"{where}: changes are not notified ({why}); looking every {RESCAN_S:g} s until "
                "they are"
            )
