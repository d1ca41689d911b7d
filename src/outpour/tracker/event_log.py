"""What happened lately, with its time: a bounded log for whoever looks later."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

from outpour.base.event import Event

KEPT_MAX = 500
"""Of each kind, so that one that happens often takes no other's place."""
KINDS_MAX = 32
ALIKE_MAX = 50
"""Events of one name told one by one in a minute; what is more is summed up."""
ALIKE_S = 60
TEXT_MAX = 1000
"""Characters of a line; what happened was told in full where it was printed."""


@dataclass(frozen=True, slots=True)
class Happening:
    """An event with its time.

    Attributes:
        number: Each has a higher one than those before.
        at: Unix time in seconds.
        kind: What it is about: `torrents`, `lists`, `state`, ...
        name: Name of the event.
        is_trouble: Whether somebody should look at it.
        text: The line for people to read.
    """

    number: int
    at: float
    kind: str
    name: str
    is_trouble: bool
    text: str

    @property
    def day(self) -> str:
        """The date, in UTC."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.at))


class EventLog:
    """The latest events of each kind.

    It is written and read on one thread.

    Args:
        clock: Unix time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kinds: dict[str, deque[Happening]] = {}
        self._unsaved: deque[Happening] = deque(maxlen=KEPT_MAX * KINDS_MAX)
        self._number = 0
        # By name: since when, how many, and the last that was not told.
        self._alike: dict[str, tuple[float, int, Event | None]] = {}

    @property
    def number(self) -> int:
        """The number of the latest; changes with each."""
        return self._number

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of which there are any, by name."""
        return tuple(sorted(self._kinds))

    def listening(self, on_event: Callable[[Event], None]) -> Callable[[Event], None]:
        """What to tell events, so that they are noted and told on."""

        def hear(event: Event) -> None:
            self.note(event)
            on_event(event)

        return hear

    def note(self, event: Event) -> None:
        """Keep an event."""
        now, name = self._clock(), type(event).__name__
        since, count, _ = self._alike.get(name, (now, 0, None))
        if not 0 <= now - since < ALIKE_S:
            self._sum_up(name)
            since, count = now, 0
        is_more = count >= ALIKE_MAX
        self._alike[name] = (since, count + 1, event if is_more else None)
        if not is_more:
            self._add(now, event, str(event))

    def turn(self) -> None:
        """Sum up what was too much to be told one by one, once its minute is over."""
        now = self._clock()
        for name, (since, _, _) in tuple(self._alike.items()):
            if not 0 <= now - since < ALIKE_S:
                self._sum_up(name)

    def latest(self, limit: int, *, kind: str = "", before: int = 0) -> list[Happening]:
        """The latest, newest first.

        Args:
            limit: How many.
            kind: Only of this kind, where it is not empty.
            before: Only those with lower numbers, where it is not 0.
        """
        kinds = [self._kinds.get(kind, ())] if kind else list(self._kinds.values())
        chosen = [
            one
            for kept in kinds
            for one in islice(
                (one for one in reversed(kept) if not before or one.number < before), limit
            )
        ]
        return sorted(chosen, key=lambda one: one.number, reverse=True)[:limit]

    def between(self, first: float, last: float, limit: int) -> list[Happening]:
        """What happened between two Unix times, downloads left out, oldest first."""
        found = [
            one
            for kind, kept in self._kinds.items()
            if kind != "downloads"
            for one in kept
            if first <= one.at <= last
        ]
        return sorted(found, key=lambda one: one.number)[:limit]

    def load(self, happenings: Iterable[Happening]) -> None:
        """Take over what an earlier run has kept, oldest first; before anything is noted."""
        for one in happenings:
            self._number = max(self._number, one.number)
            self._keep(one)

    def take_unsaved(self) -> tuple[Happening, ...]:
        """What was noted since the last call, to be kept."""
        found = tuple(self._unsaved)
        self._unsaved.clear()
        return found

    def put_back(self, happenings: Iterable[Happening]) -> None:
        """Give these again the next time: they could not be kept."""
        self._unsaved.extendleft(reversed(tuple(happenings)))

    def oldest(self, kind: str) -> int:
        """The lowest number that is kept of a kind."""
        kept = self._kinds.get(kind)
        return kept[0].number if kept else self._number + 1

    def _sum_up(self, name: str) -> None:
        _, count, last = self._alike.pop(name)
        if last is not None:
            more = count - ALIKE_MAX
            self._add(self._clock(), last, f"and {more} more of these, the last: {last}")

    def _add(self, now: float, event: Event, text: str) -> None:
        self._number += 1
        shown = text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
        name = type(event).__name__
        one = Happening(self._number, now, event.kind, name, event.is_trouble, shown)
        self._keep(one)
        self._unsaved.append(one)

    def _keep(self, one: Happening) -> None:
        if one.kind not in self._kinds and len(self._kinds) >= KINDS_MAX:
            return
        self._kinds.setdefault(one.kind, deque(maxlen=KEPT_MAX)).append(one)
