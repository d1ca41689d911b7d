"""Keeps pieces that reach into files nobody wants out of the folder of downloads.

libtorrent collects them in `.INFOHASH.parts` beside the content, for as long as it has the torrent.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from outpour.engine import ResumeStore
from outpour.torrent.info import Info


def stow(info: Info, folder: Path, store: ResumeStore | None) -> None:
    """Put the file of a torrent that has ended to its resume data, or away without any."""
    path = _path_of(info, folder)
    if not path.exists():
        return
    # Without it the pieces come again, so nothing that fails here is worth a word.
    with suppress(OSError):
        if store is None:
            path.unlink()
        else:
            shutil.move(path, store.parts_path(info.infohash, folder))


def fetch_back(info: Info, folder: Path, store: ResumeStore | None) -> None:
    """Put the file where the engine looks for it, if an earlier run had one."""
    kept = store.parts_path(info.infohash, folder) if store else None
    if kept is not None and kept.exists() and not _path_of(info, folder).exists():
        with suppress(OSError):
            shutil.move(kept, _path_of(info, folder))


def _path_of(info: Info, folder: Path) -> Path:
    best = info.infohash_v2 or info.infohash_v1
    assert best is not None
    return folder / f".{best[:20].hex()}.parts"
