"""Files of published content that were opened a moment ago: to open one again waits for no disk."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread

from outpour.web.contract import ContentRoot
from outpour.web.limits import LATELY_S, OPENED_KEPT, SLOW_OPEN_S, SLOW_REST_S

OpenFile = Callable[[ContentRoot, tuple[str, ...]], BinaryIO | None]


class LatelyOpened:
    """Opens files: beside the event loop, or at once where that was done a moment ago.

    Nothing but the time is kept, so each opening finds what is there now. One that takes long all
    the same, as where a network lies between, has all others done beside the event loop for a
    while.

    Args:
        open_file: Opens one, None if there is none.
        clock: Monotonic seconds.
    """

    def __init__(self, open_file: OpenFile, clock: Callable[[], float] = time.monotonic) -> None:
        self._open = open_file
        self._clock = clock
        self._at_s: OrderedDict[tuple[Path, tuple[str, ...]], float] = OrderedDict()
        self._rests_until_s = float("-inf")

    async def open(self, root: ContentRoot, inner: tuple[str, ...]) -> BinaryIO | None:
        """Open a file of some content; None if it is not there, or a link leads out."""
        key = root.path, inner
        began_s = self._clock()
        is_late = began_s - self._at_s.pop(key, float("-inf")) < LATELY_S
        if is_late and began_s >= self._rests_until_s:
            opened = self._open(root, inner)
            ended_s = self._clock()
            if ended_s - began_s > SLOW_OPEN_S:
                self._rests_until_s = ended_s + SLOW_REST_S
        else:
            opened = await to_thread.run_sync(self._open, root, inner)
            ended_s = self._clock()
        if opened is not None:
            self._at_s[key] = ended_s
            if len(self._at_s) > OPENED_KEPT:
                self._at_s.popitem(last=False)
        return opened
