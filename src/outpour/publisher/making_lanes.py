"""Which entries are made into torrents next: small ones first, and several at a time.

The longest wait of a small file is the batch before it, never a large neighbour: the last lanes
take no large ones.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from outpour.base.units import GIB, MIB
from outpour.publisher.entries import PublishEntry
from outpour.publisher.sight import Sight

ANY = 1 << 63
LANES = (ANY, ANY, GIB, 64 * MIB)
"""The largest content that each lane takes, in bytes. Two at once keep a disk busy."""
BATCH_ENTRIES_MAX = 64
BATCH_BYTES_MAX = 64 * MIB
"""Small ones share a turn of a thread; more than this would keep the next one waiting."""


@dataclass(slots=True)
class Task:
    """An entry that waits for its torrent, or is being made into it.

    Attributes:
        entry: What.
        sight: As it was when it was found to be new.
        is_dropped: Nobody wants the torrent any more; whoever makes it may stop.
        spent_s: How long it took, if in vain.
    """

    entry: PublishEntry
    sight: Sight
    is_dropped: bool = False
    spent_s: float = 0.0


Work = Callable[[Sequence[Task]], Callable[[], Awaitable[None]]]
"""Makes torrents in a thread, and returns what is then to be done on the event loop."""


class MakingLanes:
    """Entries that wait for their torrents.

    Args:
        work: Makes a batch.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._tasks: dict[Path, Task] = {}
        self._heap: list[tuple[int, int, Task]] = []
        self._order = count()
        self._arrived = asyncio.Condition()
        self._threads = ThreadPoolExecutor(len(LANES), thread_name_prefix="outpour-making")

    def __len__(self) -> int:
        return len(self._tasks)

    def at(self, path: Path) -> Task | None:
        """The task of this content."""
        return self._tasks.get(path)

    async def put(self, tasks: Sequence[Task]) -> None:
        """Have torrents made."""
        for task in tasks:
            self.drop(task.entry.path)
            self._tasks[task.entry.path] = task
            heapq.heappush(self._heap, (task.sight.length, next(self._order), task))
        async with self._arrived:
            self._arrived.notify_all()

    def drop(self, path: Path) -> None:
        """Have the torrent of this content not made, or no further."""
        task = self._tasks.pop(path, None)
        if task is not None:
            task.is_dropped = True

    async def run(self) -> None:
        """Make what comes, until cancelled; what is being made then is given up."""
        lanes = [asyncio.ensure_future(self._lane(most)) for most in LANES]
        try:
            await asyncio.gather(*lanes)
        finally:
            for path in tuple(self._tasks):
                self.drop(path)
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _lane(self, bytes_max: int) -> None:
        loop = asyncio.get_running_loop()
        while True:
            async with self._arrived:
                batch = self._batch(bytes_max)
                while not batch:
                    await self._arrived.wait()
                    batch = self._batch(bytes_max)
            finish = await loop.run_in_executor(self._threads, self._work, batch)
            for task in batch:
                # By then there may be another task of the same path.
                if self._tasks.get(task.entry.path) is task:
                    del self._tasks[task.entry.path]
            await finish()

    def _batch(self, bytes_max: int) -> list[Task]:
        batch: list[Task] = []
        length = 0
        while self._heap and len(batch) < BATCH_ENTRIES_MAX:
            first = self._heap[0][2]
            if first.is_dropped:
                heapq.heappop(self._heap)
                continue
            more = length + first.sight.length
            if first.sight.length > bytes_max or (batch and more > BATCH_BYTES_MAX):
                break
            heapq.heappop(self._heap)
            batch.append(first)
            length = more
        return batch
