"""Whole swarms from one node to others: for who is new, and where something may have got lost.

They lie on the server for two minutes, in parts; all who hear of them take them in. Of what is
known already the later word counts, so that it does no harm to take them in for nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from outpour.tracker.cluster.cluster_frame import PARTS_MAX, SnapshotNote
from outpour.tracker.cluster.redis_server import RedisServer
from outpour.tracker.cluster.server_keys import ServerKeys

PART_BYTES = 1 << 20
PARTS_KEPT_S = 120
Page = tuple[bytes, "int | None"]
Beside = Callable[[Callable[[], Page]], Awaitable[Page]]


class Swarms(Protocol):
    """What the core gives of swarms; `_core.Cluster` is one."""

    def page(self, at: int, bytes_min: int) -> tuple[bytes, int | None]:
        """Part of all swarms as events, and where the next begins."""


async def give(
    server: RedisServer,
    keys: ServerKeys,
    swarms: Swarms,
    beside: Beside,
) -> SnapshotNote:
    """Put all swarms on the server; of none there are no parts.

    Args:
        server: Where to.
        keys: Under which names.
        swarms: Has them.
        beside: Runs what takes some time on another thread.

    Raises:
        ServerError: They are not all there.
    """
    name = secrets.token_bytes(8)
    at: int | None = 0
    parts = 0
    while at is not None and parts < PARTS_MAX:
        blob, at = await beside(partial(swarms.page, at, PART_BYTES))
        if blob:
            key = keys.of("snapshot", name.hex(), parts)
            await server.ask("SET", key, blob, "EX", PARTS_KEPT_S)
            parts += 1
    return SnapshotNote(name, parts)


async def take(
    server: RedisServer,
    keys: ServerKeys,
    note: SnapshotNote,
    apply: Callable[[bytes], Awaitable[None]],
) -> bool:
    """Take in swarms that lie on the server; says whether all parts were there.

    Raises:
        ServerError: Some may be taken in, and some not.
    """
    is_whole = True
    for part in range(note.parts):
        blob = await server.ask("GET", keys.of("snapshot", note.name.hex(), part))
        if blob is None:
            is_whole = False
            continue
        await apply(bytes(blob))
    return is_whole
