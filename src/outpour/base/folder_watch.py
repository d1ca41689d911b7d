"""Turn notifications of the file system into wake-ups; what changed is left to a scan."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from outpour.base.errors import reason

DEBOUNCE_MS = 300
STEP_MS = 100
LOOK_S = 2.0
"""How often a folder that was exchanged for another, or came back, is noticed."""
PAUSE_S = 0.5
"""Before the first attempt to watch again; each further one waits twice as long."""
TELL_AGAIN_S = 600.0
"""A file whose name cannot be notified may be written to all day; that is told so often."""

_UNDECODABLE = re.compile(r"Unable to decode path (.*) to string", re.DOTALL)

Note = Callable[[frozenset[Path] | None], None]
"""Takes the paths that changed, None when it may be anything."""
Tell = Callable[[Sequence[Path], str | None], None]
"""Takes folders and why their changes are no longer notified; None once they are again."""


async def watch(
    folders: Sequence[Path],
    files: Sequence[Path],
    note: Note,
    retry_s: float,
    tell: Tell = lambda *_: None,
    debounce_ms: int = DEBOUNCE_MS,
) -> None:
    """Call `note` whenever something changes, until cancelled.

    Never fails: where notification is impossible (too many watches, a name that is not UTF-8, a
    folder that is gone) `note` is called again and again instead, so that the caller scans, and
    notification comes back as soon as it can be had.

    Args:
        folders: Watched with all that is below them.
        files: Watched through their folders, so that replacing one by rename is seen.
        note: Called from the event loop with what changed.
        retry_s: Seconds between scans, at the most, while nothing is notified.
        tell: Told from the event loop when notification ends and when it is back.
        debounce_ms: How long a burst of changes is gathered into one wake-up.
    """
    parents = sorted({file.parent for file in files})
    await asyncio.gather(
        *(
            _Follower(paths, is_recursive, note, retry_s, tell, debounce_ms).run()
            for paths, is_recursive in ((folders, True), (parents, False))
            if paths
        )
    )


class _Follower:
    """Follows some folders, in a thread that blocks for it."""

    def __init__(
        self,
        paths: Sequence[Path],
        is_recursive: bool,
        note: Note,
        retry_s: float,
        tell: Tell,
        debounce_ms: int,
    ) -> None:
        self._paths = paths
        self._is_recursive = is_recursive
        self._note = note
        self._retry_s = retry_s
        self._tell = tell
        self._debounce_ms = debounce_ms
        self._loop = asyncio.get_running_loop()
        self._pause_s = PAUSE_S
        self._told_why = ""
        self._told_s = 0.0
        self._is_out = False

    async def run(self) -> None:
        thread = ThreadPoolExecutor(1, thread_name_prefix="outpour-watch")
        stop = threading.Event()
        try:
            while True:
                why = await self._loop.run_in_executor(thread, self._follow, stop)
                self._note(None)
                if why is not None:
                    self._fail(why)
                    await asyncio.sleep(self._pause_s)
                    self._pause_s = min(2 * self._pause_s, max(self._retry_s, PAUSE_S))
                    # What happened between two watches is notified by neither.
                    self._note(None)
        finally:
            stop.set()
            thread.shutdown(wait=False)

    def _follow(self, stop: threading.Event) -> str | None:
        """Follow until another folder is in the place of one, or until it fails; say why."""
        before = _identities(self._paths)
        present = [path for path in self._paths if before.get(path)]
        try:
            if present:
                self._notice(present, before, stop)
            else:
                stop.wait(LOOK_S)
        except OSError as error:
            return reason(error)
        except BaseException as error:  # A panic of the watcher's core is no `Exception`.
            return _why(error)
        return None

    def _notice(
        self, paths: Sequence[Path], before: dict[Path, tuple[int, int]], stop: threading.Event
    ) -> None:
        # Imported late: a publisher without a folder to watch does not need it.
        import watchfiles

        is_first = True
        for changed in watchfiles.watch(
            *paths,
            watch_filter=None,
            debounce=self._debounce_ms,
            step=STEP_MS,
            stop_event=stop,
            rust_timeout=int(LOOK_S * 1000),
            yield_on_timeout=True,
            recursive=self._is_recursive,
            ignore_permission_denied=True,
        ):
            if is_first:
                self._loop.call_soon_threadsafe(self._recover)
            # What changed before the watch stood was not notified.
            if changed or is_first:
                paths_changed = frozenset(Path(path) for _, path in changed)
                self._loop.call_soon_threadsafe(self._note, None if is_first else paths_changed)
            is_first = False
            # The watch follows the folder it was given, wherever that is moved to.
            if _identities(self._paths) != before:
                return

    def _fail(self, why: str) -> None:
        now = self._loop.time()
        if why == self._told_why and now < self._told_s + TELL_AGAIN_S:
            return
        self._told_why, self._told_s = why, now
        self._is_out = True
        self._tell(self._paths, why)

    def _recover(self) -> None:
        self._pause_s = PAUSE_S
        if self._is_out:
            self._is_out = False
            self._tell(self._paths, None)


def _why(error: BaseException) -> str:
    match = _UNDECODABLE.fullmatch(str(error))
    return f"the name {match[1]} is not UTF-8" if match else str(error) or type(error).__name__


def _identities(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    found = {}
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_dev, status.st_ino)
    return found
