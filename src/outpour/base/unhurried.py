"""Work that is done to its end, however impatient those are who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def to_the_end(work: Awaitable[T]) -> T:
    """Wait for work that has to be done before anything else is let go of.

    Raises:
        asyncio.CancelledError: Who waits was cancelled meanwhile; the work is done all the same.
    """
    doing = asyncio.ensure_future(work)
    is_cancelled = False
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            is_cancelled = True
    if is_cancelled:
        raise asyncio.CancelledError
    return doing.result()
