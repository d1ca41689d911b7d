"""Runs works side by side that are all to go on: when one ends, all end, and nobody misses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence


async def together(works: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Run works until one of them ends or this is cancelled; then cancel the others.

    Raises:
        Exception: What the work ended with that ended first.
        RuntimeError: It just returned, which is no less unexpected.
    """
    tasks = {asyncio.ensure_future(work()): work for work in works}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
    names = ", ".join(getattr(tasks[task], "__qualname__", repr(tasks[task])) for task in done)
    raise RuntimeError(f"`{names}` ended")
