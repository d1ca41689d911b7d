"""Works that run side by side end when they are told to, whatever else happens at that moment."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from outpour.base.together import together
from outpour.base.within import within
from outpour.publisher.folder_changes import Watch
from tests.test_service import settings, tracker

MOMENTS = range(8)
"""Turns of the event loop between something and the cancel that follows it."""


async def ends(task):
    """Whether a task that was cancelled has ended, though nothing more happens."""
    done, _ = await asyncio.wait({task}, timeout=60)
    task.cancel()
    await asyncio.wait({task})
    return bool(done)


async def cancelled_after(happens, moments, work):
    """Run a work, let something happen, cancel the work; say if it ends."""
    task = asyncio.ensure_future(work)
    for _ in range(20):
        await asyncio.sleep(0)
    happens()
    for _ in range(moments):
        await asyncio.sleep(0)
    task.cancel()
    return await ends(task)


@pytest.mark.parametrize("moments", MOMENTS)
def test_a_cancel_is_heard_just_as_what_was_waited_for_happens(moments):
    async def main():
        event = asyncio.Event()

        async def forever():
            while True:
                await within(3600, event.wait())
                event.clear()

        assert await cancelled_after(event.set, moments, forever())

    asyncio.run(main())


@pytest.mark.parametrize("moments", MOMENTS)
def test_a_tracker_ends_though_a_list_changes_just_then(tmp_path, moments):
    async def main():
        given = settings(allowed_dir=tmp_path, rescan_interval_s=3600)
        with tracker(given) as service:
            assert await cancelled_after(service.reload, moments, service._follow())

    asyncio.run(main())


@pytest.mark.parametrize("moments", MOMENTS)
def test_a_publisher_ends_though_its_folder_changes_just_then(tmp_path, moments):
    async def main():
        watch = Watch((tmp_path,), lambda _: None)

        async def follow():
            while True:
                await watch.wait(3600)

        assert await cancelled_after(lambda: watch.look_at([tmp_path]), moments, follow())

    asyncio.run(main())


def test_what_takes_too_long_is_cancelled_and_what_fails_is_told():
    async def main():
        with pytest.raises(asyncio.TimeoutError):
            await within(0.01, asyncio.Event().wait())
        with pytest.raises(LookupError):
            await within(1, failing())
        assert await within(1, done()) == "done"

    async def failing():
        raise LookupError

    async def done():
        return "done"

    asyncio.run(main())


def test_a_work_that_misses_its_cancel_is_told_again():
    async def deaf():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def broken():
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        asyncio.run(asyncio.wait_for(together([deaf, broken]), 60))
