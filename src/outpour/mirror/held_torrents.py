"""The torrents that a mirror holds: by infohash, by what peers announce, and by their places."""

from __future__ import annotations

from collections.abc import Iterable, ValuesView

from outpour.mirror.holdings import Held
from outpour.torrent.info import Info


class HeldTorrents:
    """Everything that is held, in memory; who changes it writes it down."""

    def __init__(self) -> None:
        self._held: dict[bytes, Held] = {}
        self._aliases: dict[bytes, bytes] = {}
        self._aliases_of: dict[bytes, set[bytes]] = {}
        self._places: dict[tuple[str, str], set[bytes]] = {}
        self.revision = 0

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self._held

    def __getitem__(self, infohash: bytes) -> Held:
        return self._held[infohash]

    def get(self, infohash: bytes) -> Held | None:
        """What is held by this infohash."""
        return self._held.get(infohash)

    def values(self) -> ValuesView[Held]:
        """Everything that is held."""
        return self._held.values()

    def put(self, held: Held) -> None:
        """Hold this, or know anew what is held."""
        if held.infohash not in self._held:
            self.revision += 1
        self._held[held.infohash] = held
        self._places.setdefault((held.folder, held.name), set()).add(held.infohash)

    def announced(self, infohash: bytes, info: Info) -> Iterable[bytes]:
        """Know by which infohashes peers announce it: two of a hybrid."""
        for digest in (info.infohash_v1, info.infohash_v2):
            if digest is not None:
                self._aliases[digest[:20]] = infohash
                self._aliases_of.setdefault(infohash, set()).add(digest[:20])
        return self._aliases_of[infohash]

    def drop(self, infohash: bytes) -> None:
        """Hold this no longer."""
        held = self._held.pop(infohash, None)
        if held is None:
            return
        self.revision += 1
        there = self._places[held.folder, held.name]
        there.discard(infohash)
        if not there:
            del self._places[held.folder, held.name]
        for alias in self._aliases_of.pop(infohash, ()):
            self._aliases.pop(alias, None)

    def other(self, announced: bytes) -> bytes | None:
        """The infohash of what peers announce by this one."""
        return self._aliases.get(announced)

    def rivals(self, held: Held) -> list[Held]:
        """Other torrents that are to lie in the same place."""
        there = self._places.get((held.folder, held.name), set())
        return [self._held[one] for one in there if one != held.infohash]

    def is_taken(self, folder: str, name: str) -> bool:
        """Whether a torrent lies, or is to lie, in this place."""
        return (folder, name) in self._places
