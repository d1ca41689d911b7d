"""Entries that cannot be published as they are: said once, tried again when that may help."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import OutpourError
from outpour.publisher.entries import PublishEntry
from outpour.publisher.publish_events import Skipped

# A fault that may pass, as of a network disk, is tried again after this time at the earliest.
RETRY_S = 30.0
# Reading a large file up to its bad place may take this part of the time.
COST_FACTOR = 20


@dataclass(frozen=True, slots=True)
class _Skip:
    message: str
    fingerprint: bytes | None
    retry_at: float


class SkippedEntries:
    """What is skipped, and why.

    Args:
        tell: Takes `Skipped`.
    """

    def __init__(self, tell: Callable[[Skipped], None]) -> None:
        self._tell = tell
        self._by_path: dict[Path, _Skip] = {}

    def __len__(self) -> int:
        return len(self._by_path)

    def __contains__(self, path: Path) -> bool:
        return path in self._by_path

    def __iter__(self) -> Iterator[Path]:
        return iter(tuple(self._by_path))

    def add(
        self,
        entry: PublishEntry,
        error: OutpourError,
        fingerprint: bytes | None = None,
        spent_s: float = 0.0,
    ) -> None:
        """Skip an entry.

        Args:
            entry: What.
            error: Why.
            fingerprint: The content that was tried; None to try it whenever it is looked at.
            spent_s: How long the trial took.
        """
        before = self._by_path.get(entry.path)
        retry_at = time.monotonic() + max(RETRY_S, spent_s * COST_FACTOR)
        self._by_path[entry.path] = _Skip(error.message, fingerprint, retry_at)
        # Looked at again and again, said once.
        if before is None or before.message != error.message:
            self._tell(Skipped(entry.name, error.message, error.hint))

    def pop(self, path: Path) -> None:
        """No longer skip an entry."""
        self._by_path.pop(path, None)

    def waits(self, path: Path, fingerprint: bytes) -> bool:
        """Whether this content was tried not long ago."""
        skip = self._by_path.get(path)
        return (
            skip is not None
            and skip.fingerprint == fingerprint
            and time.monotonic() < skip.retry_at
        )

    def forgive_others(self, path: Path) -> list[Path]:
        """Let other entries of a path's name be tried again at once, and say which these are."""
        again = [other for other in self._by_path if other.name == path.name and other != path]
        for other in again:
            skip = self._by_path[other]
            self._by_path[other] = _Skip(skip.message, None, skip.retry_at)
        return again
