"""Files of content that are held open for a moment, as who asks for a range asks for the next."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread

from outpour.web.contract import ContentRoot
from outpour.web.limits import FILES_HELD, HELD_S, SLOW_LOOK_S, SLOW_REST_S

OpenFile = Callable[[ContentRoot, tuple[str, ...]], BinaryIO | None]
_UNNAMED = {"", ".", ".."}


@dataclass(slots=True)
class _Held:
    """A file with the way that it was found by.

    Attributes:
        file: Open; its readers have descriptors of their own.
        fence: As in `ContentRoot`.
        way: What leads to it below the fence, from the outside in: the file is the last.
        identity: Device and inode.
        used_s: When it was last asked for, in monotonic seconds.
    """

    file: BinaryIO
    fence: Path | None
    way: tuple[str, ...]
    identity: tuple[int, int]
    used_s: float

    def is_there(self) -> bool:
        """Whether its path leads to it still, and by no link below the fence."""
        try:
            if self.fence is None:
                status = Path(self.way[-1]).stat()
            else:
                for folder in self.way[:-1]:
                    if not stat.S_ISDIR(os.lstat(folder).st_mode):
                        return False
                status = os.lstat(self.way[-1])
        except (OSError, ValueError):
            return False
        return (status.st_dev, status.st_ino) == self.identity


class HeldFiles:
    """Opens files: beside the event loop, or at once where one is held.

    Each time it is looked anew whether the path leads to the file that is held; where it does not,
    or leads there by links, it is opened as if nothing were held. To hold it has the system know
    the way, so that looking waits for no disk; where it waits all the same, as for a network,
    nothing is held for a while. To be used on one event loop.

    Args:
        open_file: Opens one, None if there is none that may be opened.
        clock: Monotonic seconds.
    """

    def __init__(self, open_file: OpenFile, clock: Callable[[], float] = time.monotonic) -> None:
        self._open = open_file
        self._clock = clock
        # The one that was not asked for the longest comes first.
        self._held: OrderedDict[tuple[Path, tuple[str, ...]], _Held] = OrderedDict()
        self._rests_until_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._held)

    async def open(self, root: ContentRoot, inner: tuple[str, ...]) -> BinaryIO | None:
        """Open a file of some content; who takes it closes it. None if it is not there."""
        key = root.path, inner
        held = self._held.get(key)
        if held is None:
            return await self._opened(key, root)
        began_s = self._clock()
        is_there = held.fence == root.fence and held.is_there()
        held.used_s = self._clock()
        if held.used_s - began_s > SLOW_LOOK_S:
            self._rests_until_s = held.used_s + SLOW_REST_S
            self.close()
        elif is_there:
            self._held.move_to_end(key)
            if (file := _second(held.file)) is not None:
                return file
        else:
            self._drop(key)
        return await self._opened(key, root)

    def close(self) -> None:
        """Hold nothing any longer."""
        for key in tuple(self._held):
            self._drop(key)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _opened(
        self, key: tuple[Path, tuple[str, ...]], root: ContentRoot
    ) -> BinaryIO | None:
        inner = key[1]
        file = await to_thread.run_sync(self._open, root, inner)
        now_s = self._clock()
        if file is None or key in self._held or now_s < self._rests_until_s:
            return file
        way, own = _way(root, inner), _second(file)
        if own is None:
            return file
        status = os.fstat(own.fileno())
        held = _Held(own, root.fence, way, (status.st_dev, status.st_ino), now_s)
        if not way or not held.is_there():
            own.close()
            return file
        self._held[key] = held
        if len(self._held) > FILES_HELD:
            self._drop(next(iter(self._held)))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HELD_S, self._look_through)
        return file

    def _look_through(self) -> None:
        self._timer = None
        now_s = self._clock()
        for key, held in tuple(self._held.items()):
            if now_s - held.used_s < HELD_S:
                break
            self._drop(key)
        if self._held:
            self._timer = asyncio.get_running_loop().call_later(HELD_S / 2, self._look_through)

    def _drop(self, key: tuple[Path, tuple[str, ...]]) -> None:
        self._held.pop(key).file.close()


def _second(file: BinaryIO) -> BinaryIO | None:
    """The same open file once more, to be closed by itself, None where there is no descriptor left.

    They share one place in it, which nobody here uses.
    """
    try:
        return os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
    except OSError:
        return None


def _way(root: ContentRoot, inner: tuple[str, ...]) -> tuple[str, ...]:
    """The paths that lead to a file, as they are written; none where that tells too little."""
    path = os.fspath(root.path)
    if root.fence is None:
        return ("/".join((path, *inner)),)
    fence = os.fspath(root.fence)
    before = "" if fence == os.curdir else fence.rstrip("/") + "/"
    if path == fence:
        parts = inner
    elif path.startswith(before):
        parts = (*path[len(before) :].split("/"), *inner)
    else:
        return ()
    if not _UNNAMED.isdisjoint(parts):
        return ()
    return tuple(before + "/".join(parts[: depth + 1]) for depth in range(len(parts)))
