"""The seeder of this process in the swarms of its tracker, put there without an announce."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from outpour._core import Tracker


class OwnSeeder:
    """Lists a seeder in the swarms of a core.

    Args:
        core: Has the swarms.
        lead: Has origins given first.
    """

    def __init__(self, core: Tracker, lead: Callable[[Sequence[tuple[str, int]]], None]) -> None:
        self._core = core
        self._lead = lead

    def list(self, infohash: bytes, host: str, port: int) -> None:
        """Put it into a swarm, or keep it there, as if it had just announced."""
        self._core.list_seeder(infohash, host, port)

    def unlist(self, infohash: bytes, host: str, port: int) -> None:
        """Take it out of a swarm."""
        self._core.unlist_seeder(infohash, host, port)

    def lead(self, addresses: Sequence[tuple[str, int]]) -> None:
        """Give it first in every answer to who wants data, whatever the torrent."""
        self._lead(addresses)
