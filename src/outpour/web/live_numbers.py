"""Numbers that change, looked at once a second for all who listen, and sent only when changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from outpour.tracker.figures import TorrentRow
from outpour.web.contract import View
from outpour.web.limits import (
    COST_FACTOR,
    EVENT_CLIENTS_MAX,
    EVENT_CLIENTS_PER_ADDRESS_MAX,
    EVENT_QUEUE_MAX,
    EVENT_TURN_S,
)
from outpour.web.list_revision import revision_of
from outpour.web.listened_task import ListenedTask
from outpour.web.visitors.beside import Beside, NothingBeside

Numbers = tuple[int, int, int, int | None]
NUMBERS = ("complete", "downloading", "downloaded", "transferred")


class TooManyListenersError(Exception):
    """All streams are taken: 503."""


class Listener:
    """One open stream, with the messages that wait for it.

    Attributes:
        wanted: The torrents whose numbers it shows.
        site: The address that it is read from.
        is_slow: It left too many messages waiting and is to be cut.
    """

    def __init__(self, wanted: frozenset[bytes], site: str | None = None) -> None:
        self.wanted = wanted
        self.site = site
        self.is_slow = False
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(EVENT_QUEUE_MAX)

    def offer(self, message: bytes) -> bool:
        """Leave a message. False if too many wait already."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.is_slow = True
        return not self.is_slow

    def close(self) -> None:
        """End the stream after what waits."""
        if self._queue.full():
            self.is_slow = True
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def next(self) -> bytes | None:
        """Wait for a message, None at the end of the stream."""
        return await self._queue.get()


@dataclass(frozen=True, slots=True)
class _Moment:
    at: float
    totals: dict[str, int]
    changed: Mapping[bytes, str]
    totals_changed: bool
    listing_changed: bool


class Live:
    """The one who looks for all listeners.

    No listener, no look: the task ends with the last one and starts with the next.
    """

    def __init__(
        self,
        view: View,
        beside: Beside | None = None,
        *,
        listeners_max: int = EVENT_CLIENTS_MAX,
        turn_s: float = EVENT_TURN_S,
    ) -> None:
        self._view = view
        self._beside = beside or NothingBeside()
        self._listeners_max = listeners_max
        self._turn_s = turn_s
        self._listeners: set[Listener] = set()
        self._numbers: dict[bytes, Numbers | None] = {}
        self._totals: dict[str, int] = {}
        self._revision: object = None
        self._looking = ListenedTask(self._run)

    @property
    def listener_count(self) -> int:
        """Open streams."""
        return len(self._listeners)

    def join(
        self, wanted: Iterable[bytes], site: str | None = None, known: str | None = None
    ) -> Listener:
        """Open a stream; its first message has all numbers.

        Args:
            wanted: The torrents whose numbers it shows.
            site: The address that it is read from; None is counted with no other.
            known: The revision of the list that it shows: if there is another by now, the first
                message says that too. None for who shows no list.

        Raises:
            TooManyListenersError: A limit is reached, or the server is stopping.
        """
        if self._looking.is_closed or len(self._listeners) >= self._listeners_max:
            raise TooManyListenersError
        own = sum(listener.site == site for listener in self._listeners)
        if site is not None and own >= EVENT_CLIENTS_PER_ADDRESS_MAX:
            raise TooManyListenersError
        listener = Listener(frozenset(wanted), site)
        # What was last sent is the base of the differences that follow, so a newcomer gets that
        # even where it is some tenths of a second old.
        for infohash in listener.wanted - self._numbers.keys():
            self._numbers[infohash] = _numbers(self._view.row(infohash))
        if not self._totals:
            self._totals = asdict(self._view.totals())
            self._revision = self._listed()
        first = {
            infohash: _encoded(infohash, numbers)
            for infohash in listener.wanted
            if (numbers := self._numbers[infohash]) is not None
        }
        is_other = known is not None and known != revision_of(self._view)
        moment = _Moment(self._view.now(), self._totals, first, True, is_other)
        listener.offer(_message(moment, first.values()))
        self._listeners.add(listener)
        self._looking.begin()
        return listener

    def leave(self, listener: Listener) -> None:
        """Close a stream."""
        self._listeners.discard(listener)

    async def close(self) -> None:
        """End all streams and stop looking."""
        self._looking.is_closed = True
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        await self._looking.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = self._turn_s
        while True:
            await asyncio.sleep(pause_s)
            if not self._listeners:
                break
            began = loop.time()
            self._turn()
            pause_s = max(self._turn_s, COST_FACTOR * (loop.time() - began))
        self._numbers.clear()
        self._totals = {}

    def _turn(self) -> None:
        moment = self._look()
        if not (moment.changed or moment.totals_changed or moment.listing_changed):
            return
        for listener in tuple(self._listeners):
            changed = [moment.changed[key] for key in moment.changed.keys() & listener.wanted]
            if changed or moment.totals_changed or moment.listing_changed:
                message = _message(moment, changed)
                if not listener.offer(message):
                    self.leave(listener)

    def _listed(self) -> object:
        return self._view.revision(), self._beside.revision()

    def _look(self) -> _Moment:
        wanted = frozenset().union(*(listener.wanted for listener in self._listeners))
        changed: dict[bytes, str] = {}
        is_gone = False
        numbers: dict[bytes, Numbers | None] = {}
        for infohash in wanted:
            numbers[infohash] = now = _numbers(self._view.row(infohash))
            before = self._numbers.get(infohash)
            if now is None:
                is_gone = is_gone or before is not None
            elif now != before:
                changed[infohash] = _encoded(infohash, now)
        totals, revision = asdict(self._view.totals()), self._listed()
        moment = _Moment(
            at=self._view.now(),
            totals=totals,
            changed=changed,
            totals_changed=totals != self._totals,
            listing_changed=is_gone or revision != self._revision,
        )
        self._numbers, self._totals, self._revision = numbers, totals, revision
        return moment


def _numbers(row: TorrentRow | None) -> Numbers | None:
    if row is None:
        return None
    return row.complete, row.downloading, row.downloaded, row.transferred


def _encoded(infohash: bytes, numbers: Numbers) -> str:
    return json.dumps({"infohash": infohash.hex(), **dict(zip(NUMBERS, numbers, strict=True))})


def _message(moment: _Moment, changed: Iterable[str]) -> bytes:
    parts = [f'"at": {int(moment.at)}', f'"torrents": [{", ".join(changed)}]']
    if moment.totals_changed:
        parts.append(f'"totals": {json.dumps(moment.totals)}')
    message = f"event: numbers\ndata: {{{', '.join(parts)}}}\n\n"
    if moment.listing_changed:
        message += f'event: listing\ndata: {{"at": {int(moment.at)}}}\n\n'
    return message.encode()
