"""Counters on their way to the file that keeps them."""

from collections.abc import Sequence
from typing import final

@final
class CountBatch:
    """Counters to save, with the marks of downloads to save in the same transaction.

    Saved so, the marks keep these downloads from being counted again after a crash: see
    `Tracker.recall_counted`.
    """

    @staticmethod
    def forgetting(infohashes: Sequence[bytes]) -> CountBatch:
        """What says of counters that are saved that they count no more.

        Raises:
            ValueError: One has not 20 bytes.
        """

    @staticmethod
    def read(number: int, page: bytes) -> tuple[list[tuple[bytes, int]], int]:
        """The counters of a page that are as they were written, and how many of it are not.

        A value of 0 says that the counter was forgotten.
        """

    def __len__(self) -> int:
        """How many counters there are."""

    @property
    def marks(self) -> bytes:
        """8 bytes each, the earliest first."""

    def pages(self, number: int) -> list[tuple[int, bytes]]:
        """The counters in pages of up to 4032 bytes, with the number of each.

        Of several values of a torrent the one counts that is in the page of the highest number.
        Each value has a checksum, which covers the number of its page.

        Args:
            number: That of the first, from 1 on.
        """
