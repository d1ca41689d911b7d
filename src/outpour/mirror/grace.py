"""For how long a publisher lists torrents no longer, by the time in which it could be asked.

The clock of the wall may be set, and a publisher that is down says nothing: neither brings the end
of a torrent nearer. Of a list that is empty at once an accident is more likely than an intention.
"""

from __future__ import annotations

from collections.abc import Collection

EMPTY_GRACE_S = 3600.0
"""At least, for a list on which nothing is left, whatever grace a person chose."""


class Grace:
    """Counts the time that torrents are missing for.

    Args:
        grace_s: After so many seconds it is believed.
    """

    def __init__(self, grace_s: float) -> None:
        self._grace_s = grace_s
        self._missing_s: dict[bytes, float] = {}
        self._is_empty = False

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self._missing_s

    def __len__(self) -> int:
        return len(self._missing_s)

    def begin(self, infohash: bytes, missing_s: float = 0.0) -> None:
        """Count from now on, what was counted before included."""
        self._missing_s.setdefault(infohash, missing_s)

    def forget(self, infohash: bytes) -> bool:
        """Count no longer; says whether it was counted."""
        return self._missing_s.pop(infohash, None) is not None

    def of(self, infohash: bytes) -> float | None:
        """Seconds that a torrent is missing for, None if it is not."""
        return self._missing_s.get(infohash)

    def all(self) -> Collection[bytes]:
        """What is missing."""
        return self._missing_s.keys()

    def hear(self, *, is_empty: bool) -> None:
        """Take note of whether anything is listed at all."""
        self._is_empty = is_empty

    def pass_by(self, seconds: float) -> list[bytes]:
        """Count time in which the publisher could be asked; returns what is believed gone now."""
        grace_s = max(self._grace_s, EMPTY_GRACE_S) if self._is_empty else self._grace_s
        gone = []
        for infohash in self._missing_s:
            self._missing_s[infohash] += seconds
            if self._missing_s[infohash] >= grace_s:
                gone.append(infohash)
        return gone
