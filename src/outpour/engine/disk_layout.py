"""Where the files of a torrent lie below the folder it is saved in."""

from __future__ import annotations

import os
from pathlib import Path

from outpour.base.errors import WriteError, reason
from outpour.torrent.disk_names import disk_names, root_names
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
    return any(root.joinpath(*path[1:]).exists() for path in disk_names(info)[:FILES_TRIED])


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
