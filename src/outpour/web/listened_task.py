"""A task that runs while anybody listens, shared by all who do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class ListenedTask:
    """Begins with the first listener, and is begun anew with the next after it ended by itself.

    Args:
        run: What it does; it ends once nobody listens.

    Attributes:
        is_closed: Nobody may listen any more.
    """

    def __init__(self, run: Callable[[], Awaitable[None]]) -> None:
        self._run = run
        self._task: asyncio.Future[None] | None = None
        self.is_closed = False

    @property
    def is_running(self) -> bool:
        """Whether anybody is served."""
        return self._task is not None and not self._task.done()

    def begin(self) -> None:
        """See that it runs."""
        if not self.is_running:
            self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        """End it for good."""
        self.is_closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
