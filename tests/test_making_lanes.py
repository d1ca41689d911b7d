"""Which entries a publisher makes into torrents next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from outpour.making.walker import Tree
from outpour.publisher.entries import PublishEntry
from outpour.publisher.making_lanes import BATCH_ENTRIES_MAX, MakingLanes, Task
from outpour.publisher.sight import Sight
from tests.waiting import until

GIB = 1 << 30


def task(name: str, length: int) -> Task:
    path = Path("/content") / name
    return Task(PublishEntry(path), Sight(Tree(path, False, ()), name.encode(), 0, length))


class Maker:
    """Makes at once what is small; what is large waits until it is let go or dropped."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.batches: list[int] = []
        self.begun: list[str] = []
        self.release = threading.Event()

    def __call__(self, tasks: Sequence[Task]) -> Callable[[], Awaitable[None]]:
        self.begun += [one.entry.name for one in tasks]
        for one in tasks:
            while one.sight.length >= GIB and not one.is_dropped and not self.release.wait(0.01):
                pass
        return lambda: self._finish(tasks)

    async def _finish(self, tasks: Sequence[Task]) -> None:
        self.batches.append(len(tasks))
        self.made += [one.entry.name for one in tasks if not one.is_dropped]


def run(scenario: Callable[[MakingLanes, Maker], Awaitable[None]]) -> Maker:
    async def main() -> Maker:
        maker = Maker()
        lanes = MakingLanes(maker)
        running = asyncio.ensure_future(lanes.run())
        try:
            await asyncio.wait_for(scenario(lanes, maker), 60)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            maker.release.set()
        return maker

    return asyncio.run(main())


def test_small_ones_are_made_while_large_ones_take_long():
    async def scenario(lanes: MakingLanes, maker: Maker) -> None:
        await lanes.put([task(f"huge {number}", 30 * GIB) for number in range(5)])
        await until(lambda: len(maker.begun) == 2)
        await lanes.put([task("small", 1000), task("middle", 500 << 20)])
        await until(lambda: {*maker.made} == {"small", "middle"})
        assert len(lanes) == 5

    run(scenario)


def test_smaller_ones_come_first_and_share_a_turn():
    async def scenario(lanes: MakingLanes, maker: Maker) -> None:
        some = [task(f"{length:05}", length) for length in range(1000, 0, -1)]
        await lanes.put(some)
        await until(lambda: len(maker.made) == 1000)

    maker = run(scenario)
    assert max(maker.batches) == BATCH_ENTRIES_MAX
    assert int(maker.made[0]) <= BATCH_ENTRIES_MAX * 4


def test_what_is_dropped_is_not_made_and_frees_its_lane():
    async def scenario(lanes: MakingLanes, maker: Maker) -> None:
        huge = [task(f"huge {number}", 30 * GIB) for number in range(3)]
        await lanes.put(huge)
        await until(lambda: len(maker.begun) == 2)
        for one in huge:
            lanes.drop(one.entry.path)
        assert not len(lanes)
        await lanes.put([task("later", 2 * GIB)])
        await until(lambda: "later" in maker.begun)
        maker.release.set()
        await until(lambda: maker.made == ["later"])

    run(scenario)


def test_content_that_changed_takes_the_place_of_what_it_was():
    async def scenario(lanes: MakingLanes, maker: Maker) -> None:
        first, second = task("x", 30 * GIB), task("x", 100)
        await lanes.put([first])
        await lanes.put([second])
        assert first.is_dropped
        await until(lambda: maker.made == ["x"])
        assert not len(lanes)

    run(scenario)
