"""Turns a torrent and the content on disk into a report of what is there, bad or missing.

Nothing is repaired or written here.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal, TypeAlias

from outpour import hasher
from outpour.errors import ReadError, reason
from outpour.hasher import Merkle, Progress, Source
from outpour.info import File, Info
from outpour.merkle import HASH_LENGTH
from outpour.metainfo import Metainfo
from outpour.text import printable

Status: TypeAlias = Literal["ok", "missing", "wrong size", "bad", "unverified"]
Range: TypeAlias = "tuple[int, int]"
"""First byte and the byte after the last, counted from the beginning of the file."""

FILES_TRIED = 100
"""How many files are looked for to tell whether a folder is the content or holds it."""
_SHA1_LENGTH = 20


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found of one file.

    Attributes:
        path: Components below the torrent's root folder; a single file has its name.
        length: Bytes it must have.
        status: `bad` when some of its pieces are; `unverified` when all that speaks against it are
            pieces shared with a file that is missing or has the wrong size.
        found: Bytes it has, None when it is missing.
        bad: Ranges whose hashes differ.
        unverified: Ranges that could not be checked.
    """

    path: tuple[str, ...]
    length: int
    status: Status
    found: int | None
    bad: tuple[Range, ...] = ()
    unverified: tuple[Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of a torrent's content.

    Attributes:
        root: The folder or file that was looked at.
        files: One for each file of the torrent, in its order, without padding.
        extra: Files in the folder that the torrent does not have.
        bad_pieces: Numbers of v1 pieces that differ, from 0.
    """

    root: Path
    files: tuple[FileReport, ...]
    extra: tuple[tuple[str, ...], ...] = ()
    bad_pieces: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all of the content is there and right; extra files do not count."""
        return all(file.status == "ok" for file in self.files)


def verify(
    metainfo: Metainfo,
    path: str | os.PathLike[str],
    *,
    quick: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare content on disk with its torrent, by both kinds of hashes that it has.

    Args:
        metainfo: The torrent.
        path: The content, or the folder that holds it under the torrent's name.
        quick: Compare names and sizes only.
        threads: How many hash; one a core by default.
        progress: Called some 20 times a second with bytes hashed and bytes in total.

    Raises:
        ReadError: `path` does not exist, or a file cannot be read or changes meanwhile. A file that
            is merely missing is part of the report.
    """
    info = metainfo.info
    root = _find(info, Path(path))
    places = [_Place(info, root, file) for file in info.files]
    extra = tuple(_extra(info, root)) if info.is_folder else ()
    check = _Check(metainfo, places)
    if not quick:
        check.run(threads, progress)
    files = tuple(check.report(index) for index, file in enumerate(info.files) if _counts(file))
    return Report(root, files, extra, tuple(check.bad_pieces))


class _Place:
    """Where one file of the torrent is on disk, and what is there."""

    __slots__ = ("file", "found", "location")

    def __init__(self, info: Info, root: Path, file: File) -> None:
        self.file = file
        self.location = str(root.joinpath(*file.path) if info.is_folder else root)
        self.found: int | None = None
        if _counts(file):
            self.found = _size(self.location)

    @property
    def is_whole(self) -> bool:
        return self.file.is_padding or self.found == self.file.length

    def sources(self) -> Iterator[Source]:
        """What to hash in its place: the beginning of a short file still counts."""
        length = self.file.length
        present = 0 if self.found is None or self.found > length else self.found
        if present:
            yield self.location, present
        if length > present or not length:
            yield None, length - present


class _Check:
    def __init__(self, metainfo: Metainfo, places: Sequence[_Place]) -> None:
        self.bad_pieces: list[int] = []
        self._info = metainfo.info
        self._layers = metainfo.piece_layers
        self._places = places
        self._starts = [place.file.offset for place in places]
        self._bad: dict[int, list[Range]] = {}
        self._unverified: dict[int, list[Range]] = {}

    def run(self, threads: int | None, progress: Progress | None) -> None:
        info = self._info
        if info.infohash_v1 is None:
            whole = [index for index, place in enumerate(self._places) if place.is_whole]
            sources = [(self._places[index].location, self._length(index)) for index in whole]
            trees = hasher.hash_v2(sources, info.piece_length, threads=threads, progress=progress)
            self._compare_trees(zip(whole, trees, strict=True))
            return
        runs = [list(place.sources()) for place in self._places]
        flat = [source for run in runs for source in run]
        if info.infohash_v2 is None:
            pieces = hasher.hash_v1(flat, info.piece_length, threads=threads, progress=progress)
        else:
            pieces, trees = hasher.hash_hybrid(
                flat, info.piece_length, threads=threads, progress=progress
            )
            heads = accumulate((len(run) for run in runs[:-1]), initial=0)
            self._compare_trees(
                (index, trees[head])
                for index, head in enumerate(heads)
                if self._places[index].is_whole and not self._places[index].file.is_padding
            )
        self._compare_pieces(pieces)

    def report(self, index: int) -> FileReport:
        place = self._places[index]
        file = place.file
        bad = _merge(self._bad.get(index, ()))
        unverified = _merge(self._unverified.get(index, ()))
        status: Status = "ok"
        if place.found is None:
            status = "missing"
        elif place.found != file.length:
            status = "wrong size"
        elif bad:
            status = "bad"
        elif unverified:
            status = "unverified"
        return FileReport(file.path, file.length, status, place.found, bad, unverified)

    def _length(self, index: int) -> int:
        return self._places[index].file.length

    def _compare_pieces(self, pieces: bytes) -> None:
        wanted, length = self._info.pieces, self._info.piece_length
        if pieces == wanted:
            return
        for piece, at in enumerate(range(0, len(wanted), _SHA1_LENGTH)):
            if pieces[at : at + _SHA1_LENGTH] != wanted[at : at + _SHA1_LENGTH]:
                self.bad_pieces.append(piece)
                self._blame(piece * length, (piece + 1) * length)

    def _blame(self, start: int, end: int) -> None:
        first = bisect_right(self._starts, start) - 1
        touched: list[tuple[int, Range]] = []
        for index in range(max(first, 0), len(self._places)):
            file = self._places[index].file
            if file.offset >= end:
                break
            low, high = max(start - file.offset, 0), min(end - file.offset, file.length)
            if low < high and not file.is_padding:
                touched.append((index, (low, high)))
        # A piece shared with a file that is not there says nothing about the others in it.
        all_whole = all(self._places[index].is_whole for index, _ in touched)
        for index, span in touched:
            is_culprit = all_whole or not self._places[index].is_whole
            (self._bad if is_culprit else self._unverified).setdefault(index, []).append(span)

    def _compare_trees(self, trees: Iterable[tuple[int, Merkle]]) -> None:
        for index, tree in trees:
            file = self._places[index].file
            if tree.root != (file.pieces_root or b""):
                self._bad.setdefault(index, []).extend(self._bad_ranges(file, tree))

    def _bad_ranges(self, file: File, tree: Merkle) -> Iterator[Range]:
        layer = self._layers.get(file.pieces_root or b"")
        if not layer or len(layer) != len(tree.layer):
            yield 0, file.length
            return
        length = self._info.piece_length
        for piece, at in enumerate(range(0, len(layer), HASH_LENGTH)):
            if layer[at : at + HASH_LENGTH] != tree.layer[at : at + HASH_LENGTH]:
                yield piece * length, min((piece + 1) * length, file.length)


def _counts(file: File) -> bool:
    # A link has no bytes of its own, and whether it is stored as a link is up to the downloader.
    return not file.is_padding and "l" not in file.attr


def _find(info: Info, path: Path) -> Path:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise ReadError(f"`{printable(str(path))}`: {reason(error)}") from error
    inside = path / info.name
    if not info.is_folder:
        return inside if is_folder else path
    if not is_folder:
        raise ReadError(
            f"`{printable(str(path))}`: a file, and the torrent is a folder",
            hint=f"name the folder `{printable(info.name)}` or the one that holds it",
        )
    names = [file.path for file in info.files if _counts(file)][:FILES_TRIED]
    directly = sum(path.joinpath(*name).exists() for name in names)
    below = sum(inside.joinpath(*name).exists() for name in names)
    return inside if below > directly or (below == directly and inside.is_dir()) else path


def _size(location: str) -> int | None:
    try:
        status = Path(location).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReadError(f"`{printable(location)}`: {reason(error)}") from error
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _extra(info: Info, root: Path) -> Iterator[tuple[str, ...]]:
    known = {file.path for file in info.files}
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
            elif below not in known:
                yield below


def _merge(ranges: Sequence[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)
