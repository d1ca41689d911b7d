"""What torrents of one node are called, for the pages of the others: name and length of content.

Whoever can write to the server can give any name to what nobody here knows, and only to that.

A member after the letter of its kind:

bytes   what
20      infohash as peers announce it
8       length of content; the first bit says that the torrent is v2 alone (BEP 52)
12      of v2 alone, what of its SHA-256 is not in the infohash: magnet links need the whole
rest    name in UTF-8
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from outpour.base.text import is_unprintable
from outpour.tracker.cluster.cluster_frame import MEMBER_BYTES_MAX
from outpour.tracker.lists.allowed_set import AllowedSet
from outpour.tracker.state.keeper import Keeper

INFOHASH_BYTES, LENGTH_BYTES = 20, 8
NAME_BYTES_MAX = MEMBER_BYTES_MAX - 1 - INFOHASH_BYTES - LENGTH_BYTES
LENGTH_MAX = 1 << 53
"""Bytes; programs that read the API know no larger number exactly."""
REST_BYTES = 32 - INFOHASH_BYTES
V2_ALONE = 1 << 63
NAMES_MAX = 1_000_000
"""Taken from others in a run; some hundred megabytes of the state file."""


class SharedNames:
    """Between the names that are known here and the shared map.

    Args:
        allowed: Knows the torrents of this node.
        keeper: Keeps the names of all.
        is_told: Others may know what torrents of this node are called.
    """

    def __init__(self, allowed: AllowedSet, keeper: Keeper, *, is_told: bool) -> None:
        self._allowed = allowed
        self._keeper = keeper
        self._is_told = is_told
        self._taken = 0

    def members(self, infohashes: Iterable[bytes]) -> Iterator[bytes]:
        """What there is to be told of torrents of this node, without the letter of its kind."""
        for infohash in infohashes if self._is_told else ():
            listing = self._allowed.find(infohash)
            if listing is not None and listing.length < LENGTH_MAX:
                length, rest = listing.length, b""
                if listing.version == "v2" and listing.infohash_v2 is not None:
                    length, rest = length | V2_ALONE, listing.infohash_v2[INFOHASH_BYTES:]
                name = listing.name.encode("utf-8", "replace")[: NAME_BYTES_MAX - len(rest)]
                yield infohash + length.to_bytes(LENGTH_BYTES, "big") + rest + name

    def take(self, members: Iterable[bytes]) -> int:
        """Take in what others tell; says how many were refused."""
        found = []
        refused = 0
        for member in members:
            infohash, rest = member[:INFOHASH_BYTES], member[INFOHASH_BYTES:]
            length = int.from_bytes(rest[:LENGTH_BYTES], "big")
            rest, digest = rest[LENGTH_BYTES:], b""
            if length & V2_ALONE:
                length, digest = length ^ V2_ALONE, infohash + rest[:REST_BYTES]
                rest = rest[REST_BYTES:]
            # The last letter may have been cut in two.
            name = _plain(rest.decode("utf-8", "ignore"))
            if not name or length >= LENGTH_MAX or self._taken >= NAMES_MAX:
                refused += 1
                continue
            if infohash not in self._keeper.named:
                self._taken += 1
                found.append((infohash, name, length))
            if len(self._keeper.foreign) < NAMES_MAX:
                self._keeper.foreign.setdefault(infohash, digest)
        self._keeper.name(found)
        return refused


def _plain(text: str) -> str:
    return "".join(" " if is_unprintable(letter) else letter for letter in text).strip()
