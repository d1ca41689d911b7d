"""Keeps a classic state file beside the tracker's own: read once, written again and again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from outpour.base.errors import FormatError, OutpourError
from outpour.base.event import Event
from outpour.tracker.figures import Peer
from outpour.tracker.state import dfile
from outpour.tracker.state.dfile import Dfile
from outpour.tracker.state.state_file import set_aside
from outpour.tracker.tracker_events import SavingFailed, SavingResumed, StateDamaged


class Mirrored(Protocol):
    """What is needed of the tracker; `DfileContents` is one."""

    def adopt(self, found: Dfile) -> None:
        """Take over counters and peers; no counter goes down."""

    def completed(self) -> Mapping[bytes, int]:
        """Completed downloads by announced infohash."""

    def swarms(self) -> Sequence[bytes]:
        """Infohashes of the swarms that have peers."""

    def peers(self, infohash: bytes) -> tuple[Peer, ...]:
        """Peers of one swarm."""


class DfileMirror:
    """A classic state file that follows a tracker.

    Args:
        service: What there is to write, of a tracker that has started.
        path: The file; need not exist.
        interval_s: How often it is written.
        on_event: Told what happens, on the thread of the event loop.
    """

    def __init__(
        self,
        service: Mirrored,
        path: Path,
        interval_s: float,
        on_event: Callable[[Event], None],
    ) -> None:
        self._service = service
        self._path = path
        self._interval_s = interval_s
        self._on_event = on_event
        self._is_failing = False

    def load(self) -> Dfile:
        """Take over what the file holds; a damaged one is set aside and said out loud.

        Raises:
            ReadError: It exists and cannot be read.
            WriteError: It is damaged and cannot be set aside.
        """
        if not self._path.exists():
            return Dfile()
        try:
            found = dfile.read(self._path)
        except FormatError as error:
            aside = set_aside(self._path)
            why = error.message.removeprefix(f"`{self._path}`: ")
            self._on_event(StateDamaged(self._path, aside, why))
            return Dfile()
        if found.damage is not None:
            aside = set_aside(self._path)
            saved = f"{len(found.completed)} counters in it are kept"
            self._on_event(StateDamaged(self._path, aside, found.damage, saved))
        self._service.adopt(found)
        return found

    async def run(self) -> None:
        """Write the file at once and then again and again, until cancelled."""
        while True:
            try:
                # The counters belong to this thread; swarms may be asked for from any.
                completed = dict(self._service.completed())
                await asyncio.to_thread(self._write, completed)
            except OutpourError as error:
                self._tell_failure(error)
            else:
                if self._is_failing:
                    self._on_event(SavingResumed(self._path))
                self._is_failing = False
            await asyncio.sleep(self._interval_s)

    def save(self) -> None:
        """Write the file now.

        Raises:
            WriteError: It cannot be written; what was there before is untouched.
        """
        self._write(dict(self._service.completed()))

    def _write(self, completed: dict[bytes, int]) -> None:
        service = self._service
        peers = {infohash: service.peers(infohash) for infohash in service.swarms()}
        dfile.write(self._path, Dfile(completed=completed, peers=peers))

    def _tell_failure(self, error: OutpourError) -> None:
        if not self._is_failing:
            why = error.message.removeprefix(f"`{self._path}`: ")
            self._on_event(SavingFailed(self._path, why))
        self._is_failing = True
