"""Where the files of a torrent lie below the folder it is saved in."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from outpour.base.errors import WriteError, reason
from outpour.base.text import from_bytes
from outpour.torrent.disk_names import DiskPath, disk_names, other_disk_names, root_names
from outpour.torrent.info import Info

FILES_TRIED = 100
"""How many files are looked for to tell whether a folder is the content or holds it."""


def disk_paths(info: Info, root_name: str | None = None) -> list[bytes]:
    """Return the path of each file that is more than padding, relative to the save path.

    Args:
        info: The torrent.
        root_name: What the root file or folder is called on disk, if not as in the torrent.

    Raises:
        MetainfoError: A name climbs out of the folder.
    """
    return [as_read("/".join(path)) for path in disk_names(info, root_name)]


def paths_found(
    info: Info, folder: Path, root_name: str | None = None, *, whole: bool = False
) -> list[bytes]:
    """Return the path of each file as `disk_paths` does, or as another client has put them.

    Args:
        info: The torrent.
        folder: The save path.
        root_name: What the root file or folder is called on disk, if not as in the torrent.
        whole: Count files of the right size only, as others may be somebody else's.

    Raises:
        MetainfoError: A name climbs out of the folder.
    """
    usual, *others = (disk_names(info, root_name), *other_disk_names(info, root_name))
    lengths = [file.length for file in info.files if not file.is_padding][:FILES_TRIED]

    def found(way: Sequence[DiskPath]) -> int:
        places = zip(way, lengths, strict=False)
        return sum(_is_there(folder, path, length if whole else None) for path, length in places)

    # Ordinary names are spelt in one way.
    best = max((usual, *others), key=found) if others else usual
    return [as_read("/".join(path)) for path in best]


def root_of(paths: Sequence[bytes]) -> str:
    """Say what the root file or folder of these is called; empty where there are none."""
    return from_bytes(paths[0].partition(b"/")[0]) if paths else ""


def _is_there(folder: Path, path: DiskPath, length: int | None) -> bool:
    try:
        status = os.stat(os.path.join(os.fsencode(folder), as_read("/".join(path))))  # noqa: PTH116, PTH118 - bytes
    except OSError:
        return False
    return length is None or status.st_size == length


def as_read(text: str) -> bytes:
    """Write a text of a torrent as the bytes that it was read from, whatever the locale."""
    return text.encode("utf-8", "surrogateescape")


def locate(info: Info, content: Path) -> tuple[Path, str | None]:
    """Find out where content lies: in the named folder, or under the very name.

    Args:
        info: The torrent.
        content: The folder that holds the root file or folder, or that root itself.

    Returns:
        The save path, and the root's name on disk if it is not as in the torrent.

    Raises:
        MetainfoError: A name climbs out of the folder.
    """
    names = root_names(info)
    for name in names:
        if (content / name).exists():
            return content, None if name == names[0] else name
    is_root = content.is_dir() if info.is_folder else content.is_file()
    if is_root and (not info.is_folder or _holds_some(info, content)):
        resolved = content.absolute()
        return resolved.parent, resolved.name
    return content, None


def _holds_some(info: Info, root: Path) -> bool:
    return any(
        _is_there(root, path[1:] or path, None)
        for way in (disk_names(info), *other_disk_names(info))
        for path in way[:FILES_TRIED]
    )


def make_writable(folder: Path) -> None:
    """Make a folder to download into, if it is not there.

    Raises:
        WriteError: It cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"`{folder}`: {reason(error)}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WriteError(f"`{folder}`: not writable")
