"""Finds the files of a torrent on disk: where each is, and how much of it is there."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from outpour.base.errors import ReadError, reason
from outpour.base.text import printable
from outpour.torrent.disk_names import (
    DiskPath,
    disk_names,
    other_disk_names,
    root_names,
    target_names,
)
from outpour.torrent.info import File, Info

UNFINISHED_ENDINGS = (".part", ".!qB", ".!ut", ".bc!")
"""What clients put behind the names of files that they have not finished: Transmission,
qBittorrent, uTorrent, BitComet."""
FILES_TRIED = 100
"""How many files are looked for to tell whether a folder is the content or holds it."""


class Place:
    """Where one file of the torrent is on disk, and what is there.

    Attributes:
        file: As the torrent describes it.
        location: Its path; of padding none.
        found: Bytes of the file, None when there is none.
        reason: Why it cannot be read, or what is wrong with a link.
        is_unfinished: Whether it is there under the name of one that a client still downloads.
    """

    __slots__ = ("file", "found", "is_unfinished", "location", "reason")

    def __init__(self, file: File, location: str, target: str, quick: bool) -> None:
        self.file = file
        self.location = location
        self.found: int | None = None
        self.reason: str | None = None
        self.is_unfinished = False
        if file.is_padding:
            return
        if file.symlink is not None:
            self._look_at_link(target)
        else:
            self._look(quick)

    def look_for_unfinished(self, quick: bool) -> None:
        """Look for the file under the names that clients give to what they still download."""
        finished = self.location
        for ending in () if self.is_link else UNFINISHED_ENDINGS:
            self.location = f"{finished}{ending}"
            self._look(quick)
            if not self.is_missing:
                self.is_unfinished = True
                return
        self.location = finished

    def _look(self, quick: bool) -> None:
        try:
            status = os.stat(self.location)  # noqa: PTH116 - a million paths would take seconds
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self.reason = reason(error)
            return
        if stat.S_ISREG(status.st_mode):
            self.found = status.st_size
            if not quick and self.found and not os.access(self.location, os.R_OK):
                self.reason = reason(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def _look_at_link(self, target: str) -> None:
        try:
            text = os.readlink(self.location)  # noqa: PTH115 - its text, not a path
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError:
            self.found = 0
            self.reason = f"not a link to `{printable('/'.join(self.file.symlink or ()))}`"
            return
        self.found = 0
        leads_to = os.path.join(os.path.dirname(self.location), text)  # noqa: PTH118, PTH120
        if os.path.normpath(leads_to) != os.path.normpath(target) and os.path.realpath(
            leads_to
        ) != os.path.realpath(target):
            self.reason = f"a link to `{printable(text)}`"

    @property
    def is_missing(self) -> bool:
        """Whether nothing is there."""
        return self.found is None and self.reason is None

    @property
    def is_link(self) -> bool:
        """Whether a symbolic link has to be there."""
        return self.file.symlink is not None

    @property
    def is_whole(self) -> bool:
        """Whether all of its bytes can be hashed."""
        return self.present == self.file.length

    @property
    def present(self) -> int:
        """How many bytes from the beginning can be hashed."""
        length = self.file.length
        if self.file.is_padding:
            return length
        if self.found is None or self.found > length or self.reason is not None:
            return 0
        return self.found

    @property
    def is_absent(self) -> bool:
        """Whether bytes that cannot be hashed are not there, rather than out of reach."""
        return self.reason is None and (self.found is None or self.found < self.file.length)


def places_of(info: Info, root: Path, quick: bool) -> list[Place]:
    """Look for every file of a torrent, under each of the names that clients give it.

    Args:
        info: The torrent.
        root: Its root file or folder.
        quick: Do not ask whether files can be read.

    Returns:
        One place a file, padding included.

    Raises:
        MetainfoError: A name climbs out of the folder.
    """
    stored = [file for file in info.files if not file.is_padding]
    base = str(root if info.is_folder else root.parent)
    targets = [
        f"{base}/{'/'.join(target_names(info, file.symlink))}" if file.symlink else ""
        for file in stored
    ]

    def look(index: int, path: DiskPath) -> Place:
        below = f"{root}/{'/'.join(path[1:])}" if info.is_folder else str(root)
        return Place(stored[index], below, targets[index], quick)

    found = [look(index, path) for index, path in enumerate(disk_names(info))]
    missing = [index for index, place in enumerate(found) if place.is_missing]
    # What a file would be called elsewhere matters only where it is not, in a folder that is there.
    for way in other_disk_names(info) if missing and info.is_folder and root.is_dir() else ():
        for index in missing:
            if found[index].is_missing:
                other = look(index, way[index])
                found[index] = found[index] if other.is_missing else other
    for place in found:
        if place.is_missing:
            place.look_for_unfinished(quick)
    places = iter(found)
    return [Place(file, "", "", quick) if file.is_padding else next(places) for file in info.files]


def find_root(info: Info, path: Path) -> Path:
    """Say whether a path is the root of a torrent, or the folder that holds it.

    Returns:
        The root file or folder; it need not be there.

    Raises:
        ReadError: The path does not exist, or is a file where a folder has to be.
        MetainfoError: A name climbs out of the folder.
    """
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise ReadError(f"`{printable(str(path))}`: {reason(error)}") from error
    insides = [path / name for name in root_names(info)]
    inside = next((place for place in insides if place.exists()), insides[0])
    if not info.is_folder:
        return inside if is_folder else path
    if not is_folder:
        raise ReadError(
            f"`{printable(str(path))}`: a file, and the torrent is a folder",
            hint=f"name the folder `{printable(inside.name)}` or the one that holds it",
        )
    names = [name[1:] for name in disk_names(info)[:FILES_TRIED]]
    directly = sum(path.joinpath(*name).exists() for name in names)
    below = sum(inside.joinpath(*name).exists() for name in names)
    return inside if below > directly or (below == directly and inside.is_dir()) else path


def extra_files(places: Sequence[Place], root: Path) -> Iterator[tuple[str, ...]]:
    """List what is in the folder of a torrent and not part of it, as components below it."""
    # Padding that clients without it in mind have stored is nothing extra.
    known = {place.location for place in places} | {
        f"{root}/{'/'.join(place.file.path)}" for place in places if place.file.is_padding
    }
    pending: list[tuple[str, tuple[str, ...]]] = [(str(root), ())]
    while pending:
        folder, path = pending.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
        except OSError:
            # What cannot be listed cannot be extra; files of the torrent in it are missing already.
            continue
        for entry in entries:
            below = (*path, entry.name)
            if entry.is_dir(follow_symlinks=False):
                pending.append((entry.path, below))
            elif entry.path not in known:
                yield below
