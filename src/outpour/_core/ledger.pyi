"""The counters of completed downloads."""

from collections.abc import Sequence
from typing import final

from outpour._core.count_batch import CountBatch
from outpour._core.tracker import Tracker

@final
class Ledger:
    """Completed downloads by infohash, all that were ever counted, in 24 bytes each.

    It remembers which of them are not saved yet. Counters stop at 2**31 - 1. Where a method takes
    an infohash, one that has not 20 bytes is a ValueError.
    """

    def __new__(cls) -> Ledger:
        """Make an empty one."""

    def __len__(self) -> int:
        """Torrents with a counter."""

    def get(self, infohash: bytes) -> int:
        """The counter of a torrent, 0 if it has none."""

    def total(self) -> int:
        """All counters together."""

    def unsaved(self) -> int:
        """How many counters wait to be saved."""

    def absorb(self, tracker: Tracker, tell: int) -> list[tuple[bytes, int]]:
        """Count what was completed at a tracker since the last time.

        Returns:
            Up to `tell` of these torrents, with the new downloads of each.
        """

    def tell(self, tracker: Tracker) -> None:
        """Set the counters of a tracker to these, where they are higher."""

    def add(self, counts: Sequence[tuple[bytes, int]]) -> None:
        """Count so many more downloads of each torrent."""

    def load(self, counts: Sequence[tuple[bytes, int]]) -> None:
        """Take over values that are saved, where they are higher."""

    def take(self, limit: int) -> CountBatch:
        """Take up to `limit` counters to save, those that wait longest.

        Marks come with the last of the counters that wait, so that none is saved before its
        download. While nothing can be saved, no more than 65,536 marks wait.
        """

    def put_back(self, batch: CountBatch) -> None:
        """Let what `take` gave be taken again, its saving having failed."""

    def read_page(self, number: int, page: bytes) -> int:
        """Take in a page of saved counters, into a ledger that has counted nothing yet.

        Pages are to come in the order of their numbers.

        Returns:
            How many counters of it are damaged, and left out.
        """

    def last_of(self, pages: Sequence[tuple[int, bytes]]) -> CountBatch:
        """The counters in saved pages that are in no later page, without marks.

        Raises:
            ValueError: One of them is damaged.
        """

    def join(self, other: Ledger) -> None:
        """Take over the values of another ledger, where they are higher."""

    def smallest(self, tracker: Tracker, limit: int) -> list[tuple[bytes, int]]:
        """Up to `limit` of the smallest counters of torrents that have no peers at a tracker."""

    def forget(
        self, tracker: Tracker, counts: Sequence[tuple[bytes, int]]
    ) -> list[tuple[bytes, int]]:
        """Drop counters, here and at a tracker; they stay in `total`.

        Returns:
            Those that were dropped: saved, with this value still, and without peers.
        """

    def load_forgotten(self, count: int) -> None:
        """Add to `total` what was counted before and is forgotten."""

    def put_all_back(self) -> None:
        """Let every counter be taken again: where they were saved is gone."""

    def page(self, at: int, limit: int) -> tuple[list[tuple[bytes, int]], int | None]:
        """Up to `limit` counters from place `at` on, and where the next page begins.

        Nothing is to be added between the pages; the first begins at 0, and None follows the last.
        """
