"""What a tracker alone shows beside its torrents: the README of the folder that they lie in."""

from __future__ import annotations

import os
import stat
from functools import partial
from itertools import product
from pathlib import Path

from anyio import to_thread

from outpour.web.contract import ContentRoot
from outpour.web.visitors.beside import About, NothingBeside, Writing
from outpour.web.visitors.kept_writings import MARKDOWN, KeptWritings, read_writing

# Looked for one by one: the folder may hold a million torrents.
NAMES = tuple(
    f"{stem}{ending}"
    for ending, stem in product((*MARKDOWN, ".txt", ""), ("README", "Readme", "readme"))
)
Signature = tuple[str, int, int, int]


class FolderReadme(NothingBeside):
    """The README of a folder of .torrent files.

    Args:
        folder: It.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writings = KeptWritings()

    async def about_group(self, group: str | None) -> About:
        """The README, above the list of all."""
        if group is not None:
            return About()
        found = await to_thread.run_sync(self._look)
        if found is None:
            return About()
        return About(await self._writings.get(found, partial(self._read, *found)))

    def _look(self) -> Signature | None:
        for name in NAMES:
            try:
                status = os.lstat(self._folder / name)
            except (OSError, ValueError):
                continue
            if stat.S_ISREG(status.st_mode):
                return name, *_state(status)
        return None

    def _read(self, name: str, *state: int) -> Writing | None:
        root = ContentRoot(
            self._folder / name, self._folder, lambda _, status: _state(status) == state
        )
        return read_writing(root, (), name, ())


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino
