"""Waits no longer than a while, and is always given up when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Wait for something, and cancel it after a while.

    `asyncio.wait_for` of Python 3.10 and 3.11 returns where it is cancelled just as what it waits
    for is done: a loop around it then goes on for ever, and so does whoever waits for its end.

    Raises:
        asyncio.TimeoutError: It took longer.
        Exception: What it raised.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        is_late = not task.done()
        if is_late:
            task.cancel()
            await asyncio.wait({task})
    except asyncio.CancelledError:
        task.add_done_callback(_forget)
        task.cancel()
        raise
    if is_late and task.cancelled():
        raise asyncio.TimeoutError
    return task.result()


def _forget(task: asyncio.Future[T]) -> None:
    # Asked for, its exception is nobody's any more.
    if not task.cancelled():
        task.exception()
