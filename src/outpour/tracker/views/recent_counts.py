"""Counts of keys that strangers choose, over the last hour and the last day, in bounded memory."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

KEYS_MAX = 128
"""Keys that a window keeps of those that are frequent; it holds twice as many at most."""
WINDOWS = ((300, 12), (3600, 24))
"""Seconds of a window, and how many there are of it: an hour, and a day."""


class RecentCounts(Generic[K]):
    """Keys with how often they came lately.

    Where more keys come than a window keeps, the rarest are left out.
    """

    def __init__(self) -> None:
        self._tiers = [_Tier[K](step_s, count) for step_s, count in WINDOWS]

    def add(self, counts: Iterable[tuple[K, int]], now: float) -> None:
        """Count keys at a Unix time in seconds."""
        counts = list(counts)
        for tier in self._tiers:
            tier.add(counts, now)

    def top(self, limit: int, since_s: float, now: float) -> list[tuple[K, int]]:
        """Up to `limit` keys of the last so many seconds, the most frequent first.

        Whole windows are told: up to five minutes more than asked for, of more than an hour up to
        an hour more.
        """
        for tier in self._tiers:
            if since_s <= tier.span_s:
                break
        return tier.sum(now - since_s).most_common(limit)


class _Tier(Generic[K]):
    def __init__(self, step_s: int, count: int) -> None:
        self.span_s = step_s * count
        self._step_s = step_s
        # One more, as the newest has only begun.
        self._windows: deque[tuple[int, Counter[K]]] = deque(maxlen=count + 1)

    def add(self, counts: Iterable[tuple[K, int]], now: float) -> None:
        at = int(now // self._step_s)
        # A clock that goes back goes on in the window that there is.
        if not self._windows or self._windows[-1][0] < at:
            self._windows.append((at, Counter()))
        window = self._windows[-1][1]
        for key, count in counts:
            window[key] += count
            if len(window) > 2 * KEYS_MAX:
                kept = window.most_common(KEYS_MAX)
                window.clear()
                window.update(dict(kept))

    def sum(self, since: float) -> Counter[K]:
        total: Counter[K] = Counter()
        for at, window in self._windows:
            if (at + 1) * self._step_s > since:
                total.update(window)
        return total
