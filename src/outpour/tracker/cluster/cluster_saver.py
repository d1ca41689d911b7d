"""Keeps what a node knows of its cluster, so that a crash loses nothing told or taken back.

A download that two nodes counted is taken back by one of them, once it hears of the other's. Three
things keep that safe from a crash in between: marks of downloads are kept before their counters
are; what is taken back is kept, and its marks let go of, in one transaction; and up to where the
streams were taken in is kept with it, so that what was not is read again.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from outpour.base.errors import WriteError
from outpour.base.event import Event
from outpour.tracker.cluster.cluster_events import MemoryNotSaved
from outpour.tracker.cluster.cluster_memory import MINE_BYTES, MINE_MAX, ClusterMemory
from outpour.tracker.cluster.shared_counts import SharedCounts, Unsaved
from outpour.tracker.cluster.statement_book import StatementBook
from outpour.tracker.cluster.stream_link import StreamLink
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.state.mark_table import MARK_BYTES

if TYPE_CHECKING:
    from outpour._core import Cluster

SAVE_S = 1.0
READ_S = 10.0
"""So often it is kept how far streams were read, where nothing else is to be."""


class _Taken(NamedTuple):
    counts: Unsaved
    statements: Mapping[bytes, int]
    said: Mapping[bytes, bool]
    taken_back: Sequence[bytes]
    read: Mapping[str, bytes]

    @property
    def is_news(self) -> bool:
        return bool(self.counts or self.statements or self.said or self.taken_back)


class ClusterSaver:
    """Saves, on a thread of its own.

    Args:
        node: The 8 bytes of this node.
        memory: Takes what is saved.
        tell: Told when that fails.
    """

    def __init__(self, node: bytes, memory: ClusterMemory, tell: Callable[[Event], None]) -> None:
        self._node = node
        self._memory = memory
        self._tell = tell
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="outpour-cluster-disk")
        self._taken_back: list[bytes] = []
        self._unkept = b""
        self._read: Mapping[str, bytes] = {}
        self._read_due_s = 0.0
        self._is_trouble_told = False

    def begin(
        self,
        counts: SharedCounts,
        swarms: Cluster,
        book: StatementBook,
        links: Sequence[StreamLink],
        keeper: Keeper,
        *,
        is_clean: bool,
    ) -> None:
        """Save from now on, and have counters go out once they are saved.

        Args:
            counts: Of all nodes.
            swarms: Has what is taken back.
            book: Has statements.
            links: Read the streams.
            keeper: Saves the counters of this node.
            is_clean: All that the process before counted was told.
        """
        self._counts, self._swarms, self._book, self._links = counts, swarms, book, links
        keeper.before_saving = self._keep_mine
        keeper.on_saved = partial(counts.send, "counted")
        known = {
            keeper.marks[at : at + MARK_BYTES] for at in range(0, len(keeper.marks), MARK_BYTES)
        }
        # Of others the counters may never have come to be saved.
        mine = b"".join(mark + infohash for mark, infohash in self._memory.mine() if mark in known)
        swarms.recall_counted_here(mine, is_told=is_clean)

    async def keep_up(self) -> None:
        """Save again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SAVE_S)
            taken, trouble = self._take(), None
            try:
                await loop.run_in_executor(self._disk, self._save, taken)
            except WriteError as error:
                self._put_back(taken)
                trouble = error.message
            if trouble is not None and not self._is_trouble_told:
                self._tell(MemoryNotSaved(trouble))
            self._is_trouble_told = trouble is not None

    def take_back(self) -> None:
        """Show at once what is taken back; it is told once it is saved."""
        withdrawn, marks = self._swarms.take_withdrawn()
        if withdrawn:
            self._counts.withdraw(withdrawn)
            self._taken_back += marks

    def finish(self) -> bool:
        """Save all, once nothing happens any more; says whether that went well."""
        self._disk.shutdown(wait=True)
        self._read_due_s = 0.0
        try:
            self._save(self._take())
        except WriteError:
            return False
        return True

    def _take(self) -> _Taken:
        """What is to be saved: how far streams were read, and all that came of it."""
        read = {read_fact(one.part): one.read_at for one in self._links if one.read_at is not None}
        self.take_back()
        marks, self._taken_back = self._taken_back, []
        return _Taken(self._counts.take_unsaved(), *self._book.take_unsaved(), marks, read)

    def _put_back(self, taken: _Taken) -> None:
        self._counts.put_back_unsaved(taken.counts)
        self._book.put_back_unsaved(taken.statements, taken.said)
        self._taken_back += taken.taken_back

    def _save(self, taken: _Taken) -> None:
        now_s = time.monotonic()
        if not taken.is_news and (taken.read == self._read or now_s < self._read_due_s):
            return
        rows = [(*key, count) for key, count in taken.counts.items()]
        self._memory.save(
            rows, taken.statements.items(), taken.said.items(), taken.taken_back, taken.read
        )
        self._read, self._read_due_s = taken.read, now_s + READ_S
        own = [(infohash, count) for node, _, infohash, count in rows if node == self._node]
        self._counts.send("withdrawn", own)

    def _keep_mine(self) -> None:
        """Keep marks of what was counted; counters are saved next, and wait for no full disk."""
        unkept = self._unkept + self._swarms.take_counted_here()
        self._unkept = unkept[-MINE_MAX * MINE_BYTES :]
        if not self._unkept:
            return
        try:
            self._memory.keep_mine(self._unkept)
        except WriteError:
            return
        self._unkept = b""


def read_fact(part: int) -> str:
    """The name of the fact up to where a stream was taken in."""
    return f"read {part}"


def last_read(memory: ClusterMemory, part: int) -> bytes | None:
    """Up to where the process before took in a stream; None if that is not known."""
    entry = memory.fact(read_fact(part))
    return entry if entry is not None and re.fullmatch(rb"[0-9]{1,18}-[0-9]{1,18}", entry) else None
