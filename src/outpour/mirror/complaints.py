"""What was said of torrents that cannot be fetched, as each is tried again and again."""

from __future__ import annotations

from outpour.base.errors import NoRoomError, OutpourError


class Complaints:
    """Knows of each torrent why it failed last, so that every reason is told once."""

    def __init__(self) -> None:
        self._last: dict[bytes, str] = {}

    def is_new(self, infohash: bytes, error: OutpourError) -> bool:
        """Whether a reason is another than the last one of a torrent; from now on it is not."""
        # Of a full disk each try tells other numbers, or who found it full.
        reason = "no room" if isinstance(error, NoRoomError) else error.message
        is_new = self._last.get(infohash) != reason
        self._last[infohash] = reason
        return is_new

    def forget(self, infohash: bytes) -> None:
        """Tell the next reason whatever it is: the torrent was fetched."""
        self._last.pop(infohash, None)
