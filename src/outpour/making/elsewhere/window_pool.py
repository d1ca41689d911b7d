"""Memory that goes round between those who read from servers and those who hash."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from outpour._core import Memory
from outpour.making.elsewhere.window import Stretch, Window

SKEW = 4096 + 256
"""Bytes between windows. Pieces are hashed side by side, and if they were powers of two apart, all
of them would want the same few places of a core's caches: it costs a sixth of the time."""


class PoolEndedError(Exception):
    """Nobody needs windows any more."""


class WindowPool:
    """Windows: empty ones for those who fill them, filled ones for those who hash them.

    Memory is taken from the system when it is written to first. Fresh memory is cleared by the
    system and mapped page by page, which costs more than to receive what goes into it, so what was
    given back last goes out first: caches may have it still, and most of the rest is never touched.

    Args:
        room: Bytes that a window takes at most.
        count: How many windows there are.
        batch: How many are hashed at once where so many are filled.
        users: How many have to give a filled window back before it is empty again.
    """

    def __init__(self, room: int, count: int, batch: int, users: int = 1) -> None:
        self._stride = room + SKEW
        self._memory = Memory(self._stride * count)
        self._batch = batch
        self._users = users
        self._free = list(reversed(range(count)))
        self._filled: deque[Window] = deque()
        self._in_order: dict[int, Window] = {}
        self._used: dict[Window, tuple[int, int]] = {}
        self._is_finished = False
        self._is_ended = False
        self._lock = threading.Lock()
        self._has_room = threading.Condition(self._lock)
        self._has_batch = threading.Condition(self._lock)
        self._has_next = threading.Condition(self._lock)

    def take(self, number: int, stretch: Stretch) -> Window:
        """Wait for an empty window.

        Args:
            number: Of the stretch in the torrent.
            stretch: What it is to hold.

        Raises:
            PoolEndedError: It has ended.
        """
        with self._lock:
            if not self._free:
                # Who hashes need not wait for windows that nobody can fill.
                self._has_batch.notify()
            self._has_room.wait_for(lambda: self._free or self._is_ended)
            if self._is_ended:
                raise PoolEndedError
            place = self._free.pop()
            window = Window(number, stretch, self._memory.part(place * self._stride))
            self._used[window] = (place, self._users)
        return window

    def fill(self, window: Window) -> None:
        """Hand a filled window on."""
        with self._lock:
            self._filled.append(window)
            if self._is_batch():
                self._has_batch.notify()
            if self._users > 1:
                self._in_order[window.number] = window
                self._has_next.notify()

    def batch(self) -> list[Window]:
        """Wait for filled windows, and take them in the order of the torrent; none at the end."""
        with self._lock:
            self._has_batch.wait_for(lambda: self._is_batch() or self._is_over())
            if self._is_ended:
                return []
            count = min(self._batch, len(self._filled))
            taken = [self._filled.popleft() for _ in range(count)]
        return sorted(taken, key=lambda window: window.number)

    def numbered(self, number: int) -> Window | None:
        """Wait for one filled window; None if the pool has ended."""
        with self._lock:
            self._has_next.wait_for(lambda: number in self._in_order or self._is_ended)
            return None if self._is_ended else self._in_order.pop(number)

    def give_back(self, windows: Sequence[Window]) -> None:
        """Have windows filled anew once all their users have given them back."""
        with self._lock:
            for window in windows:
                place, users = self._used[window]
                if users > 1:
                    self._used[window] = (place, users - 1)
                    continue
                del self._used[window]
                self._free.append(place)
                self._has_room.notify()

    def finish(self) -> None:
        """Say that no more windows will be filled."""
        with self._lock:
            self._is_finished = True
            self._has_batch.notify_all()

    def end(self) -> None:
        """Let nobody wait any more."""
        with self._lock:
            self._is_ended = True
            for waiting in (self._has_room, self._has_batch, self._has_next):
                waiting.notify_all()

    def _is_batch(self) -> bool:
        is_starved = not self._free and bool(self._filled)
        return len(self._filled) >= self._batch or is_starved

    def _is_over(self) -> bool:
        return self._is_ended or self._is_finished
