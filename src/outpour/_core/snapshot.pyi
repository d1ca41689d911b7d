"""The swarms as bytes."""

from typing import final

@final
class Snapshot:
    """The parts of a snapshot; put together they are what `restore` takes.

    Each is made when it is asked for, so that a large store is never in memory twice.
    """

    def __iter__(self) -> Snapshot:
        """Itself."""

    def __next__(self) -> bytes:
        """The next part."""
