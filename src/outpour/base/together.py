"""Runs works side by side that are all to go on: when one ends, all end, and nobody misses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

AGAIN_S = 1.0
"""A work may miss that it is cancelled, and is then told again."""


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
        await _end(tasks)
    for task in done:
        task.result()
    names = ", ".join(getattr(tasks[task], "__qualname__", repr(tasks[task])) for task in done)
    raise RuntimeError(f"`{names}` ended")


async def _end(tasks: Collection[asyncio.Future[None]]) -> None:
    pending = set(tasks)
    is_cancelled = False
    while pending:
        for task in pending:
            task.cancel()
        try:
            _, pending = await asyncio.wait(pending, timeout=AGAIN_S)
        except asyncio.CancelledError:
            # Whoever waits for this is impatient; works inside are waited for all the same.
            is_cancelled = True
            pending = {task for task in pending if not task.done()}
    await asyncio.gather(*tasks, return_exceptions=True)
    if is_cancelled:
        raise asyncio.CancelledError
