"""Turn notifications of the file system into wake-ups; what changed is left to a scan."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

DEBOUNCE_MS = 300
STEP_MS = 100


async def watch(
    folders: Sequence[Path], files: Sequence[Path], wake: asyncio.Event, retry_s: float
) -> None:
    """Set `wake` whenever something changes, until cancelled.

    Never fails: where notification is impossible (too many watches, a folder that is gone) it is
    tried again after `retry_s`, and the caller's periodic scan does the work meanwhile.

    Args:
        folders: Watched with all that is below them.
        files: Watched through their folders, so that replacing one by rename is seen.
        wake: Set from the event loop.
        retry_s: Seconds; also how often a folder that was exchanged for another is noticed.
    """
    parents = sorted({file.parent for file in files})
    await asyncio.gather(
        *(
            _follow(paths, is_recursive, wake, retry_s)
            for paths, is_recursive in ((folders, True), (parents, False))
            if paths
        )
    )


async def _follow(
    paths: Sequence[Path], is_recursive: bool, wake: asyncio.Event, retry_s: float
) -> None:
    # Imported late: a publisher without a folder to watch does not need it.
    from watchfiles import awatch

    while True:
        stop = asyncio.Event()
        before = _identities(paths)
        changes = awatch(
            *paths,
            watch_filter=None,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=stop,
            rust_timeout=int(retry_s * 1000),
            yield_on_timeout=True,
            recursive=is_recursive,
            ignore_permission_denied=True,
        )
        try:
            async with contextlib.aclosing(changes):
                async for changed in changes:
                    # The watch follows the folder it was given, wherever that is moved to.
                    is_exchanged = _identities(paths) != before
                    if changed or is_exchanged:
                        wake.set()
                    if is_exchanged:
                        break
        except (OSError, RuntimeError):
            await asyncio.sleep(retry_s)
        finally:
            stop.set()


def _identities(paths: Sequence[Path]) -> list[tuple[int, int] | None]:
    found: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            status = path.stat()
            found.append((status.st_dev, status.st_ino))
        except OSError:
            found.append(None)
    return found
