"""When to look at the published folders again: when they change, and now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from watchfiles import awatch

from outpour.base.text import printable

# A copy in progress notifies all the time; looking in between finds it unfinished anyway.
DEBOUNCE_MS = 800
STEP_MS = 50
# A disk that was unmounted, or a folder that was replaced, is noticed within this time.
RETURN_S = 2.0
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
        self._is_failing = False

    async def wait(self, timeout_s: float) -> frozenset[Path] | None:
        """Wait until something changes, or until `timeout_s` is over.

        Returns:
            What changed: nothing when the time was over, None when it may be anything.
        """
        try:
            await asyncio.wait_for(self._wake.wait(), timeout_s)
        except asyncio.TimeoutError:
            return frozenset()
        self._wake.clear()
        changed, self._changed = self._changed, set()
        return None if changed is None else frozenset(changed)

    async def run(self) -> None:
        """Follow the roots, until cancelled."""
        while True:
            present = self._present()
            try:
                await self._follow(present)
            except Exception as error:
                # No watches left, a root that went away, a name that watchfiles cannot read: the
                # periodic look remains.
                if self._present() == present:
                    self._fail(error)
                    await asyncio.sleep(RETRY_S)
            self._note(None)

    def _fail(self, error: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            self._tell(
                f"the system's notifications of changes fail ({_reason(error)}); "
                "looking through the folders now and then instead"
            )

    async def _follow(self, present: dict[Path, tuple[int, int]]) -> None:
        """Follow the roots that are there, until other ones are."""
        if not present:
            await asyncio.sleep(RETURN_S)
            return
        async for changes in awatch(
            *present, watch_filter=None, debounce=DEBOUNCE_MS, step=STEP_MS, recursive=True,
            rust_timeout=int(RETURN_S * 1000), yield_on_timeout=True,
            ignore_permission_denied=True,
        ):  # fmt: skip
            if changes:
                self._note({Path(path) for _, path in changes})
                if self._is_failing:
                    self._is_failing = False
                    self._tell("the system's notifications of changes work again")
            if self._present() != present:
                return

    def look_at(self, paths: Iterable[Path]) -> None:
        """Have these looked at, as if they had changed."""
        if some := set(paths):
            self._note(some)

    def _note(self, changed: set[Path] | None) -> None:
        if changed is None or self._changed is None:
            self._changed = None
        else:
            self._changed |= changed
            if len(self._changed) > PATHS_MAX:
                self._changed = None
        self._wake.set()

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


def _reason(error: BaseException) -> str:
    # Groups of exceptions are Python 3.11's; before, anyio brings its own.
    while inner := getattr(error, "exceptions", ()):
        error = inner[0]
    return printable(str(error) or type(error).__name__)
