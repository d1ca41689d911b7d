"""Asks web seeds again that did not deliver, later and later."""

from __future__ import annotations

import heapq
import time

from outpour.engine import Engine

FIRST_AFTER_S = 10.0
LAST_AFTER_S = 300.0


class WebSeedRetries:
    """Knows when to ask which web seed again.

    libtorrent strikes a web seed off after most answers, `503 Service Unavailable` among them.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._due: list[tuple[float, bytes, str]] = []
        self._after_s: dict[tuple[bytes, str], float] = {}
        self._waiting: set[tuple[bytes, str]] = set()

    def note_failure(self, infohash: bytes, url: str) -> None:
        """Have a web seed asked again."""
        seed = (infohash, url)
        if seed in self._waiting:
            return
        after_s = self._after_s.get(seed, FIRST_AFTER_S)
        self._after_s[seed] = min(LAST_AFTER_S, after_s * 2)
        self._waiting.add(seed)
        heapq.heappush(self._due, (time.monotonic() + after_s, infohash, url))

    def turn(self) -> None:
        """Ask those that are due."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, infohash, url = heapq.heappop(self._due)
            self._waiting.discard((infohash, url))
            if infohash in self._engine:
                self._engine.retry_web_seed(infohash, url)
