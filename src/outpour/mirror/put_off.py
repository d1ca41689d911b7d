"""What could not be had is tried again later, and the later the oftener that was in vain."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

AGAIN_S, AGAIN_S_MAX = 10.0, 3600.0
DOUBLED_MAX = 20


def pause_s(failed: int, again_s: float, again_s_max: float) -> float:
    """Seconds until the next try of what has failed so many times before the last one."""
    return min(again_s * 2.0 ** min(failed, DOUBLED_MAX), again_s_max)


class PutOff(Generic[K]):
    """Keys of what failed, each with the time of its next try."""

    def __init__(self) -> None:
        self._tries: dict[K, tuple[int, float]] = {}

    def __contains__(self, key: K) -> bool:
        """Whether it has failed, and not succeeded since."""
        return key in self._tries

    def waits(self, key: K) -> bool:
        """Whether it is too soon to try it again."""
        return key in self._tries and self._tries[key][1] > time.monotonic()

    def fail(self, key: K) -> None:
        """Have it wait, longer than the last time."""
        failed = self._tries.get(key, (0, 0.0))[0]
        until = time.monotonic() + pause_s(failed, AGAIN_S, AGAIN_S_MAX)
        self._tries[key] = (failed + 1, until)

    def succeed(self, key: K) -> None:
        """Its next failure is its first."""
        self._tries.pop(key, None)

    def hasten(self) -> None:
        """Try everything at once; what fails again waits longer than before."""
        self._tries = {key: (failed, 0.0) for key, (failed, _) in self._tries.items()}

    def clear(self) -> None:
        """Try everything at once."""
        self._tries.clear()
