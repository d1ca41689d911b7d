"""A path below `/content/` into an open file or a folder of a published torrent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from anyio import to_thread

from outpour.base.text import from_bytes
from outpour.web.contract import ContentRoot, View
from outpour.web.held_files import HeldFiles
from outpour.web.torrent_facts import FactsKept, Files
from outpour.web.url_names import UrlNames
from outpour.web.visitors.beside import Beside

_FORBIDDEN = {"", ".", ".."}
# Not blocking, as opening a named pipe would wait for its writer for ever.
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_STEP = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a folder: a file with its length, or a folder without."""

    name: str
    is_folder: bool
    length: int | None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder inside a torrent, or the one of all torrents."""

    path: tuple[str, ...]
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """An open file; who takes it closes it.

    Attributes:
        file: Unbuffered, readable.
        name: Last component of the path.
        length: Bytes, as the torrent says and the disk confirms.
        mtime_ns: When it was last changed.
        tag: Strong entity tag.
    """

    file: BinaryIO
    name: str
    length: int
    mtime_ns: int
    tag: str


def split_path(raw_path: bytes) -> tuple[str, ...] | None:
    """Decode the components of a URL path, None if one of them can be no file name.

    Each is decoded by itself, so that `%2F` does not become a separator.
    """
    parts = tuple(from_bytes(unquote_to_bytes(part)) for part in raw_path.split(b"/"))
    if any(part in _FORBIDDEN or "/" in part or "\0" in part for part in parts):
        return None
    return parts


class PublishedContent:
    """The published content of a view, and the files beside it."""

    def __init__(self, view: View, url_names: UrlNames, facts: FactsKept, beside: Beside) -> None:
        self._view = view
        self._beside = beside
        self._url_names = url_names
        self._facts = facts
        self._files = HeldFiles(open_published)

    def close(self) -> None:
        """Close the files that were held open."""
        self._files.close()

    async def find(self, path: tuple[str, ...]) -> Open | Folder | None:
        """Open a file or list a folder. None if no published torrent has it.

        Paths that only one file can be meant by are understood too: clients adapt names to their
        system, and append the torrent's name where it stands already.
        """
        if not path:
            return await self._list_torrents()
        names = await self._url_names.names()
        infohash = names.content.get(path[0]) or names.adapted.get(path[0])
        root = self._view.content(infohash) if infohash is not None else None
        facts = await self._facts.get(infohash) if infohash is not None else None
        if infohash is None and len(path) == 1:
            return await self._open_sidecar(path[0])
        if infohash is None or root is None or facts is None:
            return None
        files = facts.files
        inner = path[1:]
        if not files.is_folder:
            (file,) = files.by_path.values()
            is_it = inner in ((), path[:1])
            return await self._open(infohash, root, (), file.length) if is_it else None
        found = _file_at(files, inner) or _only_file(files, path)
        if found is not None:
            return await self._open(infohash, root, found, files.by_path[found].length)
        if (length := files.padding.get(inner)) is not None:
            return await to_thread.run_sync(open_zeros, inner[-1], length)
        names_in = files.folders.get(inner)
        if names_in is None:
            return None
        rows = [(name, files.by_path.get((*inner, name))) for name in names_in]
        entries = [Entry(name, file is None, file.length if file else None) for name, file in rows]
        return Folder((names.content_of.get(infohash, path[0]), *inner), in_order(entries))

    async def _list_torrents(self) -> Folder:
        beside = self._beside.sidecars().values()
        entries = [Entry(one.name, False, one.length) for one in beside]
        entries += [
            Entry(name, row.is_folder, row.length)
            for name, infohash in (await self._url_names.names()).content.items()
            if (row := self._view.row(infohash)) is not None
        ]
        return Folder((), in_order(entries))

    async def _open_sidecar(self, name: str) -> Open | None:
        root = self._beside.root(name)
        opened = await self._files.open(root, ()) if root is not None else None
        if root is None or opened is None:
            return None
        status = os.fstat(opened.fileno())
        if not root.is_same((), status):
            opened.close()
            return None
        tag = f'"beside-{status.st_size:x}-{status.st_mtime_ns:x}"'
        return Open(opened, root.path.name, status.st_size, status.st_mtime_ns, tag)

    async def _open(
        self, infohash: bytes, root: ContentRoot, inner: tuple[str, ...], length: int
    ) -> Open | None:
        opened = await self._files.open(root, inner)
        if opened is None:
            return None
        status = os.fstat(opened.fileno())
        # Bytes that are not those of the torrent would only get this web seed banned.
        if status.st_size != length or not root.is_same(inner, status):
            opened.close()
            return None
        return Open(
            file=opened,
            name=inner[-1] if inner else root.path.name,
            length=length,
            mtime_ns=status.st_mtime_ns,
            tag=f'"{infohash[:4].hex()}-{length:x}-{status.st_mtime_ns:x}"',
        )


def _file_at(files: Files, inner: tuple[str, ...]) -> tuple[str, ...] | None:
    return inner if inner in files.by_path else files.adapted.get(inner)


def _only_file(files: Files, path: tuple[str, ...]) -> tuple[str, ...] | None:
    """The only file of a folder, where its own URL was taken for that of the folder.

    Who takes `/content/NAME/FILE` for the beginning of all URLs asks for
    `/content/NAME/FILE/NAME/FILE`.
    """
    if len(files.by_path) != 1:
        return None
    (only,) = files.by_path
    return only if path[1:] in ((*only, path[0], *only), (*only, *only)) else None


def open_zeros(name: str, length: int) -> Open:
    """Open a pad file (BEP 47): it is not on disk, and some clients ask for it all the same."""
    file = os.fdopen(os.memfd_create("padding", os.MFD_CLOEXEC), "rb+", buffering=0)
    os.truncate(file.fileno(), length)
    mtime_ns = os.fstat(file.fileno()).st_mtime_ns
    return Open(file, name, length, mtime_ns, f'"zeros-{length:x}"')


def in_order(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Sort folders before files, each by name."""
    return tuple(
        sorted(entries, key=lambda entry: (not entry.is_folder, entry.name.casefold(), entry.name))
    )


def open_published(root: ContentRoot, inner: tuple[str, ...]) -> BinaryIO | None:
    """Open a regular file of published content. None if it is not there, or a link leads out."""
    try:
        target = root.path.joinpath(*inner).resolve(strict=True)
        if root.fence is None:
            handle = os.open(target, _READ)
        else:
            fence = root.fence.resolve(strict=True)
            if not target.is_relative_to(fence):
                return None
            handle = _open_beneath(fence, target.relative_to(fence).parts)
    except (OSError, RuntimeError, ValueError):
        return None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        return None
    return os.fdopen(handle, "rb", buffering=0)


def _open_beneath(folder: Path, parts: tuple[str, ...]) -> int:
    """Open what is below a folder without following any link on the way.

    Between looking where a path leads and opening it, a folder on the way could become a link. So
    each step is taken from the one before: as `openat2` does with `RESOLVE_BENEATH` and
    `RESOLVE_NO_SYMLINKS`, which not every kernel and container has.
    """
    at = os.open(folder, _STEP)
    try:
        for part in parts[:-1]:
            below = os.open(part, _STEP, dir_fd=at)
            os.close(at)
            at = below
        return os.open(parts[-1], _READ, dir_fd=at)
    finally:
        os.close(at)
