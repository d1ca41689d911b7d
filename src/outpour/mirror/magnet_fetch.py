"""Asks peers for the .torrent of magnet links, many at once, by an engine of its own.

The engine is there only while something is asked for. A magnet that nobody has costs a place among
many for a while, and holds nothing else up.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.public_address import is_public
from outpour.downloader import MetadataJob
from outpour.engine import Engine, EngineSettings
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

AT_ONCE = 32
STALL_S = 120.0
"""Without any news for so long, a magnet gives its place to another."""
TURN_S = 0.2
IDLE_S = 5.0
"""An engine that has nothing to ask for is kept for so long."""
CLOSE_S = 10.0
RATE = 1 << 20
"""Bytes a second of each; pieces come too until the hashes of a v2 torrent have, and go away."""


@dataclass(slots=True)
class _Asked:
    magnet: Magnet
    loop: asyncio.AbstractEventLoop
    found: asyncio.Future[Metainfo]
    job: MetadataJob | None = field(default=None)

    def settle(self, metainfo: Metainfo | None, error: BaseException | None) -> None:
        def tell() -> None:
            if self.found.done():
                return
            if metainfo is not None:
                self.found.set_result(metainfo)
            else:
                self.found.set_exception(error or NetworkError("nobody was asked"))

        # By then the loop may be closed.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(tell)


class MagnetFetch:
    """Fetches .torrent files by magnet links.

    Args:
        settings: Of the engine.
        trackers: More trackers to ask.
    """

    def __init__(self, settings: EngineSettings, trackers: Sequence[str] = ()) -> None:
        self._settings = replace(settings, torrent_download_rate=RATE)
        self._trackers = trackers
        self._lock = threading.Lock()
        self._fresh: list[_Asked] = []
        self._is_running = False
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._places = asyncio.Semaphore(AT_ONCE)

    async def metainfo(self, magnet: Magnet) -> Metainfo:
        """Ask until it is whole, in turn if many are asked for.

        Raises:
            NetworkError: Nobody can be asked, or nothing came for too long.
            FormatError: What came is a torrent that could harm.
        """
        # Whom a stranger's link names is connected to only where all the world may be.
        public = tuple(peer for peer in magnet.peers if is_public(peer[0]))
        async with self._places:
            loop = asyncio.get_running_loop()
            asked = _Asked(replace(magnet, peers=public), loop, loop.create_future())
            with self._lock:
                self._fresh.append(asked)
                if not self._is_running:
                    self._is_running = True
                    self._thread = threading.Thread(
                        target=self._run, name="outpour-magnets", daemon=True
                    )
                    self._thread.start()
            return await asked.found

    async def close(self) -> None:
        """Ask for nothing more, and wait for the engine to stop."""
        self._ended.set()
        thread = self._thread
        if thread is not None:
            await asyncio.to_thread(thread.join, CLOSE_S)

    def _run(self) -> None:
        asked: list[_Asked] = []
        try:
            with Engine(self._settings) as engine:
                self._ask(engine, asked)
        except BaseException as error:
            with self._lock:
                self._is_running = False
                asked, self._fresh = [*asked, *self._fresh], []
            for one in asked:
                one.settle(None, error)

    def _ask(self, engine: Engine, asked: list[_Asked]) -> None:
        busy_at = time.monotonic()
        while not self._ended.is_set():
            with self._lock:
                fresh, self._fresh = self._fresh, []
                is_idle = not (fresh or asked) and time.monotonic() - busy_at > IDLE_S
                if is_idle:
                    self._is_running = False
                    return
            asked += [one for one in fresh if self._begin(engine, one)]
            if asked:
                busy_at = time.monotonic()
                self._turn(engine, asked)
            engine.wait(TURN_S)

    def _begin(self, engine: Engine, one: _Asked) -> bool:
        settings = self._settings
        try:
            one.job = MetadataJob(
                engine, one.magnet, trackers=self._trackers, stall_s=STALL_S,
                discovers=settings.dht or settings.lsd, is_alone=False,
            )  # fmt: skip
            one.job.__enter__()
        except OutpourError as error:
            one.settle(None, error)
            return False
        return True

    def _turn(self, engine: Engine, asked: list[_Asked]) -> None:
        events = engine.events()
        for one in tuple(asked):
            assert one.job is not None
            metainfo: Metainfo | None = None
            fault: OutpourError | None = None
            if not one.found.cancelled():
                try:
                    metainfo, _ = one.job.turn(events)
                except OutpourError as error:
                    fault = NetworkError(error.message) if error.hint else error
                if metainfo is None and fault is None:
                    continue
            one.job.__exit__(None, None, None)
            asked.remove(one)
            one.settle(metainfo, fault)
