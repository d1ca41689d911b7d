"""Waiting for a state with a deadline: here alone tests let time pass, between two looks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_S = 0.01


def wait_for(
    condition: Callable[[], T],
    *,
    seconds: float = 60,
    what: str = "state",
    still: Callable[[], object] = lambda: "",
) -> T:
    """Look until there is something, and give it; `still` tells what there is in its stead."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"no {what} within {seconds} s: {still()}"
        time.sleep(LOOK_S)
    return found


async def until(
    condition: Callable[[], object], *, seconds: float = 60, what: str = "state"
) -> None:
    """Look until something is so, while the event loop runs."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"no {what} within {seconds} s"
        await asyncio.sleep(LOOK_S)
