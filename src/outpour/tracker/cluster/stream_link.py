"""The stream of one server: what happened here goes out, what happened at others comes in.

Two connections: one that writes, and one that waits for what others wrote. When either fails, both
are given up, and the link begins anew: it looks whether what it wrote and read last is still there.
If not, the server has lost something (it was restarted without a memory, another took its place, or
this process stood still for longer than the stream goes back), and the owner is told to make up for
it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from outpour.base.redis_url import RedisUrl
from outpour.base.together import together
from outpour.base.within import within
from outpour.tracker.cluster.cluster_frame import Frame, PoisonedError, decode
from outpour.tracker.cluster.redis_server import RedisServer, ServerError
from outpour.tracker.cluster.server_keys import ServerKeys

SEND_S = 0.1
LOOK_S = 1.0
BLOCK_MS = 1000
"""A reader that waits asks again so often; well below `redis_server.ANSWER_S`."""
ENTRIES_AT_ONCE = 16
FRAMES_AT_ONCE = 16
RETRY_S = (0.2, 0.5, 1.0, 2.0)
STILL_S = 10.0
"""A pause that is longer is one of the whole process, or of the server."""
KEPT_S = 30.0
KEPT_BYTES_MAX = 16 << 20
"""Of what was sent so much is kept, for a server that comes back without its last seconds."""
LAG_S = 10.0
"""How far back the lag goes that is shown."""
BEGINNING = b"0-0"


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a link finds when it has a connection again.

    Attributes:
        is_first: It is the first one of this process.
        has_lost_in: What others wrote since it read last may be gone.
        has_lost_out: What it wrote last may be gone.
        silent_s: Seconds since it was last known to have read all; None if it never had.
    """

    is_first: bool
    has_lost_in: bool
    has_lost_out: bool
    silent_s: float | None = None


class LinkOwner(Protocol):
    """What the link works for."""

    async def begin_link(self, link: StreamLink, found: Beginning) -> None:
        """Called on a new connection, before anything is written or read."""

    async def fill(self, link: StreamLink) -> Frame | None:
        """What is to be told; None if there is nothing. May write beside the stream before."""

    async def heed(self, link: StreamLink, frame: Frame, age_s: float) -> None:
        """Take in what another node told so many seconds ago."""

    async def look(self, link: StreamLink) -> None:
        """Called about once a second while there is a connection, and after `look_soon`."""

    def changed(self, link: StreamLink, trouble: ServerError | None) -> None:
        """Told that the server is reached again, or no longer and why."""


class ServerTime:
    """The server's clock, as far as it is known: nobody's own clock is believed."""

    def __init__(self) -> None:
        self._at: tuple[int, float] | None = None

    def note(self, server_ms: int) -> None:
        """The server's clock shows this now."""
        self._at = (server_ms, time.monotonic())

    @property
    def ms(self) -> int | None:
        """Unix time in milliseconds; None while it was never told."""
        if self._at is None:
            return None
        server_ms, at = self._at
        return server_ms + int((time.monotonic() - at) * 1000)


class StreamLink:
    """One server's stream.

    Args:
        url: Where the server is.
        keys: The names on it.
        part: Which range of infohashes goes over it; 0 also carries what is none of a swarm.
        node: The 8 bytes of this node.
        retention_s: How far back the stream goes.
        owner: Whom it works for.
        read_at: The entry that the process before took in last.

    Attributes:
        server: The connection that writes.
        time: The server's clock.
        trouble: Why there is no connection; None while there is, and before the first attempt.
        was_tried: Whether a connection was attempted.
        is_up: Whether there is one.
        is_caught_up: Whether all that the stream held was read.
        was_up: Whether there was one when it was last heard of: the process may be ending.
        poisoned: Entries that were refused.
        sent_bytes, received_bytes: Of frames.
        entries: In the stream, as the server says.
        read_at: The entry that was taken in last, by this process or the one before; None for none.
    """

    def __init__(
        self,
        url: RedisUrl,
        keys: ServerKeys,
        part: int,
        node: bytes,
        retention_s: float,
        owner: LinkOwner,
        read_at: bytes | None = None,
    ) -> None:
        self.url = url
        self.keys = keys
        self.part = part
        self.server = RedisServer(url)
        self._reader = RedisServer(url)
        self._node = node
        self._retention_ms = int(retention_s * 1000)
        self._owner = owner
        self.time = ServerTime()
        self.trouble: ServerError | None = None
        self.was_tried = False
        self.is_up = self.was_up = False
        self._soon = asyncio.Event()
        self._is_rewound = self.is_caught_up = False
        self.poisoned = 0
        self.sent_frames = self.sent_bytes = self.received_frames = self.received_bytes = 0
        self.entries = 0
        self.read_at = read_at
        # What is yet to be made up for, until the owner has.
        self._is_first = True
        self._has_lost_in = self._has_lost_out = False
        self._gap_since_s: float | None = None
        self._in_touch_s: float | None = None
        self._wrote: bytes | None = None
        self._pending: tuple[Frame, float] | None = None
        self._lags: deque[tuple[float, float]] = deque()
        self._sent: deque[tuple[Frame, float]] = deque()
        self._sent_kept = 0
        self._epoch: bytes | None = None
        self.retention_s = retention_s

    async def keep_up(self) -> None:
        """Go on until cancelled, with a connection or without."""
        failed = 0
        while True:
            began = time.monotonic()
            try:
                await self._run()
            except ServerError as error:
                self._fail(error)
                if error.kind == "full":
                    await self._make_room()
            finally:
                self.was_up, self.is_up = self.is_up, False
                await self.server.close()
                await self._reader.close()
            failed = 0 if time.monotonic() - began > LAG_S else min(failed + 1, len(RETRY_S))
            await asyncio.sleep(RETRY_S[max(failed, 1) - 1])

    def rewind(self) -> None:
        """Read again all that the stream holds."""
        self._is_rewound = True
        self.is_caught_up = False

    def look_soon(self) -> None:
        """Have the owner look at once."""
        self._soon.set()

    @property
    def pending(self) -> Frame | None:
        """What was taken to be sent, and may not have been."""
        if self._pending is None:
            return None
        frame, taken_at = self._pending
        age_ms = int((time.monotonic() - taken_at) * 1000)
        return replace(frame, age_ms=frame.age_ms + age_ms)

    def say_later(self, frame: Frame) -> None:
        """Send this before all else that waits; taken now."""
        self._pending = (frame, time.monotonic())

    @property
    def lag_s(self) -> float:
        """The longest that something was on its way in the last seconds."""
        now = time.monotonic()
        while self._lags and now - self._lags[0][0] > LAG_S:
            self._lags.popleft()
        return max((lag for _, lag in self._lags), default=0.0)

    async def send(self, frame: Frame) -> bytes:
        """Write a frame at once; returns where it stands in the stream.

        Raises:
            ServerError: It may be there or not.
        """
        raw = frame.encode()
        words: list[bytes | str | int] = ["XADD", self.keys.events]
        now_ms = self.time.ms
        if now_ms is not None:
            words += ["MINID", "~", max(0, now_ms - self._retention_ms)]
        entry = bytes(await self.server.ask(*words, "*", "f", raw))
        self._wrote = entry
        self.time.note(_ms_of(entry))
        self.sent_frames += 1
        self.sent_bytes += len(raw)
        self._keep(frame)
        return entry

    def _keep(self, frame: Frame) -> None:
        """Keep what was sent lately, should the server lose it."""
        now = time.monotonic()
        self._sent.append((frame, now))
        self._sent_kept += len(frame.events)
        while self._sent and (self._sent_kept > KEPT_BYTES_MAX or now - self._sent[0][1] > KEPT_S):
            self._sent_kept -= len(self._sent.popleft()[0].events)

    async def send_again(self) -> None:
        """Write once more what was sent lately.

        Raises:
            ServerError: It may be there or not.
        """
        now = time.monotonic()
        again, self._sent, self._sent_kept = self._sent, deque(), 0
        for frame, at in again:
            if frame.events:
                await self.send(replace(frame, age_ms=frame.age_ms + int((now - at) * 1000)))

    async def _run(self) -> None:
        self.was_tried = True
        seconds, micros = await self.server.ask("TIME")
        self.time.note(int(seconds) * 1000 + int(micros) // 1000)
        found = await self._compare()
        await self._owner.begin_link(self, found)
        self._is_first = self._has_lost_in = self._has_lost_out = False
        self._gap_since_s = None
        self.is_up = True
        self.trouble = None
        self._owner.changed(self, None)
        works: list[Callable[[], Awaitable[None]]] = [self._write, self._read, self._look]
        await together(works)

    async def _compare(self) -> Beginning:
        epoch_key = self.keys.of("epoch")
        fresh = time.monotonic_ns().to_bytes(8, "big").hex()
        await self.server.ask("SET", epoch_key, fresh, "NX")
        epoch = await self.server.ask("GET", epoch_key)
        is_same = self._epoch in (None, epoch)
        self._epoch = epoch
        has_out = self._wrote is None or await self._has(self._wrote)
        has_in = self.read_at is not None and await self._has(self.read_at)
        silent_s = self._silent_s()
        # Where nothing was there before, all that is there came since: of who stopped nobody says
        # it again.
        if not (has_in or is_same):
            self.read_at = BEGINNING
        if not has_in and self.read_at != BEGINNING:
            latest = await self.server.ask("XREVRANGE", self.keys.events, "+", "-", "COUNT", 1)
            self.read_at = bytes(latest[0][0]) if latest else BEGINNING
        if not (has_out and is_same):
            self._wrote = None
        self._has_lost_in |= not (has_in and is_same)
        self._has_lost_out |= not (has_out and is_same)
        return Beginning(self._is_first, self._has_lost_in, self._has_lost_out, silent_s)

    def _silent_s(self) -> float | None:
        now_s = time.monotonic()
        if self._gap_since_s is None and self._in_touch_s is not None:
            self._gap_since_s = self._in_touch_s
        elif self._gap_since_s is None and self.read_at not in (None, BEGINNING):
            ago_ms = max(0, (self.time.ms or 0) - _ms_of(self.read_at))
            self._gap_since_s = now_s - ago_ms / 1000
        return None if self._gap_since_s is None else now_s - self._gap_since_s

    async def _has(self, entry: bytes) -> bool:
        if entry == BEGINNING:
            # Nothing was ever read, so nothing can be missing but what was trimmed.
            oldest = await self.server.ask("XRANGE", self.keys.events, "-", "+", "COUNT", 1)
            return not oldest
        found = await self.server.ask("XRANGE", self.keys.events, entry, entry, "COUNT", 1)
        return bool(found)

    async def _write(self) -> None:
        while True:
            for _ in range(FRAMES_AT_ONCE):
                if self._pending is None:
                    frame = await self._owner.fill(self)
                    if frame is None:
                        break
                    self._pending = (frame, time.monotonic())
                frame = self.pending
                assert frame is not None
                await self.send(frame)
                self._pending = None
            await asyncio.sleep(SEND_S)

    async def _read(self) -> None:
        while True:
            if self._is_rewound:
                self._is_rewound, self.read_at = False, BEGINNING
            assert self.read_at is not None
            found = await self._reader.ask(
                "XREAD", "COUNT", ENTRIES_AT_ONCE, "BLOCK", BLOCK_MS, "STREAMS",
                self.keys.events, self.read_at,
            )  # fmt: skip
            entries = found[0][1] if found else ()
            asked_s = time.monotonic()
            for entry, fields in entries:
                await self._take(bytes(entry), fields)
                self.read_at = bytes(entry)
            if len(entries) < ENTRIES_AT_ONCE and not self._is_rewound:
                self._in_touch_s = asked_s
                if not self.is_caught_up:
                    self.is_caught_up = True
                    self.look_soon()

    async def _take(self, entry: bytes, fields: list[bytes]) -> None:
        now_ms = self.time.ms or 0
        waited_ms = max(0, now_ms - _ms_of(entry))
        try:
            if len(fields) != 2 or fields[0] != b"f":
                raise PoisonedError("not what a node writes")
            frame = decode(fields[1])
        except PoisonedError:
            self.poisoned += 1
            return
        self.received_frames += 1
        self.received_bytes += len(fields[1])
        if frame.node != self._node:
            self._lags.append((time.monotonic(), waited_ms / 1000))
        await self._owner.heed(self, frame, (waited_ms + frame.age_ms) / 1000)

    async def _look(self) -> None:
        looked_s = time.monotonic()
        while True:
            if time.monotonic() - looked_s > STILL_S:
                # What was not read meanwhile may have been trimmed.
                raise ServerError("gone", "this process stood still")
            looked_s = time.monotonic()
            await self._owner.look(self)
            with suppress(asyncio.TimeoutError):
                await within(LOOK_S, self._soon.wait())
            self._soon.clear()

    def _fail(self, error: ServerError) -> None:
        self.is_up = False
        is_new = self.trouble is None or self.trouble.kind != error.kind
        self.trouble = error
        if is_new:
            self._owner.changed(self, error)

    async def _make_room(self) -> None:
        """What is too old may go, though nothing can be added."""
        now_ms = self.time.ms
        if now_ms is None:
            return
        oldest = max(0, now_ms - self._retention_ms)
        try:
            await self.server.ask("XTRIM", self.keys.events, "MINID", oldest)
        except ServerError:
            return


def _ms_of(entry: bytes) -> int:
    return int(entry.partition(b"-")[0])
