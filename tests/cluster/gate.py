"""A way to a server that tests can close, and make slow."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Any


class Gate:
    """Passes on connections to a port; `url` is for `--cluster`."""

    def __init__(self, target: int):
        self.target = target
        self.delay_s = 0.0
        self._tasks: set[Any] = set()
        self._is_open = True
        self._loop = asyncio.new_event_loop()
        is_up = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(is_up,))
        self._thread.start()
        assert is_up.wait(60)
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def _run(self, is_up):
        async def begin():
            self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
            self.port = self._server.sockets[0].getsockname()[1]
            is_up.set()

        self._loop.run_until_complete(begin())
        self._loop.run_forever()
        self._loop.close()

    async def _pass(self, reader, writer):
        if not self._is_open:
            writer.close()
            return
        task: Any = asyncio.current_task()
        self._tasks.add(task)
        writers = [writer]
        with contextlib.suppress(OSError, asyncio.CancelledError):
            other, to_server = await asyncio.open_connection("127.0.0.1", self.target)
            writers.append(to_server)
            ways = [asyncio.ensure_future(self._copy(reader, to_server))]
            ways.append(asyncio.ensure_future(self._copy(other, writer)))
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        for one in writers:
            one.transport.abort()
        self._tasks.discard(task)

    async def _copy(self, reader, writer):
        while data := await reader.read(65536):
            if self.delay_s:
                # What nobody ever brings takes as long as the way is to take.
                await asyncio.wait([self._loop.create_future()], timeout=self.delay_s)
            writer.write(data)
            await writer.drain()

    def cut(self):
        """End all connections, and accept none."""
        self._is_open = False
        self._call(lambda: [task.cancel() for task in self._tasks])

    def open(self):
        """Let everybody through again."""
        self._is_open = True

    def _call(self, work):
        is_done = threading.Event()

        def run():
            work()
            is_done.set()

        self._loop.call_soon_threadsafe(run)
        assert is_done.wait(60)

    def close(self):
        async def end():
            self._is_open = False
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            # Who came in the last moment is shown out as well.
            await asyncio.wait([self._loop.create_future()], timeout=0.05)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
