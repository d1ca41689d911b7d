"""What other nodes of a cluster say of a list, and what this node's own sources say of it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedItems(Generic[T]):
    """Items that are there or removed, whatever this node's own sources hold.

    Attributes:
        there: Items that somebody said are there.
        removed: Items that somebody said are there no more.
    """

    def __init__(self) -> None:
        self.there: set[T] = set()
        self.removed: set[T] = set()

    def take(self, said: Iterable[tuple[T, bool]]) -> None:
        """Take in what is said of items: whether they are there."""
        for item, is_there in said:
            if is_there:
                self.there.add(item)
                self.removed.discard(item)
            else:
                self.removed.add(item)
                self.there.discard(item)

    def joined_to(self, own: frozenset[T]) -> frozenset[T]:
        """What is in force where this node's own sources hold these."""
        return own if not self.there and not self.removed else (own - self.removed) | self.there

    def holds(self, item: T, *, is_own: bool) -> bool:
        """Whether an item is in force that own sources hold or not."""
        return item in self.there or (is_own and item not in self.removed)


class OwnItems(Generic[T]):
    """What own sources hold, and what of it changed since the cluster was last told.

    Nothing is remembered before `begin`.
    """

    def __init__(self) -> None:
        self._held: set[T] | None = None
        self._untold: dict[T, bool] = {}

    @property
    def is_told(self) -> bool:
        """Whether anybody is told of changes."""
        return self._held is not None

    def begin(self) -> None:
        """Tell changes from now on; the first are what is held then."""
        self._held = set()

    def note(self, item: T, *, is_held: bool) -> None:
        """Sources hold this item now, or do not."""
        if self._held is None or is_held == (item in self._held):
            return
        if is_held:
            self._held.add(item)
        else:
            self._held.discard(item)
        self._untold[item] = is_held

    def note_all(self, items: frozenset[T]) -> None:
        """Sources hold these items now, and no others."""
        if self._held is None:
            return
        for item in self._held - items:
            self.note(item, is_held=False)
        for item in items - self._held:
            self.note(item, is_held=True)

    def forget(self, item: T) -> bool:
        """Tell nobody that sources hold an item no longer; says whether they do not."""
        if self._held is None or item in self._held:
            return False
        self._untold.pop(item, None)
        return True

    def take(self, limit: int) -> list[tuple[T, bool]]:
        """Take up to `limit` changes: items, and whether sources hold them."""
        some = list(islice(self._untold, limit))
        return [(item, self._untold.pop(item)) for item in some]
