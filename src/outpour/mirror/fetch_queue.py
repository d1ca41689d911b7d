"""What waits to be fetched, the newest first, and what is tried again when its time has come."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Sequence

from outpour.mirror.put_off import AGAIN_S_MAX, pause_s

AGAIN_S = 5.0
"""Between two tries of what cannot be fetched."""


class FetchQueue:
    """Infohashes of torrents that are to be fetched, in order."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._later: list[tuple[float, bytes]] = []
        self._tries: dict[bytes, int] = {}

    def add(self, infohash: bytes) -> None:
        """Have it fetched after all that waits."""
        self._waiting.append(infohash)

    def add_first(self, infohash: bytes) -> None:
        """Have it fetched before all that waits."""
        self._waiting.appendleft(infohash)

    def put_off(self, infohash: bytes) -> None:
        """Have it tried again later, and the later the oftener it was in vain."""
        tries = self._tries[infohash] = self._tries.get(infohash, 0) + 1
        wait_s = pause_s(tries - 1, AGAIN_S, AGAIN_S_MAX)
        heapq.heappush(self._later, (time.monotonic() + wait_s, infohash))

    def succeed(self, infohash: bytes) -> None:
        """It was fetched, so that its next failure is its first."""
        self._tries.pop(infohash, None)

    def take(self, limit: int) -> list[bytes]:
        """The next so many at most; what is left of them goes back by `give_back`."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._waiting.append(heapq.heappop(self._later)[1])
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), limit))]

    def give_back(self, infohashes: Sequence[bytes]) -> None:
        """Put back what could not be begun yet, before all others, in the same order."""
        self._waiting.extendleft(reversed(infohashes))
