"""What all nodes hold in common: torrents, keys, bans and origins, each with who spoke last of it.

A statement is about a member, and says that it is there or that it is removed. The later one
counts, whoever made it: one that says "removed" stays until somebody says otherwise later. Its
score is `time << 11 | node << 1 | is there`, where `time` is the server's in milliseconds or one
more than the latest that is known, and `node` 10 bits of who said it, so that all agree on which of
two is later.

A member is a letter and a text: `a` an infohash that is allowed, `d` one that is denied, `k` a key
with a blank and its end in Unix seconds if it has one, `b` a banned range (first and last address
with a blank), `n` an infohash with the length of its content (8 bytes) and its name, which is never
removed, `c` the beginning of a peer id that is denied, `o` an origin (address and port with a
blank).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from outpour.tracker.cluster.cluster_frame import MEMBER_BYTES_MAX, SCORE_MAX

KINDS = b"adkbcon"
NODE_BITS = 10
TIME_SHIFT = NODE_BITS + 1
FIRST_TIME = 1
"""The time of what a node brings that was never one of the cluster: all that is known is later."""
MEMBERS_MAX = 16_000_000

Statement = tuple[bytes, int]


def is_there(score: int) -> bool:
    """Whether a statement says that its member is there."""
    return bool(score & 1)


def is_member(member: bytes) -> bool:
    """Whether this is a member of a kind that is known here."""
    is_infohash = member[:1] in (b"a", b"d")
    return (
        1 < len(member) <= MEMBER_BYTES_MAX
        and member[0] in KINDS
        and (not is_infohash or len(member) == 21)
        and (member[:1] != b"n" or len(member) > 29)
    )


class SharedMap:
    """The statements that are known; of each member the latest one.

    Args:
        node: The 8 bytes of this node.
    """

    def __init__(self, node: bytes) -> None:
        self._node = int.from_bytes(node, "big") % (1 << NODE_BITS)
        self._scores: dict[bytes, int] = {}
        self._latest = 0
        self.refused = 0

    @property
    def scores(self) -> Mapping[bytes, int]:
        """All statements: member and score."""
        return MappingProxyType(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    def merge(self, statements: Iterable[Statement]) -> list[Statement]:
        """Take in statements; returns those that are later than what was known of their members."""
        later = []
        for member, score in statements:
            if score <= self._scores.get(member, -1):
                continue
            is_room = member in self._scores or len(self._scores) < MEMBERS_MAX
            if not (is_room and is_member(member) and 0 <= score < SCORE_MAX):
                self.refused += 1
                continue
            self._scores[member] = score
            self._latest = max(self._latest, score)
            later.append((member, score))
        return later

    def state(
        self, said: Iterable[tuple[bytes, bool]], now_ms: int | None, *, is_first: bool = False
    ) -> list[Statement]:
        """Say that members are there, or removed; returns the statements that this takes.

        Args:
            said: Member, and whether it is there.
            now_ms: The server's Unix time in milliseconds; None while that was never known.
            is_first: They are what a node brings that was none of the cluster: they count only
                where nobody has said anything.
        """
        made = []
        for member, is_in in said:
            known = self._scores.get(member)
            if known is not None and (is_first or is_there(known) == is_in):
                continue
            if known is None and not is_in:
                continue
            time = FIRST_TIME
            if not is_first:
                time = max((self._latest >> TIME_SHIFT) + 1, now_ms or 0)
            made.append((member, time << TIME_SHIFT | self._node << 1 | is_in))
        return self.merge(made)


def members(kind: bytes, items: Iterable[bytes]) -> Iterator[bytes]:
    """Items of a kind as members."""
    return (kind + item for item in items)
