"""What was said of what cannot be fetched, as all of it is tried again and again."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from outpour.base.errors import NoRoomError, OutpourError

K = TypeVar("K", bound=Hashable)


class Complaints(Generic[K]):
    """Knows of each torrent or file why it failed last, so that every reason is told once."""

    def __init__(self) -> None:
        self._last: dict[K, str] = {}

    def is_new(self, key: K, error: OutpourError) -> bool:
        """Whether a reason is another than the last one of its key; from now on it is not."""
        # Of a full disk each try tells other numbers, or who found it full.
        reason = "no room" if isinstance(error, NoRoomError) else error.message
        is_new = self._last.get(key) != reason
        self._last[key] = reason
        return is_new

    def forget(self, key: K) -> None:
        """Tell the next reason whatever it is: the key was fetched."""
        self._last.pop(key, None)
