"""When to look at the published folders again: when they change, and now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from outpour.base.folder_watch import watch
from outpour.base.text import printable
from outpour.base.within import within

# A copy in progress notifies all the time; looking in between finds it unfinished anyway.
DEBOUNCE_MS = 800
# Where notifications fail, they are tried again after this time.
RETRY_S = 30.0
# What changed is remembered one by one up to here; of more, everything is looked at.
PATHS_MAX = 10_000


class Watch:
    """Knows when it is time to look, and where.

    Args:
        roots: Published files and folders.
        tell: Told when notifications fail, and when they come again.
    """

    def __init__(self, roots: tuple[Path, ...], tell: Callable[[str], None]) -> None:
        self._roots = roots
        self._tell = tell
        self._wake = asyncio.Event()
        self._changed: set[Path] | None = set()

    async def wait(self, timeout_s: float) -> frozenset[Path] | None:
        """Wait until something changes, or until `timeout_s` is over.

        Returns:
            What changed: nothing when the time was over, None when it may be anything.
        """
        try:
            await within(timeout_s, self._wake.wait())
        except asyncio.TimeoutError:
            return frozenset()
        self._wake.clear()
        changed, self._changed = self._changed, set()
        return None if changed is None else frozenset(changed)

    async def run(self) -> None:
        """Follow the roots, until cancelled."""
        folders = tuple(root for root in self._roots if root.is_dir())
        files = tuple(root for root in self._roots if root not in folders)
        await watch(
            folders, files, self._note, RETRY_S, self._tell_trouble, debounce_ms=DEBOUNCE_MS
        )

    def _tell_trouble(self, folders: Sequence[Path], why: str | None) -> None:
        where = ", ".join(f"`{printable(str(folder))}`" for folder in folders)
        if why is None:
            self._tell(f"{where}: changes are notified again")
        else:
            self._tell(
                f"{where}: changes are not notified ({printable(why)}); looking through it now and "
                "then instead"
            )

    def look_at(self, paths: Iterable[Path]) -> None:
        """Have these looked at, as if they had changed."""
        if some := set(paths):
            self._note(frozenset(some))

    def _note(self, changed: frozenset[Path] | None) -> None:
        if changed is None or self._changed is None:
            self._changed = None
        else:
            self._changed |= changed
            if len(self._changed) > PATHS_MAX:
                self._changed = None
        self._wake.set()
