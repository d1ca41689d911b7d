"""Turns a file or folder into the ordered list of what a torrent of it holds.

Only names and sizes are read here. What could be published by accident (hidden files, links that
leave the folder) or never be stored by a downloader (odd names) is left out or refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from outpour._core import list_folder
from outpour.base.errors import OutpourError, ReadError, reason
from outpour.base.text import is_utf8, printable
from outpour.making import symlinks
from outpour.making.globs import PathTest, matcher
from outpour.making.symlinks import Symlinks
from outpour.torrent.paths import PATH_BYTES_MAX, PATH_COMPONENTS_MAX, component_fault

ENTRIES_MAX = 5_000_000
"""Files and folders. No reader takes a .torrent of so many, and a few links that lead to folders
with links can stand for more than there are atoms."""

JUNK = frozenset(
    {".ds_store", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini"}
    | {"$recycle.bin", "system volume information", "lost+found", "__macosx"}
)
"""What systems leave in folders without being asked, in lower case."""


Row: TypeAlias = tuple[str, int, int, int, int, int]
"""What `list_folder` says of an entry."""


class Entry(NamedTuple):
    """A file to be published.

    Attributes:
        path: Components below the root folder; a single file has its name.
        folder: The folder on disk that it is in.
        length: Bytes.
        mtime_ns: Time of its last change, nanoseconds since 1970.
        device, inode: Numbers that change when a file is replaced by another.
        is_executable: Whether its owner may run it.
        target: Of a link that is kept as one, where it leads: components below the root folder.
    """

    path: tuple[str, ...]
    folder: str
    length: int
    mtime_ns: int
    device: int
    inode: int
    is_executable: bool = False
    target: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """Where it is on disk; put together when asked for, as a tree may hold a million."""
        return _join(self.folder, self.path[-1])

    @property
    def absolute(self) -> Path:
        """`location` as a path."""
        return Path(self.location)


@dataclass(frozen=True, slots=True)
class Tree:
    """What a torrent will hold.

    Attributes:
        root: The folder, or the only file.
        is_folder: Which of both.
        entries: Files and kept links, in byte order of their path components.
        skipped: Paths below the root left out as hidden, junk, link or excluded; of a folder only
            itself.
    """

    root: Path
    is_folder: bool
    entries: tuple[Entry, ...] = field(repr=False)
    skipped: tuple[tuple[str, ...], ...] = field(default=(), repr=False)

    @property
    def length(self) -> int:
        """Bytes of all files."""
        return sum(entry.length for entry in self.entries)


def walk(
    root: str | os.PathLike[str],
    *,
    hidden: bool = False,
    junk: bool = False,
    symlinks: Symlinks = "inside",
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    any_bytes: bool = False,
) -> Tree:
    """List the files of a folder, or a single file, in the order of a torrent.

    Args:
        root: The folder or file; may itself be a link.
        hidden: Take names that begin with a dot.
        junk: Take what systems leave behind, such as `Thumbs.db`.
        symlinks: `inside` publishes what links lead to as if it were there, as long as that is
            inside `root`, and refuses other links; `follow` publishes what any link leads to;
            `keep` keeps links as links (BEP 47), which have to lead to something that is published;
            `refuse` ends at the first link; `skip` leaves them out.
        include: When given, take only files that match one of these patterns; see `globs.matcher`.
        exclude: Leave out files and folders that match one of these.
        any_bytes: Take names that are not UTF-8 with the bytes they have.

    Raises:
        ReadError: Something cannot be read, is neither file nor folder, leads out of `root` or has
            a name that cannot be part of a torrent; or nothing is left.
    """
    # Not `resolve`, which would replace the name of a link by that of its target.
    top = os.path.abspath(root)  # noqa: PTH100
    status = _stat(top)
    if stat.S_ISREG(status.st_mode):
        name = Path(top).name
        _check_name(name, top, any_bytes)
        folder = str(Path(top).parent)
        facts = (status.st_size, status.st_mtime_ns, *_identity(status))
        only = Entry((name,), folder, *facts, bool(status.st_mode & stat.S_IXUSR))
        return Tree(Path(top), False, (only,))
    if not stat.S_ISDIR(status.st_mode):
        raise ReadError(f"`{_shown(top)}`: neither a file nor a folder")
    walker = _Walker(top, hidden, junk, symlinks, matcher(include), matcher(exclude), any_bytes)
    walker.run()
    if not walker.entries:
        raise _nothing_left(top, walker.skipped)
    return Tree(Path(top), True, tuple(walker.entries), tuple(walker.skipped))


def fingerprint(tree: Tree) -> bytes:
    """Identify content without reading it: 32 bytes over paths, sizes, change times and inodes.

    Two equal fingerprints mean that nothing has changed, unless somebody wrote to a file and set
    its time back.
    """
    digest = hashlib.blake2b(digest_size=32)
    for entry in tree.entries:
        path = "/".join(entry.path).encode("utf-8", "surrogateescape")
        facts = f"\0{entry.length} {entry.mtime_ns} {entry.device} {entry.inode}\0"
        digest.update(path + facts.encode())
        if entry.target:
            digest.update("/".join(entry.target).encode("utf-8", "surrogateescape") + b"\0")
    return digest.digest()


def is_left_out(path: tuple[str, ...], hidden: bool, junk: bool, excluded: PathTest | None) -> bool:
    """Whether the last name of a path is hidden, junk or excluded, and not wanted; as in `walk`."""
    name = path[-1]
    if not junk and name.lower() in JUNK:
        return True
    if not hidden and name.startswith("."):
        return True
    return excluded is not None and excluded(path)


class _Walker:
    def __init__(
        self,
        top: str,
        hidden: bool,
        junk: bool,
        symlinks: Symlinks,
        included: PathTest | None,
        excluded: PathTest | None,
        any_bytes: bool,
    ) -> None:
        self.entries: list[Entry] = []
        self.skipped: list[tuple[str, ...]] = []
        self._top = top
        self._real_top = os.path.realpath(top)
        self._hidden = hidden
        self._junk = junk
        self._symlinks = symlinks
        self._included = included
        self._excluded = excluded
        self._any_bytes = any_bytes
        self._seen = 0

    def run(self) -> None:
        # A loop with its own stack: what is deep on disk must not exhaust Python's.
        pending = [(self._top, self._list(self._top, ()))]
        parents: list[tuple[int, int]] = [_identity(_stat(self._top))]
        while pending:
            folder, listing = pending[-1]
            found = next(listing, None)
            if found is None:
                pending.pop()
                parents.pop()
                continue
            path, row = found
            if not stat.S_ISREG(row[1]):
                resolved = self._resolve(folder, path, row)
                if resolved is None:
                    continue
                row = resolved
            _, mode, device, inode, length, mtime_ns = row
            if stat.S_ISDIR(mode):
                location = _join(folder, path[-1])
                if (device, inode) in parents:
                    raise symlinks.leads_back(location)
                pending.append((location, self._list(location, path)))
                parents.append((device, inode))
            elif self._is_taken(path):
                # One object for all files of a device.
                device = parents[-1][0] if device == parents[-1][0] else device
                is_executable = bool(mode & stat.S_IXUSR)
                self._take(Entry(path, folder, length, mtime_ns, device, inode, is_executable))
        if self._symlinks == "keep":
            self._check_targets()

    def _resolve(self, folder: str, path: tuple[str, ...], row: Row) -> Row | None:
        """Turn what is no plain file into the file or folder it stands for, None if into none.

        Raises:
            ReadError: It may not be followed, or is neither a file nor a folder.
        """
        # Windows lists folders without their numbers.
        if stat.S_ISDIR(row[1]) and row[3]:
            return row
        location = _join(folder, path[-1])
        if stat.S_ISLNK(row[1]):
            if self._symlinks == "skip":
                self.skipped.append(path)
                return None
            if self._symlinks == "keep":
                self._keep_link(location, folder, path, row)
                return None
            symlinks.check_link(location, self._real_top, self._symlinks)
        status = _stat(location)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise ReadError(
                f"`{_shown(location)}`: neither a file nor a folder",
                hint="remove it, or leave it out with `--exclude`",
            )
        device, inode = _identity(status)
        return row[0], status.st_mode, device, inode, status.st_size, status.st_mtime_ns

    def _keep_link(self, location: str, folder: str, path: tuple[str, ...], row: Row) -> None:
        if self._is_taken(path):
            _, _, device, inode, _, mtime_ns = row
            target = symlinks.target_of(location, path, self._real_top)
            # Links have all rights on Linux, and libtorrent writes so: one folder, one infohash.
            self._take(Entry(path, folder, 0, mtime_ns, device, inode, True, target))

    def _list(self, folder: str, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Row]]:
        try:
            rows = list_folder(folder)
        except OSError as error:
            raise ReadError(f"`{_shown(folder)}`: {reason(error)}") from error
        kept = []
        hidden, junk, excluded = self._hidden, self._junk, self._excluded
        for row in rows:
            name = row[0]
            below = (*path, name)
            if is_left_out(below, hidden, junk, excluded):
                self.skipped.append(below)
                continue
            if not name.isascii() or component_fault(name) is not None:
                _check_name(name, _join(folder, name), self._any_bytes)
            kept.append((below, row))
        self._seen += len(kept)
        if self._seen > ENTRIES_MAX:
            raise ReadError(
                f"`{_shown(self._top)}`: holds more than {ENTRIES_MAX} files",
                hint="make several torrents of it, as `--each` does",
            )
        if kept and len(path) >= PATH_COMPONENTS_MAX:
            raise ReadError(f"`{_shown(folder)}`: deeper than {PATH_COMPONENTS_MAX} folders")
        return iter(kept)

    def _is_taken(self, path: tuple[str, ...]) -> bool:
        if self._included is None or self._included(path):
            return True
        self.skipped.append(path)
        return False

    def _take(self, entry: Entry) -> None:
        # On disk the path is longer than in the torrent, and of text, at most four bytes a sign:
        # its exact length is rarely worth counting.
        if len(entry.folder) + len(entry.path[-1]) > PATH_BYTES_MAX // 4:
            length = len("/".join(entry.path).encode("utf-8", "surrogateescape")) + 1
            if length > PATH_BYTES_MAX:
                raise ReadError(
                    f"`{_shown(entry.location)}`: path is longer than {PATH_BYTES_MAX} bytes"
                )
        self.entries.append(entry)

    def _check_targets(self) -> None:
        links_kept = [entry for entry in self.entries if entry.target]
        if not links_kept:
            return
        published = {
            entry.path[:depth] for entry in self.entries for depth in range(1, len(entry.path) + 1)
        }
        for entry in links_kept:
            if entry.target not in published:
                raise ReadError(
                    f"`{_shown(entry.location)}`: a link to `{_shown('/'.join(entry.target))}`, "
                    "which is left out or empty",
                    hint="leave the link out too with `--exclude`, or take what it leads to",
                )


def _join(folder: str, name: str) -> str:
    return f"{folder if folder != '/' else ''}/{name}"


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _stat(path: str) -> os.stat_result:
    try:
        return Path(path).stat()
    except OSError as error:
        raise ReadError(f"`{_shown(path)}`: {reason(error)}") from error


def _shown(path: str) -> str:
    return printable(path)


def _check_name(name: str, location: str, any_bytes: bool) -> None:
    fault = component_fault(name)
    hint = "rename it: downloaders could not store it under this name"
    if fault is None and not name.isascii() and not any_bytes and not is_utf8(name):
        fault = "is not UTF-8"
        hint = "rename it, or take it as it is with `--allow names-not-utf8` (v1 only)"
    if fault is not None:
        raise ReadError(f"`{_shown(location)}`: a name that {fault}", hint=hint)


def _nothing_left(top: str, skipped: Sequence[tuple[str, ...]]) -> OutpourError:
    if not skipped:
        return ReadError(f"`{_shown(top)}`: holds no files")
    first = _shown("/".join(skipped[0]))
    return ReadError(
        f"`{_shown(top)}`: holds no files to publish, {len(skipped)} left out, such as `{first}`",
        hint="take names that begin with a dot with `--hidden`, and look at the patterns given",
    )
