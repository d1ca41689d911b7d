"""Turns a file or folder into the ordered list of what a torrent of it holds.

Only names and sizes are read here. What could be published by accident (hidden files, links that
leave the folder) or never be stored by a downloader (odd names) is left out or refused.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from outpour.errors import OutpourError, ReadError, reason
from outpour.paths import PATH_BYTES_MAX, PATH_COMPONENTS_MAX, component_fault
from outpour.text import printable

JUNK = frozenset(
    {".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"}
    | {"$recycle.bin", "system volume information", "lost+found", "__macosx"}
)
"""What systems leave in folders without being asked, in lower case."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file to be published.

    Attributes:
        path: Components below the root folder; a single file has its name.
        location: Where it is on disk.
        length: Bytes.
        mtime_ns: Time of its last change, nanoseconds since 1970.
        inode: Device and number, which change when a file is replaced by another.
    """

    path: tuple[str, ...]
    location: str
    length: int
    mtime_ns: int
    inode: tuple[int, int]

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
        entries: Files in byte order of their path components.
        skipped: Paths below the root left out as hidden, junk or excluded; of a folder only itself.
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
    follow_symlinks: bool = False,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Tree:
    """List the files of a folder, or a single file, in the order of a torrent.

    Links are followed as long as they stay inside `root`, so what they lead to is listed twice.

    Args:
        root: The folder or file; may itself be a link.
        hidden: Take names that begin with a dot.
        junk: Take what systems leave behind, such as `Thumbs.db`.
        follow_symlinks: Follow links out of `root` as well instead of refusing them.
        include: When given, take only files that match one of these patterns.
        exclude: Leave out files and folders that match one of these. A pattern with a slash is held
            against the path below `root`, any other against each name (`*`, `?`, `[a-z]`).

    Raises:
        ReadError: Something cannot be read, is neither file nor folder, leads out of `root` or has
            a name that cannot be part of a torrent; or nothing is left.
    """
    # Not `resolve`, which would replace the name of a link by that of its target.
    top = os.path.abspath(root)  # noqa: PTH100
    status = _stat(top)
    if stat.S_ISREG(status.st_mode):
        name = Path(top).name
        _check_name(name, top)
        return Tree(Path(top), False, (_entry((name,), top, status),))
    if not stat.S_ISDIR(status.st_mode):
        raise ReadError(f"`{_shown(top)}`: neither a file nor a folder")
    walker = _Walker(top, hidden, junk, follow_symlinks, _matcher(include), _matcher(exclude))
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
        facts = f"\0{entry.length} {entry.mtime_ns} {entry.inode[0]} {entry.inode[1]}\0"
        digest.update(path + facts.encode())
    return digest.digest()


class _Walker:
    def __init__(
        self,
        top: str,
        hidden: bool,
        junk: bool,
        follow_symlinks: bool,
        included: Callable[[tuple[str, ...]], bool] | None,
        excluded: Callable[[tuple[str, ...]], bool] | None,
    ) -> None:
        self.entries: list[Entry] = []
        self.skipped: list[tuple[str, ...]] = []
        self._top = top
        self._real_top = os.path.realpath(top)
        self._hidden = hidden
        self._junk = junk
        self._follow = follow_symlinks
        self._included = included
        self._excluded = excluded

    def run(self) -> None:
        # A loop with its own stack: what is deep on disk must not exhaust Python's.
        pending = [iter(self._list(self._top, ()))]
        parents: list[tuple[int, int]] = [_identity(_stat(self._top))]
        while pending:
            found = next(pending[-1], None)
            if found is None:
                pending.pop()
                parents.pop()
                continue
            path, entry = found
            status = self._status(entry, path)
            if stat.S_ISDIR(status.st_mode):
                if _identity(status) in parents:
                    raise ReadError(
                        f"`{_shown(entry.path)}`: a link that leads back to a folder around it",
                        hint="remove the link, or leave it out with `--exclude`",
                    )
                pending.append(iter(self._list(entry.path, path)))
                parents.append(_identity(status))
            elif not stat.S_ISREG(status.st_mode):
                raise ReadError(
                    f"`{_shown(entry.path)}`: neither a file nor a folder",
                    hint="remove it, or leave it out with `--exclude`",
                )
            elif self._included is None or self._included(path):
                self.entries.append(_entry(path, entry.path, status))
            else:
                self.skipped.append(path)

    def _list(
        self, folder: str, path: tuple[str, ...]
    ) -> list[tuple[tuple[str, ...], os.DirEntry[str]]]:
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            raise ReadError(f"`{_shown(folder)}`: {reason(error)}") from error
        kept = []
        for entry in entries:
            below = (*path, entry.name)
            if self._is_left_out(entry.name, below):
                self.skipped.append(below)
                continue
            _check_name(entry.name, entry.path)
            kept.append((below, entry))
        if kept and len(path) >= PATH_COMPONENTS_MAX:
            raise ReadError(f"`{_shown(folder)}`: deeper than {PATH_COMPONENTS_MAX} folders")
        return kept

    def _is_left_out(self, name: str, path: tuple[str, ...]) -> bool:
        if not self._junk and name.lower() in JUNK:
            return True
        if not self._hidden and name.startswith("."):
            return True
        return self._excluded is not None and self._excluded(path)

    def _status(self, entry: os.DirEntry[str], path: tuple[str, ...]) -> os.stat_result:
        if sum(map(len, path)) > PATH_BYTES_MAX // 4 and len(entry.path) > PATH_BYTES_MAX:
            raise ReadError(f"`{_shown(entry.path)}`: path is longer than {PATH_BYTES_MAX} bytes")
        if entry.is_symlink() and not self._follow:
            real = os.path.realpath(entry.path)
            if os.path.commonpath([real, self._real_top]) != self._real_top:
                raise ReadError(
                    f"`{_shown(entry.path)}`: a link to `{_shown(real)}`, outside of the folder",
                    hint="publish it all the same with `--follow-symlinks`, "
                    "or leave it out with `--exclude`",
                )
        try:
            return entry.stat()
        except OSError as error:
            broken = entry.is_symlink() and isinstance(error, FileNotFoundError)
            what = "a link to nothing" if broken else reason(error)
            raise ReadError(f"`{_shown(entry.path)}`: {what}") from error


def _entry(path: tuple[str, ...], location: str, status: os.stat_result) -> Entry:
    return Entry(path, location, status.st_size, status.st_mtime_ns, _identity(status))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _stat(path: str) -> os.stat_result:
    try:
        return Path(path).stat()
    except OSError as error:
        raise ReadError(f"`{_shown(path)}`: {reason(error)}") from error


def _shown(path: str) -> str:
    return printable(path)


def _check_name(name: str, location: str) -> None:
    fault = component_fault(name)
    if fault is None and not name.isascii() and any("\udc80" <= sign <= "\udcff" for sign in name):
        fault = "is not UTF-8"
    if fault is not None:
        raise ReadError(
            f"`{_shown(location)}`: a name that {fault}",
            hint="rename it: downloaders could not store it under this name",
        )


def _nothing_left(top: str, skipped: Sequence[tuple[str, ...]]) -> OutpourError:
    if not skipped:
        return ReadError(f"`{_shown(top)}`: holds no files")
    first = _shown("/".join(skipped[0]))
    return ReadError(
        f"`{_shown(top)}`: holds no files to publish, {len(skipped)} left out, such as `{first}`",
        hint="take names that begin with a dot with `--hidden`, and look at the patterns given",
    )


def _matcher(patterns: Sequence[str]) -> Callable[[tuple[str, ...]], bool] | None:
    if not patterns:
        return None
    by_path, by_name = (
        [pattern.strip("/") for pattern in patterns if ("/" in pattern.rstrip("/")) is whole]
        for whole in (True, False)
    )
    path_like, name_like = _any_of(by_path), _any_of(by_name)

    def matches(path: tuple[str, ...]) -> bool:
        if name_like is not None and any(name_like.match(name) for name in path):
            return True
        return path_like is not None and path_like.match("/".join(path)) is not None

    return matches


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
