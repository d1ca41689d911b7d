"""When to look at the published folders again: when they change, and now and then."""

from __future__ import annotations

import asyncio
from pathlib import Path

from watchfiles import awatch

# Network file systems and containers lose notifications; looking is cheap.
RESCAN_S = 30.0
# A copy in progress notifies all the time; looking in between finds it unfinished anyway.
DEBOUNCE_MS = 800
# A disk that was unmounted, or a folder that was replaced, is noticed within this time.
RETURN_S = 2.0


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
            present = self._present()
            try:
                await self._follow(present)
            except (OSError, RuntimeError):
                # The system ran out of watches, or a root went away: the periodic look remains.
                if self._present() == present:
                    await asyncio.sleep(RESCAN_S)
            self._changed.set()

    async def _follow(self, present: dict[Path, tuple[int, int]]) -> None:
        """Follow the roots that are there, until other ones are."""
        if not present:
            await asyncio.sleep(RETURN_S)
            return
        async for changes in awatch(
            *present, debounce=DEBOUNCE_MS, step=100, recursive=True,
            rust_timeout=int(RETURN_S * 1000), yield_on_timeout=True,
        ):  # fmt: skip
            if changes:
                self._changed.set()
            if self._present() != present:
                return

    def _present(self) -> dict[Path, tuple[int, int]]:
        """The roots that are there, with the device and number that tell a new one of its name."""
        found: dict[Path, tuple[int, int]] = {}
        for root in self._roots:
            try:
                stat = root.stat()
            except OSError:
                continue
            found[root] = (stat.st_dev, stat.st_ino)
        return found
