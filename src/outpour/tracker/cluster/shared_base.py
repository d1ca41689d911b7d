"""The shared counters and map on the server: all that was ever said, for nodes that were away.

Both are sorted sets that only ever take a higher score (`ZADD GT`), so that any node may write what
it knows of any other, in any order and however often, and nothing ever goes down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from outpour import _core
from outpour.tracker.cluster.cluster_frame import NODE_BYTES, SCORE_MAX, Frame
from outpour.tracker.cluster.redis_server import RedisServer, Word
from outpour.tracker.cluster.server_keys import (
    BUCKETS,
    ServerKeys,
    bucket_of_infohash,
    bucket_of_member,
)
from outpour.tracker.cluster.shared_counts import (
    COUNT_MAX,
    Counter,
    Pair,
    SharedCounts,
    TooManyNodesError,
    copy_of,
    pages_of,
)
from outpour.tracker.cluster.shared_map import SharedMap, Statement

STATEMENTS_AT_ONCE = 2000
COMMANDS_AT_ONCE = 50
"""Some milliseconds of the event loop where buckets are full."""
COUNTERS: tuple[Counter, ...] = ("counted", "withdrawn")


class SharedBase:
    """Reads and writes it.

    Args:
        server: Where it lies.
        keys: Under which names.
        tell: Writes a frame to the stream, for nodes that have read already what is written anew.
    """

    def __init__(
        self,
        server: RedisServer,
        keys: ServerKeys,
        tell: Callable[[Frame], Awaitable[object]],
    ) -> None:
        self._server = server
        self._keys = keys
        self._tell = tell
        self._known: set[bytes] = set()
        self.refused = 0

    def forget(self) -> None:
        """Take nothing on the server for known any more."""
        self._known.clear()

    async def write_counts(self, node: bytes, kind: Counter, pairs: Sequence[Pair]) -> None:
        """Bring counters of a node up to these values.

        Raises:
            ServerError: Some of them may not be written.
        """
        name = b"%s:%s" % (node.hex().encode(), kind.encode())
        commands: list[Sequence[Word]] = []
        if name not in self._known:
            commands.append(("SADD", self._keys.of("counters"), name))
        by_bucket: dict[int, list[Word]] = {}
        for infohash, count in pairs:
            by_bucket.setdefault(bucket_of_infohash(infohash), []).extend((count, infohash))
        commands += self._additions(self._keys.of("counts", name), by_bucket)
        await self._write(commands)
        self._known.add(name)

    async def write_statements(self, statements: Sequence[Statement]) -> None:
        """Bring the map up to these statements.

        Raises:
            ServerError: Some of them may not be written.
        """
        by_bucket: dict[int, list[Word]] = {}
        for member, score in statements:
            by_bucket.setdefault(bucket_of_member(member), []).extend((score, member))
        await self._write(self._additions(self._keys.of("map"), by_bucket))

    async def read_statements(self) -> list[Statement]:
        """The whole map.

        Raises:
            ServerError: It cannot be read.
        """
        found: list[Statement] = []
        for page in await self._buckets(self._keys.of("map")):
            found += self._pairs(page, SCORE_MAX)
        return found

    async def exchange_counts(self, counts: SharedCounts) -> _core.Ledger:
        """Take in all counters, and write those that are higher here; in proportion to all of them.

        Returns:
            What the server has of this node's own.

        Raises:
            ServerError: Some may be taken in, and some not.
        """
        own = _core.Ledger()
        there: dict[tuple[bytes, Counter], _core.Ledger] = {(counts.node, "counted"): own}
        for node, kind in await self._counters():
            ledger = there.setdefault((node, kind), _core.Ledger())
            name = b"%s:%s" % (node.hex().encode(), kind.encode())
            for page in await self._buckets(self._keys.of("counts", name)):
                pairs = [one for one in self._pairs(page, COUNT_MAX + 1) if len(one[0]) == 20]
                ledger.load(pairs)
                try:
                    await asyncio.to_thread(counts.merge, node, kind, pairs)
                except TooManyNodesError:
                    self.refused += 1
                    break
        for node, kind, some in counts.all_known():
            if (node, kind) == (counts.node, "counted"):
                continue
            known = there.get((node, kind))
            higher = [one for one in some if known is None or known.get(one[0]) < one[1]]
            if higher:
                await self._make_up(node, kind, higher)
        return own

    async def write_own(self, counts: SharedCounts, there: _core.Ledger) -> None:
        """Write this node's own counters where the server has less.

        Raises:
            ServerError: Some of them may not be written.
        """
        for page in pages_of(copy_of(counts.own)):
            higher = [one for one in page if there.get(one[0]) < one[1]]
            if higher:
                await self._make_up(counts.node, "counted", higher)

    async def _make_up(self, node: bytes, kind: Counter, pairs: Sequence[Pair]) -> None:
        await self.write_counts(node, kind, pairs)
        is_counted = kind == "counted"
        await self._tell(
            Frame(node, counts=pairs if is_counted else (), withdrawn=() if is_counted else pairs)
        )

    async def write_map(self, node: bytes, known: SharedMap, there: Iterable[Statement]) -> None:
        """Write the statements that are later here, as this node.

        Raises:
            ServerError: Some of them may not be written.
        """
        later = await asyncio.to_thread(_later, dict(known.scores), there)
        for at in range(0, len(later), STATEMENTS_AT_ONCE):
            some = later[at : at + STATEMENTS_AT_ONCE]
            await self.write_statements(some)
            await self._tell(Frame(node, statements=some))

    async def _counters(self) -> list[tuple[bytes, Counter]]:
        found: list[tuple[bytes, Counter]] = []
        for name in await self._server.ask("SMEMBERS", self._keys.of("counters")):
            digits, _, word = bytes(name).partition(b":")
            kind = next((one for one in COUNTERS if one.encode() == word), None)
            try:
                node = bytes.fromhex(digits.decode("ascii"))
            except (ValueError, UnicodeDecodeError):
                node = b""
            if kind is None or len(node) != NODE_BYTES:
                self.refused += 1
            else:
                found.append((node, kind))
                self._known.add(bytes(name))
        return found

    async def _buckets(self, key: bytes) -> list[list[bytes]]:
        """What all buckets of a key hold, each as the server tells it."""
        bits = await self._server.ask("GET", key) or b""
        present = [
            at * 8 + bit
            for at, byte in enumerate(bits[: BUCKETS // 8])
            if byte
            for bit in range(8)
            if byte & (0x80 >> bit)
        ]
        self._known.update(b"%s:%d" % (key, number) for number in present)
        found = []
        for begin in range(0, len(present), COMMANDS_AT_ONCE):
            some = present[begin : begin + COMMANDS_AT_ONCE]
            asked = [("ZRANGE", b"%s:%d" % (key, one), 0, -1, "WITHSCORES") for one in some]
            found += await self._server.ask_all(asked)
        return found

    def _pairs(self, page: Sequence[bytes], bound: int) -> list[tuple[bytes, int]]:
        found = []
        for member, text in zip(page[::2], page[1::2], strict=True):
            if text.isdigit() and int(text) < bound:
                found.append((member, int(text)))
            else:
                self.refused += 1
        return found

    def _additions(self, key: bytes, by_bucket: dict[int, list[Word]]) -> list[Sequence[Word]]:
        commands: list[Sequence[Word]] = []
        for number, words in by_bucket.items():
            bucket = b"%s:%d" % (key, number)
            if bucket not in self._known:
                commands.append(("SETBIT", key, number, 1))
            commands.append(("ZADD", bucket, "GT", *words))
        return commands

    async def _write(self, commands: Sequence[Sequence[Word]]) -> None:
        for begin in range(0, len(commands), COMMANDS_AT_ONCE):
            await self._server.ask_all(commands[begin : begin + COMMANDS_AT_ONCE])
        # A bucket's bit was set before it, or both are lost together.
        buckets = (words[1] for words in commands if words[0] == "ZADD")
        self._known.update(bucket for bucket in buckets if isinstance(bucket, bytes))


def _later(known: Mapping[bytes, int], there: Iterable[Statement]) -> list[Statement]:
    on_server = dict(there)
    return [one for one in known.items() if on_server.get(one[0], -1) < one[1]]
