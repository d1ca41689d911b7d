"""When to look at the published folders again: when they change, and now and then."""

from __future__ import annotations

import asyncio
from pathlib import Path

from watchfiles import awatch

# Network file systems and containers lose notifications; looking is cheap.
RESCAN_S = 30.0
# A copy in progress notifies all the time; looking in between finds it unfinished anyway.
DEBOUNCE_MS = 800


class Watch:
    """Knows when it is time to look.

    Args:
        roots: Published files and folders.
    """

    def __init__(self, roots: tuple[Path, ...]) -> None:
        self._roots = roots
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._notice())

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

    async def _notice(self) -> None:
        while True:
            present = [root for root in self._roots if root.exists()]
            try:
                if present:
                    await self._follow(present)
            except (OSError, RuntimeError):
                # The system ran out of watches, or a root went away: the periodic look remains.
                pass
            await asyncio.sleep(RESCAN_S)

    async def _follow(self, roots: list[Path]) -> None:
        async for _ in awatch(*roots, debounce=DEBOUNCE_MS, step=100, recursive=True):
            self._changed.set()
            if not all(root.exists() for root in roots):
                return
