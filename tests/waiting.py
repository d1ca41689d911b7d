"""Waiting for a state with a deadline: here alone tests let time pass, between two looks."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
LOOK_S = 0.01
CPU_PRESSURE = Path("/proc/pressure/cpu")


class Stopwatch:
    """Counts seconds in which no program of the machine had to wait for a core.

    So a promise of seconds is held to where the machine is idle, and a busy one breaks none. Where
    the system does not tell who waits, all seconds count.
    """

    def __init__(self) -> None:
        self._began = _undisturbed_s()

    @property
    def seconds(self) -> float:
        return _undisturbed_s() - self._began


def _undisturbed_s() -> float:
    now = time.monotonic()
    try:
        found = re.search(r"some .*total=(\d+)", CPU_PRESSURE.read_text())
    except OSError:
        return now
    return now - int(found[1]) / 1e6 if found else now


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
