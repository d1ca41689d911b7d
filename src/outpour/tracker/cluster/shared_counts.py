"""Completed downloads of all nodes: a counter for each node, and what is shown of them together.

Each node counts alone, and only upwards; of two values of one node the higher is the later one. So
whoever hears of them in whatever order, and however often, comes to the same sum. What a node takes
back, because another one counted the same download, is a second counter of it that is taken off.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from outpour import _core

Counter = Literal["counted", "withdrawn"]
Pair = tuple[bytes, int]
Unsaved = Mapping[tuple[bytes, Counter, bytes], int]
"""Counters by node, kind and infohash."""
PAGE = 4096
COUNT_MAX = (1 << 31) - 1
NODES_MAX = 1024
"""Nodes that ever counted; who writes to the server could make up any number of them."""


class TooManyNodesError(Exception):
    """More nodes than there can be."""


class SharedCounts:
    """What this node knows of the counters of all.

    Methods may be called from any thread, `merge` from one at a time.

    Args:
        node: The 8 bytes of this node.
        own: What this node counted.
        show: Told the new sum of torrents: infohash, and what others counted less all that was
            taken back.
    """

    def __init__(self, node: bytes, own: _core.Ledger, show: Callable[[list[Pair]], None]) -> None:
        self.node = node
        self.own = own
        self._show = show
        self._of: dict[tuple[bytes, Counter], _core.Ledger] = {}
        self.others = _core.Ledger()
        self.withdrawn = _core.Ledger()
        self._lock = threading.Lock()
        self._unsaved: dict[tuple[bytes, Counter, bytes], int] = {}
        self._unsent: dict[tuple[Counter, bytes], int] = {}

    def get(self, infohash: bytes) -> int:
        """What all nodes counted together."""
        return max(0, self.own.get(infohash) + self.beside(infohash))

    def total(self) -> int:
        """What all nodes counted of all torrents."""
        return max(0, self.own.total() + self.others.total() - self.withdrawn.total())

    def beside(self, infohash: bytes) -> int:
        """What is shown beside this node's own counter; may be below zero."""
        return self.others.get(infohash) - self.withdrawn.get(infohash)

    @property
    def nodes(self) -> frozenset[bytes]:
        """Other nodes that counted something."""
        return frozenset(node for node, _ in self._of)

    def merge(
        self, node: bytes, kind: Counter, pairs: Iterable[Pair], *, is_kept: bool = False
    ) -> None:
        """Take in counters of a node, where they are higher.

        Args:
            node: Whose; of this node itself only what it took back.
            kind: Which of its two counters.
            pairs: Infohash and value.
            is_kept: They come from where they are kept.

        Raises:
            TooManyNodesError: There are more nodes than there can be.
        """
        if node == self.node and kind == "counted":
            return
        ledger = self._ledger(node, kind)
        total = self.others if kind == "counted" else self.withdrawn
        higher: list[Pair] = []
        more: list[Pair] = []
        for infohash, count in pairs:
            before = ledger.get(infohash)
            if before < count <= COUNT_MAX:
                higher.append((infohash, count))
                more.append((infohash, count - before))
                # The same may stand twice in what somebody else wrote.
                ledger.load(higher[-1:])
        total.add(more)
        if not is_kept:
            with self._lock:
                for infohash, count in higher:
                    self._unsaved[node, kind, infohash] = count
        if higher:
            self._show([(infohash, self.beside(infohash)) for infohash, _ in higher])

    def withdraw(self, pairs: Iterable[Pair]) -> None:
        """Take back downloads that were counted here and elsewhere: infohash and how many more.

        They are to be told by `send` once they are kept.
        """
        ledger = self._ledger(self.node, "withdrawn")
        higher = [(infohash, ledger.get(infohash) + more) for infohash, more in pairs]
        self.merge(self.node, "withdrawn", higher)

    def send(self, kind: Counter, pairs: Iterable[Pair]) -> None:
        """Have own counters told to the others, which are durable by now."""
        with self._lock:
            for infohash, count in pairs:
                if count > self._unsent.get((kind, infohash), 0):
                    self._unsent[kind, infohash] = count

    def take_unsent(self, limit: int) -> list[tuple[Counter, bytes, int]]:
        """Take up to `limit` own counters that are to be told."""
        with self._lock:
            taken: list[tuple[Counter, bytes, int]] = []
            while self._unsent and len(taken) < limit:
                (kind, infohash), count = self._unsent.popitem()
                taken.append((kind, infohash, count))
            return taken

    def put_back(self, taken: Sequence[tuple[Counter, bytes, int]]) -> None:
        """Have them told later."""
        for kind, infohash, count in taken:
            self.send(kind, [(infohash, count)])

    @property
    def unsent(self) -> int:
        """Own counters that wait to be told."""
        return len(self._unsent)

    def take_unsaved(self) -> Unsaved:
        """Take what is to be kept of the others, and of this node what it took back."""
        with self._lock:
            taken, self._unsaved = self._unsaved, {}
            return taken

    def put_back_unsaved(self, taken: Unsaved) -> None:
        """Have them kept later."""
        with self._lock:
            for key, count in taken.items():
                self._unsaved[key] = max(count, self._unsaved.get(key, 0))

    def all_known(self) -> Iterator[tuple[bytes, Counter, list[Pair]]]:
        """Every counter that is known, this node's own included, a page at a time."""
        ledgers = [*self._of.items(), ((self.node, "counted"), self.own)]
        for (node, kind), ledger in ledgers:
            for page in pages_of(copy_of(ledger)):
                yield node, kind, page

    def show_all(self) -> None:
        """Tell the sums of all torrents that others counted for, as after a restart."""
        for ledger in (self.others, self.withdrawn):
            for page in pages_of(ledger):
                self._show([(infohash, self.beside(infohash)) for infohash, _ in page])

    def _ledger(self, node: bytes, kind: Counter) -> _core.Ledger:
        found = self._of.get((node, kind))
        if found is None:
            if len(self._of) >= 2 * NODES_MAX:
                raise TooManyNodesError
            found = self._of[node, kind] = _core.Ledger()
        return found


def pages_of(ledger: _core.Ledger) -> Iterator[list[Pair]]:
    """All counters of a ledger to which nothing is added meanwhile, a page at a time."""
    at: int | None = 0
    while at is not None:
        page, at = ledger.page(at, PAGE)
        if page:
            yield page


def copy_of(ledger: _core.Ledger) -> _core.Ledger:
    """The counters of a ledger as they are now."""
    copy = _core.Ledger()
    copy.join(ledger)
    return copy
