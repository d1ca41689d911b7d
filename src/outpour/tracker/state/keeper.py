"""Puts what the tracker counts into the store, and keeps it in memory while the store fails.

Three threads meet here. The one that counts uses `ledger` and `name`, which never wait. Counters
and names are written from a second one, swarms and history from a third, so that no counter waits
for them. What happened waits in `events`.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from outpour import _core
from outpour._core import CountBatch
from outpour.base.errors import OutpourError, WriteError
from outpour.base.event import Event
from outpour.tracker.event_log import Happening
from outpour.tracker.state.operation_tiers import Moment
from outpour.tracker.state.salvage import Salvaged, salvage, snapshot_of
from outpour.tracker.state.state_file import StateDamagedError, copies, is_bereft, set_aside
from outpour.tracker.state.store import Store
from outpour.tracker.tracker_events import (
    HistoryDamaged,
    SavingFailed,
    SavingResumed,
    StateDamaged,
    StateGone,
    StateLost,
)

T = TypeVar("T")

COUNTS_MAX = 16_384
"""Counters of one commit: half a megabyte, which memory does not notice."""
NAMES_MAX = 2000
"""Names of one commit: what a disk takes in a moment, and memory does not notice."""
BATCHES_MAX = 20
"""Commits of one turn."""
CHECKPOINT_S = 10
"""What a lost or damaged journal may cost."""
COPY_S = 3600
"""How old the copy of counters and names may be that a damaged file falls back to."""


class AllCounted(Protocol):
    """Completed downloads of all nodes of a cluster."""

    def get(self, infohash: bytes) -> int:
        """The counter of a torrent."""

    def total(self) -> int:
        """All counters together."""


class Keeper:
    """The store and what is not yet in it.

    Args:
        path: The state file, None to keep everything in memory.
        clock: Unix time in seconds.

    Attributes:
        ledger: Completed downloads by infohash, saved or not; of a cluster those of this node.
        others: Has those of all nodes of a cluster; None without one.
        before_saving: Called before counters are saved, on the thread that saves; None without a
            cluster.
        on_saved: Told counters that are saved by now, on the thread that saves; None without a
            cluster.
        named: Name and length of every torrent that was ever known.
        foreign: Torrents that other nodes of a cluster named: the full 32 bytes of BEP 52 of those
            that are v2 alone, nothing of others.
        marks: Of the latest downloads when the tracker was started; see `Tracker.recall_counted`.
        recent: Gives those of now, for when the file has to be written anew.
        events: What happened since somebody looked, oldest first.

    Raises:
        ReadError, WriteError: The state cannot be used. A damaged file is no fault: it is set
            aside, and a new one begun with all that can be read of it.
    """

    def __init__(self, path: Path | None, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._failing: set[str] = set()
        self._store: Store | None = None
        self._exchange = threading.RLock()
        self._unnamed: dict[bytes, tuple[str, int]] = {}
        self._to_forget: list[tuple[bytes, int]] = []
        self._checkpointed_at = clock()
        self._is_copy_old = path is not None and not copies(path)
        self.ledger = _core.Ledger()
        self.others: AllCounted | None = None
        self.before_saving: Callable[[], None] | None = None
        self.on_saved: Callable[[Iterable[tuple[bytes, int]]], None] | None = None
        self._numbers: dict[str, int] = {}
        self.named: dict[bytes, tuple[str, int]] = {}
        self.foreign: dict[bytes, bytes] = {}
        self.marks = b""
        self._forgotten = 0
        self.recent: Callable[[], bytes] = lambda: self.marks
        self.events: deque[Event] = deque()
        if path is not None and is_bereft(path):
            self._begin_with_copy(path)
            return
        try:
            self._store = self._opened()
            self._forgotten = self._store.forgotten
            self._store.read_counts(self.ledger)
            self.ledger.load_forgotten(self._forgotten)
            self.named = self._store.named()
            self.marks = self._store.marks()
        except StateDamagedError as error:
            self._begin_anew(error)

    def name(self, torrents: Iterable[tuple[bytes, str, int]]) -> None:
        """Remember names and lengths, for when .torrent files are gone; `save` writes them."""
        for infohash, name, length in torrents:
            if self.named.get(infohash) != (name, length):
                self.named[infohash] = self._unnamed[infohash] = (name, length)

    def completed(self, infohash: bytes) -> int:
        """Completed downloads of a torrent, of a cluster those of all its nodes."""
        return self.ledger.get(infohash) if self.others is None else self.others.get(infohash)

    def completed_total(self) -> int:
        """The same of all torrents together."""
        return self.ledger.total() if self.others is None else self.others.total()

    def set_number(self, name: str, value: int) -> bool:
        """Keep a number with the counters, also in a file that takes the place of this one."""
        self._numbers[name] = value
        return self._attempt("counters", lambda store: store.set_number(name, value))

    @property
    def unsaved(self) -> int:
        """How much waits for `save`."""
        return self.ledger.unsaved() + len(self._unnamed) + len(self._to_forget)

    def save(self) -> bool:
        """Commit counters and names that changed since the last time; says if that went well.

        What could not be saved, and what is too much for one turn, waits for the next time.
        """
        if not self.unsaved and not self.look():
            return False
        for _ in range(BATCHES_MAX):
            if not self.unsaved:
                break
            if not self._attempt("counters", self._save):
                return False
        if self._is_clearing_due() and not self._attempt("counters", self._clear):
            return False
        now = self._clock()
        if now >= self._checkpointed_at + CHECKPOINT_S:
            self._checkpointed_at = now
            return self._attempt("counters", lambda store: store.checkpoint(int(now)))
        return True

    def save_all(self) -> bool:
        """Commit everything that changed since the last time; says if that went well."""
        while self.unsaved:
            if not self.save():
                return False
        return True

    def look(self) -> bool:
        """Make the file anew if it was removed or replaced; says if it is there."""
        return self._attempt("counters", lambda _: None)

    def _is_clearing_due(self) -> bool:
        # What is forgotten but not in the file yet would be cleared away without being summed up.
        store = self._store
        return store is not None and not self._to_forget and store.counts.is_clearing_due

    def _clear(self, store: Store) -> None:
        store.clear_counts(self.ledger)

    def _save(self, store: Store) -> None:
        self._forget(store)
        self._save_counters(store)
        names = [self._unnamed.popitem() for _ in range(min(NAMES_MAX, len(self._unnamed)))]
        if names:
            try:
                store.name((key, name, length) for key, (name, length) in names)
            except BaseException:
                for key, named in names:
                    self._unnamed.setdefault(key, named)
                raise

    def _save_counters(self, store: Store, swarms: int | None = None) -> None:
        batch = self.ledger.take(COUNTS_MAX)
        if not batch and swarms is None:
            return
        try:
            if self.before_saving is not None:
                self.before_saving()
            store.save(batch, swarms=swarms)
        except BaseException:
            self.ledger.put_back(batch)
            raise
        self._is_copy_old = True
        if self.on_saved is not None:
            for number, page in batch.pages(1):
                self.on_saved(CountBatch.read(number, page)[0])

    def forget(self, counts: Sequence[tuple[bytes, int]]) -> bool:
        """Drop counters that the ledger has dropped; what fails is done by the next `save`."""
        self._forgotten += sum(count for _, count in counts)
        self._to_forget += counts
        return self._attempt("counters", self._forget)

    def _forget(self, store: Store) -> None:
        if not self._to_forget:
            return
        counts, self._to_forget = self._to_forget, []
        try:
            store.forget(counts)
        except BaseException:
            self._to_forget += counts
            raise
        # One that was counted anew meanwhile may have been saved before it was forgotten.
        self.ledger.put_back(CountBatch.forgetting([infohash for infohash, _ in counts]))

    def sample(self, at: int, counts: Iterable[tuple[bytes, int, int, int]]) -> bool:
        """Keep one point of history."""
        return self._attempt("history", lambda store: store.samples.add(at, counts))

    def prune(self, retention_d: int) -> bool:
        """Thin out history; says whether that is all done, or failed."""
        now = int(self._clock())
        done: list[bool] = []

        def prune(store: Store) -> None:
            done.append(store.samples.prune(now, retention_d))

        return not self._attempt("history", prune) or done[-1]

    def end(self) -> bool:
        """Note that the tracker ends."""
        now = int(self._clock())
        return self._attempt("history", lambda store: store.samples.end(now))

    def keep_moments(self, moments: Sequence[Moment]) -> bool:
        """Keep what the tracker as a whole did."""
        return self._attempt("history", lambda store: store.moments.add(moments))

    def keep_events(self, happenings: Sequence[Happening], oldest: Mapping[str, int]) -> bool:
        """Keep what happened, of each kind no older ones than its oldest number."""
        return self._attempt("history", lambda store: store.events.add(happenings, oldest))

    def check_history(self) -> bool:
        """Take out what is damaged of the history, and tell."""

        def check(store: Store) -> None:
            found = store.samples.drop_damaged()
            if found and self._path is not None:
                self.events.append(HistoryDamaged(self._path, found))

        return self._attempt("history", check)

    def copy(self) -> bool:
        """Make a new copy of counters and names if the last one is old and no longer true."""
        if self._path is None or not self._is_copy_old:
            return True
        last = [copy.stat().st_mtime for copy in copies(self._path)[:1]]
        if last and 0 <= self._clock() - last[0] < COPY_S:
            return True
        self._is_copy_old = False
        is_made = self._attempt("copy", lambda store: store.copy())
        self._is_copy_old |= not is_made
        return is_made

    def write_swarms(self, swarms: Callable[[], Iterable[bytes]], taken_at: int) -> int | None:
        """Write the swarms as they are at Unix second `taken_at`; `swarms` gives them in parts.

        Returns:
            What `put_in_force` wants to be told; None if it failed.
        """
        generation: list[int] = []

        def write(store: Store) -> None:
            generation.append(store.write_swarms(swarms(), taken_at))

        return generation[-1] if self._attempt("swarms", write) else None

    def put_in_force(self, swarms: int) -> bool:
        """Let a snapshot be the one to restore, in one transaction with the counters.

        What the swarms count is in `ledger` by then, so that neither ever says less than the other.
        """
        if not self.save_all():
            return False
        return self._attempt("counters", lambda store: self._save_counters(store, swarms))

    def drop_old_swarms(self) -> bool:
        """Make room of the snapshot before."""
        return self._attempt("swarms", lambda store: store.drop_old_swarms())

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
        store = self._store
        try:
            return store.read(ask) if store else otherwise
        except OutpourError:
            return otherwise

    def close(self) -> None:
        """Close the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _attempt(self, kind: str, work: Callable[[Store], None]) -> bool:
        try:
            store = self._present()
            try:
                work(store)
            except StateDamagedError as error:
                work(self._after(store, error))
            except OutpourError:
                # Another thread may have put a new file in the place of a damaged one meanwhile.
                if self._store is store:
                    raise
                work(self._present())
        except OutpourError as error:
            if not self._failing and self._path is not None:
                why = error.message.removeprefix(f"`{self._path}`: ")
                self.events.append(SavingFailed(self._path, why))
            self._failing.add(kind)
            return False
        if kind in self._failing:
            self._failing.discard(kind)
            if not self._failing and self._path is not None:
                self.events.append(SavingResumed(self._path))
        return True

    def _present(self) -> Store:
        """The store, made anew where its file is gone."""
        with self._exchange:
            if self._store is not None and self._store.is_gone and self._path is not None:
                self.close()
                store = self._begin()
                self.events.append(StateGone(self._path))
                return store
            return self._store or self._begin()

    def _after(self, store: Store, error: StateDamagedError) -> Store:
        """The store that takes the place of a damaged one."""
        with self._exchange:
            if self._store is None or self._store is store:
                return self._begin_anew(error)
            return self._store

    def _opened(self) -> Store:
        store = Store(self._path)
        if self._path is not None:
            self.events.extend(StateLost(self._path, notice) for notice in store.notices)
        return store

    def _begin_anew(self, error: StateDamagedError) -> Store:
        if self._path is None:
            raise WriteError("state in memory is damaged", hint="start the tracker again")
        self.close()
        aside = set_aside(self._path, self._clock)
        found = salvage(aside)
        new, higher = found.join(_salvaged_copies(self._path))
        store = self._begin_with(found)
        store.samples.add_points(found.samples)
        store.samples.buckets.add_blocks(found.blocks)
        store.moments.add_rows(found.moments.values())
        swarms = snapshot_of(aside)
        if swarms is not None:
            store.save(None, swarms=store.write_swarms([swarms[0]], swarms[1]))
        why = error.message.removeprefix(f"`{self._path}`: ")
        saved = _saved(found, new + higher)
        self.events.append(StateDamaged(self._path, aside, why, saved))
        return store

    def _begin_with_copy(self, path: Path) -> None:
        found = _salvaged_copies(path)
        self._begin_with(found)
        why = f"empty or removed; {_saved(found, 0)} as an older copy has them"
        self.events.append(StateLost(path, why))

    def _begin_with(self, found: Salvaged) -> Store:
        self.ledger.load(list(found.completed.items()))
        self.named = {**found.named, **self.named}
        return self._begin()

    def _begin(self) -> Store:
        store = self._opened()
        try:
            # The file may be one that somebody else has put there.
            found = _core.Ledger()
            store.read_counts(found)
            last = store.counts.last_number()
            self.ledger.join(found)
            self.ledger.put_all_back()
            self._to_forget.clear()
            while self.ledger.unsaved():
                self._save_counters(store)
            if last:
                store.drop_counts(last)
            store.name([(key, *named) for key, named in self.named.copy().items()])
            store.keep_marks(self.recent())
            store.set_forgotten(self._forgotten)
            for name, value in self._numbers.items():
                store.set_number(name, value)
        except BaseException:
            store.close()
            raise
        self._store = store
        return store


def _salvaged_copies(path: Path) -> Salvaged:
    found = Salvaged()
    for copy in copies(path):
        found.join(salvage(copy))
    return found


def _saved(found: Salvaged, from_copy: int) -> str:
    if not found.completed and not found.named:
        return "nothing in it could be read"
    text = f"{len(found.completed)} counters and {len(found.named)} names in it are kept"
    if from_copy:
        text += f", {from_copy} counters as an older copy has them"
    if found.damaged:
        text += f"; {found.damaged} rows could not be read"
    return text
