"""Does something that waits for a server where the event loop of the process has ended."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from outpour.tracker.cluster.redis_server import ServerError


def say_within(seconds: float, words: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    """Run a coroutine on a thread of its own; says whether it came to its end in time."""
    done: list[bool] = []

    def run() -> None:
        with suppress(ServerError, asyncio.TimeoutError):
            asyncio.run(asyncio.wait_for(words(), seconds))
            done.append(True)

    thread = threading.Thread(target=run, name="outpour-cluster-end")
    thread.start()
    thread.join()
    return bool(done)
