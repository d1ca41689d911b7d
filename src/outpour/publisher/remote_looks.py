"""Asks the servers of what lies elsewhere whether it still is what it was: now, and now and then.

A server that is not reached takes nothing away: what was published stays so, and at a start what
was made of it before is published until the server says otherwise.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import NetworkError, OutpourError
from outpour.publisher.entries import PublishEntry
from outpour.publisher.remote_sight import look_elsewhere
from outpour.publisher.sight import Sight

AT_ONCE = 8
"""Entries whose servers are asked at a time."""
AGAIN_S = 3600.0
"""After everything was there; ten thousand entries are three small questions a second."""
FAULT_S = 30.0
FAULT_S_MAX = 3600.0
TELL_S = 0.5
"""Answers of so long are told together, as each has all that is published looked through."""


@dataclass(slots=True)
class _Looked:
    entry: PublishEntry
    sight: Sight | OutpourError | None = None
    fault_s: float = FAULT_S
    turn: int = 0


class RemoteLooks:
    """What the servers say of entries.

    Args:
        made: The sight of a torrent that was made of an entry before, None if there is none.
        look_at: Told which entries have news.
    """

    def __init__(
        self,
        made: Callable[[PublishEntry], Sight | None],
        look_at: Callable[[Iterable[Path]], None],
    ) -> None:
        self._made = made
        self._look_at = look_at
        self._loop = asyncio.get_running_loop()
        self._looked: dict[Path, _Looked] = {}
        self._due: list[tuple[float, int, Path]] = []
        self._wake = asyncio.Event()
        self._news: set[Path] = set()

    def sight(self, entry: PublishEntry) -> Sight | OutpourError | None:
        """What is known of an entry, None before its servers answered; from any thread."""
        looked = self._looked.get(entry.path)
        if looked is None or _source(looked.entry) != _source(entry):
            self._looked[entry.path] = _Looked(entry)
            self._loop.call_soon_threadsafe(self.again, entry.path)
            return None
        looked.entry = entry
        return looked.sight

    def keep(self, paths: Collection[Path]) -> None:
        """Forget all other entries."""
        for path in self._looked.keys() - paths:
            del self._looked[path]

    def again(self, path: Path, after_s: float = 0.0) -> None:
        """Ask again, after some seconds."""
        looked = self._looked.get(path)
        if looked is not None:
            looked.turn += 1
            heapq.heappush(self._due, (self._loop.time() + after_s, looked.turn, path))
            self._wake.set()

    async def run(self) -> None:
        """Ask whenever it is time, until cancelled."""
        asking: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._wake.clear()
                now = self._loop.time()
                while self._due and self._due[0][0] <= now and len(asking) < AT_ONCE:
                    _, turn, path = heapq.heappop(self._due)
                    looked = self._looked.get(path)
                    if looked is not None and looked.turn == turn:
                        asking.add(asyncio.create_task(self._ask(looked)))
                wait_s = None
                if self._due and len(asking) < AT_ONCE:
                    wait_s = max(0.0, self._due[0][0] - now)
                wake = asyncio.create_task(self._wake.wait())
                done, _ = await asyncio.wait(
                    {wake, *asking}, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED
                )
                wake.cancel()
                for task in done & asking:
                    asking.discard(task)
                    task.result()
        finally:
            for task in asking:
                task.cancel()

    async def _ask(self, looked: _Looked) -> None:
        path, before = looked.entry.path, looked.sight
        found: Sight | OutpourError
        try:
            found = await asyncio.to_thread(look_elsewhere, looked.entry)
            looked.fault_s, after_s = FAULT_S, AGAIN_S
        except OutpourError as error:
            found, after_s = error, looked.fault_s
            looked.fault_s = min(2 * looked.fault_s, FAULT_S_MAX)
            if isinstance(before, Sight) and isinstance(error, NetworkError):
                found = before
            elif before is None and isinstance(error, NetworkError):
                found = await asyncio.to_thread(self._made, looked.entry) or error
        if self._looked.get(path) is not looked:
            return
        looked.sight = found
        self.again(path, after_s)
        if not _is_same(before, found):
            if not self._news:
                self._loop.call_later(TELL_S, self._tell)
            self._news.add(path)

    def _tell(self) -> None:
        news, self._news = self._news, set()
        self._look_at(news)


def _source(entry: PublishEntry) -> bytes | None:
    return entry.listed.digest if entry.listed else None


def _is_same(one: Sight | OutpourError | None, other: Sight | OutpourError) -> bool:
    if isinstance(one, Sight) and isinstance(other, Sight):
        is_readable = one.remote is not None or other.remote is None
        return one.fingerprint == other.fingerprint and is_readable
    return isinstance(one, OutpourError) and str(one) == str(other)
