"""Keeps the book of who uses the tracker and who is turned away, from what the core saw.

The core samples and hands over bounded tables; here they become counts since the start by fixed
names, and of the last hour and day by whatever strangers called themselves. All of it is bounded.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, TypeVar

from outpour.base.event import Event
from outpour.base.together import together
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state.key_use_file import KeyUseFile, use_path
from outpour.tracker.tracker_events import KeyUsesLost
from outpour.tracker.usage_figures import (
    ClientKind,
    Latency,
    Refusals,
    RefusedAddress,
    RefusedClient,
    RefusedTorrent,
    RequestCount,
)
from outpour.tracker.views.client_names import agent_of, client_of
from outpour.tracker.views.key_uses import KeyUses
from outpour.tracker.views.recent_counts import RecentCounts

T = TypeVar("T")

TURN_S = 5.0
"""Between two takings; the core's tables hold what comes meanwhile."""
HOUR_S = 3600.0
LIMIT = 50
TIMED_MAX = 600
TIMED_S = 300.0
"""How far back the time that answers take lately goes."""


class Seen(Protocol):
    """What was seen of clients and refusals: `_core.Usage` is such."""

    @property
    def clients(self) -> list[tuple[bytes, int]]:
        """Beginnings of peer ids, with announces."""

    @property
    def agents(self) -> list[tuple[bytes, int]]:
        """First products of the field `User-Agent`, with announces."""

    @property
    def refused_torrents(self) -> list[tuple[str, bytes, int]]:
        """Cause, infohash and announces."""

    @property
    def refused_addresses(self) -> list[tuple[str, str, int]]:
        """Cause, address and requests."""

    @property
    def refused_clients(self) -> list[tuple[str, bytes, int]]:
        """Cause, beginning of the peer id, and announces."""


class UsageSource(Protocol):
    """What counts: `_core.Tracker` is one."""

    def request_counts(self) -> list[tuple[str, str, str, str | None, int]]:
        """What was asked since the start and what became of it."""

    def latencies(self) -> list[tuple[str, list[tuple[int, int]], int, float]]:
        """How long answers took since the start."""

    def take_usage(self) -> Seen:
        """What was seen since it was last taken."""

    def take_key_uses(self) -> list[tuple[str, int, int]]:
        """Keys that were announced with since they were last taken."""


class UsageBook:
    """Who uses the tracker, and who is turned away.

    All may be asked at any time on the event loop, and costs some milliseconds at most.

    Args:
        core: Counts.
        clock: Unix time in seconds.
        keys: How keys were used; counted from now on where there is none.
    """

    def __init__(
        self, core: UsageSource, clock: Callable[[], float], keys: KeyUses | None = None
    ) -> None:
        self._core = core
        self._clock = clock
        self._by_name: Counter[str] = Counter()
        self._by_agent: Counter[str] = Counter()
        self._timed: deque[tuple[float, tuple[Latency, ...]]] = deque(maxlen=TIMED_MAX)
        self._clients: RecentCounts[bytes] = RecentCounts()
        self._agents: RecentCounts[bytes] = RecentCounts()
        self._torrents: RecentCounts[tuple[str, bytes]] = RecentCounts()
        self._addresses: RecentCounts[tuple[str, str]] = RecentCounts()
        self._refused_clients: RecentCounts[tuple[str, bytes]] = RecentCounts()
        self.keys = keys or KeyUses(core, clock)

    @classmethod
    def of(
        cls,
        settings: TrackerSettings,
        core: UsageSource,
        clock: Callable[[], float],
        tell: Callable[[Event], None],
    ) -> UsageBook:
        """The book of a tracker, with the use of its keys in earlier runs if it has any."""
        path = use_path(settings.state_path) if settings.key_list else None
        keys = KeyUses(core, clock, None if path is None else KeyUseFile(path, clock))
        if keys.trouble is not None:
            tell(KeyUsesLost(keys.trouble))
        return cls(core, clock, keys)

    async def keep_up(self) -> None:
        """Take what the core saw each few seconds, and keep the use of keys, until cancelled."""
        await together([self._turns, self.keys.keep_up])

    async def _turns(self) -> None:
        while True:
            await asyncio.sleep(TURN_S)
            self.turn()

    def turn(self) -> None:
        """Take what the core saw since the last time."""
        now, usage = self._clock(), self._core.take_usage()
        clients, agents = usage.clients, usage.agents
        for prefix, count in clients:
            self._by_name[client_of(_text(prefix))[0]] += count
        for product, count in agents:
            self._by_agent[agent_of(_text(product))[0]] += count
        self._clients.add(clients, now)
        self._agents.add(agents, now)
        self._torrents.add(_joined(usage.refused_torrents), now)
        self._addresses.add(_joined(usage.refused_addresses), now)
        self._refused_clients.add(_joined(usage.refused_clients), now)
        self.keys.take()
        self._time(now)

    def request_counts(self) -> tuple[RequestCount, ...]:
        """What was asked since the start and what became of it, everything that can be once."""
        return tuple(RequestCount(*row) for row in self._core.request_counts())

    def latencies(self) -> tuple[Latency, ...]:
        """How long answers took since the start, by protocol."""
        return tuple(
            Latency(
                protocol, tuple((bound / 1e6, count) for bound, count in buckets), longer, sum_s
            )
            for protocol, buckets, longer, sum_s in self._core.latencies()
        )

    def lately(self) -> tuple[Latency, ...]:
        """How long answers took in the last minutes, by protocol."""
        self._time(self._clock())
        earlier = {one.protocol: one for one in self._timed[0][1]}
        return tuple(one.since(earlier.get(one.protocol)) for one in self._timed[-1][1])

    def _time(self, now: float) -> None:
        while self._timed and not 0 <= now - self._timed[0][0] <= TIMED_S:
            self._timed.popleft()
        self._timed.append((now, self.latencies()))

    def client_names(self) -> Mapping[str, int]:
        """Announces since the start by the name of the client; there are only so many names."""
        self.turn()
        return dict(self._by_name)

    def agent_names(self) -> Mapping[str, int]:
        """The same by the client's own word, over HTTP."""
        self.turn()
        return dict(self._by_agent)

    def clients(self, since_s: float = HOUR_S, limit: int = LIMIT) -> tuple[ClientKind, ...]:
        """The clients of the last so many seconds by peer id, the most frequent first."""
        self.turn()
        found = self._clients.top(limit, since_s, self._clock())
        return tuple(
            ClientKind(*client_of(_text(prefix)), _text(prefix), count) for prefix, count in found
        )

    def agents(self, since_s: float = HOUR_S, limit: int = LIMIT) -> tuple[ClientKind, ...]:
        """The clients of the last so many seconds by their own word, over HTTP."""
        self.turn()
        found = self._agents.top(limit, since_s, self._clock())
        return tuple(
            ClientKind(*agent_of(_text(product)), _text(product), count) for product, count in found
        )

    def refusals(self, since_s: float = HOUR_S, limit: int = LIMIT) -> Refusals:
        """What was refused most in the last so many seconds, up to a day."""
        self.turn()
        now = self._clock()
        torrents = self._torrents.top(limit, since_s, now)
        addresses = self._addresses.top(limit, since_s, now)
        clients = self._refused_clients.top(limit, since_s, now)
        return Refusals(
            tuple(RefusedTorrent(*key, count) for key, count in torrents),
            tuple(RefusedAddress(reason, _network(ip), n) for (reason, ip), n in addresses),
            tuple(
                RefusedClient(reason, client_of(_text(prefix))[0], _text(prefix), count)
                for (reason, prefix), count in clients
            ),
        )


def _joined(rows: Iterable[tuple[str, T, int]]) -> list[tuple[tuple[str, T], int]]:
    return [((reason, key), count) for reason, key, count in rows]


def _text(name: bytes) -> str:
    return name.decode("ascii", "replace")


def _network(ip: str) -> str:
    return f"{ip}/64" if ":" in ip else ip
