"""A value that is worked out again when asked for, but not too often for what it costs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    """Keeps a value for a multiple of the time that working it out took.

    What is cheap is thereby fresh at every request, and what is not takes a bounded share of one
    core: a twentieth with a factor of 20.

    Args:
        work_out: Makes the value.
        cost_factor: Times the cost that a value is kept.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        work_out: Callable[[], T],
        *,
        cost_factor: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._work_out = work_out
        self._cost_factor = cost_factor
        self._clock = clock
        self._value: T | None = None
        self._until_s = float("-inf")

    def get(self) -> T:
        """The value, fresh or recent."""
        began_s = self._clock()
        if self._value is None or began_s >= self._until_s:
            self._value = self._work_out()
            ended_s = self._clock()
            self._until_s = ended_s + self._cost_factor * (ended_s - began_s)
        return self._value

    def forget(self) -> None:
        """Work it out anew the next time."""
        self._value = None
