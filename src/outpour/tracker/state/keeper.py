"""Puts what the tracker counts into the store, and keeps it in memory while the store fails.

Two threads meet here. The one that counts uses `ledger`, which never waits; all else blocks and is
called from one other thread at a time. What happened waits in `events`.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from outpour import _core
from outpour.base.errors import OutpourError, WriteError
from outpour.base.event import Event
from outpour.tracker.state.store import StateDamagedError, Store, set_aside
from outpour.tracker.tracker_events import SavingFailed, SavingResumed, StateDamaged

T = TypeVar("T")

BATCH_MAX = 2000
"""Counters of one commit: what a disk takes in a moment, and memory does not notice."""
BATCHES_MAX = 20
"""Commits of one turn."""


class Keeper:
    """The store and what is not yet in it.

    Args:
        path: The state file, None to keep everything in memory.
        clock: Unix time in seconds.

    Attributes:
        ledger: Completed downloads by infohash, saved or not.
        named: Name and length of every torrent that was ever known.
        events: What happened since somebody looked, oldest first.

    Raises:
        ReadError, WriteError: The state cannot be used. A damaged file is no fault: it is set
            aside and a new one begun.
    """

    def __init__(self, path: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._is_failing = False
        self._store: Store | None = None
        self.ledger = _core.Ledger()
        self.named: dict[bytes, tuple[str, int]] = {}
        self.events: deque[Event] = deque()
        try:
            self._store = Store(path)
            for page in self._store.completed():
                self.ledger.load(page)
            self.named = self._store.named()
        except StateDamagedError as error:
            self._begin_anew(error)

    def save(self) -> bool:
        """Commit counters that changed since the last time; says if that went well.

        What could not be saved, and what is too much for one turn, waits for the next time.
        """
        for _ in range(BATCHES_MAX):
            if not self.ledger.unsaved():
                break
            if not self._attempt(self._save):
                return False
        return True

    def save_all(self) -> bool:
        """Commit every counter that changed since the last time; says if that went well."""
        while self.ledger.unsaved():
            if not self.save():
                return False
        return True

    def _save(self, store: Store) -> None:
        batch = self.ledger.take(BATCH_MAX)
        try:
            store.set_completed(batch)
        except BaseException:
            self.ledger.put_back([infohash for infohash, _ in batch])
            raise

    def name(self, torrents: Iterable[tuple[bytes, str, int]]) -> None:
        """Remember names and lengths, for when their .torrent files are gone."""
        news = {
            infohash: (name, length)
            for infohash, name, length in torrents
            if self.named.get(infohash) != (name, length)
        }
        rows = [(infohash, name, length) for infohash, (name, length) in news.items()]
        if rows and self._attempt(lambda store: store.name(rows)):
            self.named.update(news)

    def sample(self, at: int, counts: Iterable[tuple[bytes, int, int, int]]) -> bool:
        """Keep one point of history."""
        return self._attempt(lambda store: store.add_samples(at, counts))

    def prune(self, retention_d: int) -> bool:
        """Thin out history."""
        return self._attempt(lambda store: store.prune(int(self._clock()), retention_d))

    def save_snapshot(self, swarms: Callable[[], Iterable[bytes]], taken_at: int) -> bool:
        """Keep the swarms as they were at Unix second `taken_at`; `swarms` gives them in parts."""
        return self._attempt(lambda store: store.save_snapshot(swarms(), taken_at))

    def snapshot(self) -> tuple[bytes, int] | None:
        """The swarms last kept and their age in seconds, None if there are none."""
        try:
            found = self._store.snapshot() if self._store else None
        except StateDamagedError as error:
            self._begin_anew(error)
            return None
        return (found[0], max(0, int(self._clock()) - found[1])) if found else None

    def read(self, ask: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Ask the store for history, on the thread of those who look.

        Args:
            ask: Takes the connection for reading.
            otherwise: What to return while the store cannot be read.
        """
        try:
            return self._store.read(ask) if self._store else otherwise
        except OutpourError:
            return otherwise

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _attempt(self, work: Callable[[Store], None]) -> bool:
        try:
            try:
                work(self._store or self._begin())
            except StateDamagedError as error:
                work(self._begin_anew(error))
        except OutpourError as error:
            if not self._is_failing and self._path is not None:
                why = error.message.removeprefix(f"`{self._path}`: ")
                self.events.append(SavingFailed(self._path, why))
            self._is_failing = True
            return False
        if self._is_failing and self._path is not None:
            self.events.append(SavingResumed(self._path))
        self._is_failing = False
        return True

    def _begin_anew(self, error: StateDamagedError) -> Store:
        if self._path is None:
            raise WriteError("state in memory is damaged", hint="start the tracker again")
        self.close()
        aside = set_aside(self._path, self._clock)
        why = error.message.removeprefix(f"`{self._path}`: ")
        self.events.append(StateDamaged(self._path, aside, why))
        return self._begin()

    def _begin(self) -> Store:
        store = Store(self._path)
        self.ledger.put_all_back()
        try:
            while self.ledger.unsaved():
                self._save(store)
            store.name([(key, name, length) for key, (name, length) in self.named.items()])
        except BaseException:
            store.close()
            raise
        self._store = store
        return store
