"""Refuses a torrent that its disk has no room for, before anything is written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from outpour.base.errors import NoRoomError
from outpour.base.units import format_size
from outpour.torrent.info import Info


def refuse_too_large(
    info: Info, folder: Path, wanted: Sequence[int] | None, paths: Sequence[bytes]
) -> None:
    """Compare what is still to be written with what is free.

    Args:
        info: The torrent.
        folder: Holds its root.
        wanted: Indices, without padding, of the files to be written; None for all.
        paths: Where each file lies below it, padding left out.

    Raises:
        NoRoomError: There is less room.
    """
    lengths = [file.length for file in info.files if not file.is_padding]
    missing = 0
    for index in range(len(lengths)) if wanted is None else wanted:
        missing += max(0, lengths[index] - _allocated(folder, paths[index]))
    try:
        free = shutil.disk_usage(_existing(folder)).free
    except OSError:
        return
    if missing > free:
        raise NoRoomError(
            f"`{folder}`: `{info.name}` needs {format_size(missing)}, and {format_size(free)} "
            "are free",
            hint="make room, or choose another folder with `-o DIR`",
        )


def _allocated(folder: Path, path: bytes) -> int:
    try:
        stat = os.stat(os.path.join(os.fsencode(folder), path))  # noqa: PTH116, PTH118 - bytes
    except OSError:
        return 0
    return min(stat.st_size, stat.st_blocks * 512)


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
