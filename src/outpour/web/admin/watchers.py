"""Who watches the numbers of now: looked at every two seconds for all, while anybody watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from outpour.web.limits import COST_FACTOR
from outpour.web.listened_task import ListenedTask
from outpour.web.live_numbers import Listener, TooManyListenersError

WATCHERS_MAX = 16
TURN_S = 2.0
PARTS_S = 10.0
"""Between two looks at what is longer than a number."""

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What watchers are shown.

    Attributes:
        figures: Texts by name.
        parts: Parts of the page by name, as HTML.
    """

    figures: Texts
    parts: Texts


class Watchers:
    """Sends what has changed to all who watch.

    Args:
        look: Looks at the figures, and where it is told so at the parts.
    """

    def __init__(self, look: Callable[[bool], Awaitable[Seen]]) -> None:
        self._look = look
        self._watching: dict[Listener, Callable[[], bool]] = {}
        self._looking = ListenedTask(self._run)
        self._last = Seen({}, {})

    def __len__(self) -> int:
        return len(self._watching)

    def join(self, may_watch: Callable[[], bool]) -> Listener:
        """Begin to watch.

        Args:
            may_watch: Asked each time whether the watcher still may.

        Raises:
            TooManyListenersError: As many as may be watch already.
        """
        if self._looking.is_closed or len(self._watching) >= WATCHERS_MAX:
            raise TooManyListenersError
        listener = Listener(frozenset())
        self._watching[listener] = may_watch
        # Whoever comes later is told everything once.
        self._last = Seen({}, {})
        self._looking.begin()
        return listener

    def leave(self, listener: Listener) -> None:
        """Watch no longer."""
        self._watching.pop(listener, None)

    async def close(self) -> None:
        """End all streams and stop looking."""
        self._looking.is_closed = True
        for listener in self._watching:
            listener.close()
        self._watching.clear()
        await self._looking.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        parts_due = 0.0
        while self._watching:
            began = loop.time()
            is_due = began >= parts_due or not self._last.figures
            await self._turn(has_parts=is_due)
            if is_due:
                parts_due = began + PARTS_S
            cost_s = loop.time() - began
            await asyncio.sleep(max(TURN_S, COST_FACTOR * cost_s))

    async def _turn(self, *, has_parts: bool) -> None:
        for listener, may_watch in tuple(self._watching.items()):
            if not may_watch():
                listener.close()
                self.leave(listener)
        seen, before = await self._look(has_parts), self._last
        self._last = Seen(seen.figures, {**before.parts, **seen.parts})
        message = _message(
            _changed(seen.figures, before.figures), _changed(seen.parts, before.parts)
        )
        for listener in tuple(self._watching):
            if message and not listener.offer(message):
                self.leave(listener)


def _changed(now: Texts, before: Texts) -> Texts:
    return {name: text for name, text in now.items() if before.get(name) != text}


def _message(figures: Texts, parts: Texts) -> bytes:
    if not figures and not parts:
        return b""
    data = json.dumps({"figures": figures, "parts": parts}, separators=(",", ":"))
    return f"event: now\ndata: {data}\n\n".encode()
