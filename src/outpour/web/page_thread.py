"""The thread on which pages are put together, so that other visitors need not wait for them.

It is one, and not one a visitor: Python runs one thread at a time anyway, and the event loop is to
get every other turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class PageThread:
    """Does work beside the event loop, one after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outpour-page")

    async def run(self, work: Callable[[], T]) -> T:
        """Do some work, and return what it does."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def close(self) -> None:
        """Begin nothing more, and end the thread after what it does now."""
        self._thread.shutdown(wait=False, cancel_futures=True)
