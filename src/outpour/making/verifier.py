"""Turns a torrent and the content on disk into a report of what is there, bad or missing.

Nothing is repaired or written here.
"""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from outpour.base import arguments
from outpour.base.errors import ReadError, reason
from outpour.base.text import printable
from outpour.making import hasher
from outpour.making.content_places import Place, extra_files, find_root, places_of
from outpour.making.hasher import Merkle, Progress, Source
from outpour.torrent.info import File
from outpour.torrent.merkle import BLOCK_LENGTH, HASH_LENGTH
from outpour.torrent.metainfo import Metainfo

Status: TypeAlias = Literal[
    "ok", "missing", "wrong size", "unfinished", "bad", "unreadable", "unverified"
]
Range: TypeAlias = "tuple[int, int]"
"""The first and the one after the last: of bytes, counted from the beginning of the file."""

FAULTS_MAX = 16
"""Files that may fail while they are read; each costs another reading of what was hashed."""
_SHA1_LENGTH = 20


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found of one file.

    Attributes:
        path: Components below the torrent's root folder; a single file has its name.
        length: Bytes it must have.
        status: `bad` when some of its pieces are, or when a symbolic link leads elsewhere;
            `unfinished` when it is there under the name that a client gives to what it still
            downloads; `unverified` when all that speaks against it are pieces shared with a file
            that is surely not right.
        found: Bytes it has, None when it is missing.
        bad: Ranges that are not there or whose hashes differ.
        unverified: Ranges that could not be checked.
        bad_blocks: In torrents with hashes of v2, the ranges of 16 KiB blocks of the file that
            `bad` touches. A .torrent holds one hash a piece, so they are as coarse as its pieces.
        reason: Why the file is unreadable, what an unfinished one is called, or what is there
            instead of a link.
    """

    path: tuple[str, ...]
    length: int
    status: Status
    found: int | None
    bad: tuple[Range, ...] = ()
    unverified: tuple[Range, ...] = ()
    bad_blocks: tuple[Range, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of a torrent's content.

    Attributes:
        root: The folder or file that was looked at.
        files: One for each file of the torrent, in its order, without padding.
        extra: Files in the folder that the torrent does not have.
        bad_pieces: Numbers of the pieces that differ, from 0; in pure v2 each file begins one.
            Pieces of nothing but padding are among them.
        piece_count: How many were compared; none in a hurry.
    """

    root: Path
    files: tuple[FileReport, ...]
    extra: tuple[tuple[str, ...], ...] = ()
    bad_pieces: tuple[int, ...] = ()
    piece_count: int = 0

    @property
    def ok(self) -> bool:
        """Whether all of the content is there and no piece is bad; extra files do not count."""
        return not self.bad_pieces and all(file.status == "ok" for file in self.files)

    @property
    def right(self) -> int:
        """Bytes of content that are there, and of which no hash differs."""
        return sum(
            file.length - sum(high - low for low, high in _merge((*file.bad, *file.unverified)))
            for file in self.files
        )


def verify(
    torrent: Metainfo | str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    quick: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Report:
    """Compare content on disk with its torrent, by both kinds of hashes that it has.

    Memory does not grow with the content: its bytes are read once, by native threads.

    Args:
        torrent: The torrent, or where its file is.
        path: The content, or the folder that holds it under the torrent's name.
        quick: Compare names and sizes only.
        threads: How many hash; one a core by default.
        progress: Called some 20 times a second with bytes hashed and bytes in total.

    Raises:
        ReadError: `path` does not exist, or more than 16 files fail while they are read. A file
            that is merely missing or unreadable is part of the report.
        FormatError: `torrent` is none, or a name in it climbs out of the folder.

    Example:
        >>> report = verify("game.torrent", "releases/game")  # doctest: +SKIP
        >>> [(file.path, file.bad) for file in report.files if file.status != "ok"]
        [(('maps', 'e1.wad'), ((0, 262144),))]
    """
    metainfo = torrent if isinstance(torrent, Metainfo) else Metainfo.read(torrent)
    info = metainfo.info
    root = find_root(info, Path(arguments.path(path, "path")))
    places = places_of(info, root, quick)
    extra = tuple(extra_files(places, root)) if info.is_folder else ()
    check = _Check(metainfo, places)
    if not quick:
        check.run(threads, progress)
    files = tuple(
        check.report(index) for index, file in enumerate(info.files) if not file.is_padding
    )
    return Report(root, files, extra, check.bad_pieces, 0 if quick else info.piece_count)


@dataclass(frozen=True, slots=True)
class _Stream:
    """What to hash: the content, without pieces of which nothing is there.

    Attributes:
        sources: Files and the zeros in place of what is missing.
        heads: For each place its source, None where nothing of it is there.
        cut: Ranges of pieces that were left out, in order.
    """

    sources: list[Source]
    heads: list[int | None]
    cut: list[Range]


class _Check:
    def __init__(self, metainfo: Metainfo, places: Sequence[Place]) -> None:
        self._info = metainfo.info
        self._layers = metainfo.piece_layers
        self._places = places
        self._starts = [place.file.offset for place in places]
        self._pieces: set[int] = set()
        self._bad: dict[int, list[Range]] = {}
        self._unverified: dict[int, list[Range]] = {}

    @property
    def bad_pieces(self) -> tuple[int, ...]:
        return tuple(sorted(self._pieces))

    def run(self, threads: int | None, progress: Progress | None) -> None:
        """Hash until every file either was read or is known to be unreadable."""
        for _ in range(FAULTS_MAX):
            try:
                self._run(threads, progress)
            except ReadError as error:
                if not self._give_up_on(error):
                    raise
            else:
                return
        self._run(threads, progress)

    def _give_up_on(self, error: ReadError) -> bool:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.filename is None:
            return False
        location = os.fsdecode(cause.filename)
        changed = cause.errno == errno.ESTALE
        failed = [place for place in self._places if place.location == location]
        for place in failed:
            place.reason = "changed while it was read" if changed else reason(cause)
        return bool(failed)

    def _run(self, threads: int | None, progress: Progress | None) -> None:
        length = self._info.piece_length
        has_v1, has_v2 = self._info.infohash_v1 is not None, self._info.infohash_v2 is not None
        self._bad, self._unverified, self._pieces = {}, {}, set()
        self._add_absent()
        pieces, trees = b"", tuple[Merkle, ...]()
        stream = self._stream() if has_v1 else self._files()
        if not any(path is not None for path, _ in stream.sources):
            pass
        elif not has_v1:
            trees = hasher.hash_v2(stream.sources, length, threads=threads, progress=progress)
        elif not has_v2:
            pieces = hasher.hash_v1(stream.sources, length, threads=threads, progress=progress)
        else:
            pieces, trees = hasher.hash_hybrid(
                stream.sources, length, threads=threads, progress=progress
            )
        if has_v1:
            self._compare_pieces(pieces, stream.cut)
        if has_v2:
            for index, head in enumerate(stream.heads):
                if not self._places[index].file.is_padding:
                    self._compare_tree(index, None if head is None else trees[head])

    def _files(self) -> _Stream:
        heads: list[int | None] = []
        sources: list[Source] = []
        for place in self._places:
            heads.append(len(sources) if place.present else None)
            if place.present:
                sources.append((place.location, place.present))
        return _Stream(sources, heads, [])

    def _stream(self) -> _Stream:
        stream = _Stream([], [], [])
        gap: Range | None = None
        total = 0
        for place in self._places:
            file, present = place.file, place.present
            total = file.offset + file.length
            head = None
            # Padding behind something missing belongs to the same bad pieces.
            if present and not (file.is_padding and gap):
                if gap is not None:
                    self._fill(stream, gap, last=False)
                    gap = None
                head = None if file.is_padding else len(stream.sources)
                stream.sources.append((None if file.is_padding else place.location, present))
                if present < file.length:
                    gap = (file.offset + present, total)
            elif file.length:
                gap = (gap[0] if gap else file.offset, total)
            stream.heads.append(head)
        if gap is not None:
            self._fill(stream, gap, last=True)
        return stream

    def _fill(self, stream: _Stream, gap: Range, last: bool) -> None:
        # Whole pieces of a gap are bad without hashing, and a terabyte that is missing costs
        # nothing; what is left of the gap keeps its neighbours where they belong.
        length = self._info.piece_length
        begin, end = gap
        first, after = -(-begin // length), -(-end // length) if last else end // length
        if first < after:
            stream.cut.append((first, after))
            parts = (first * length - begin, max(end - after * length, 0))
        else:
            parts = (end - begin, 0)
        stream.sources.extend((None, part) for part in parts if part)

    def report(self, index: int) -> FileReport:
        """Say what was found of one file."""
        place = self._places[index]
        file = place.file
        bad = _merge(self._bad.get(index, ()))
        unverified = _merge(self._unverified.get(index, ()))
        status: Status = "ok"
        why = place.reason
        if why is not None:
            status = "bad" if place.is_link else "unreadable"
        elif place.is_unfinished:
            status = "unfinished"
            why = f"called `{printable(Path(place.location).name)}`"
        elif place.found is None:
            status = "missing"
        elif place.found != file.length:
            status = "wrong size"
        elif bad:
            status = "bad"
        elif unverified:
            status = "unverified"
        blocks: tuple[Range, ...] = ()
        if self._info.infohash_v2 is not None:
            blocks = _merge([(low // BLOCK_LENGTH, -(-high // BLOCK_LENGTH)) for low, high in bad])
        return FileReport(file.path, file.length, status, place.found, bad, unverified, blocks, why)

    def _compare_pieces(self, pieces: bytes, cut: Sequence[Range]) -> None:
        wanted = self._info.pieces
        if pieces == wanted:
            return
        count = len(wanted) // _SHA1_LENGTH
        done = at = 0
        for first, after in (*cut, (count, count)):
            for piece in range(done, first):
                begin = piece * _SHA1_LENGTH
                if pieces[at : at + _SHA1_LENGTH] != wanted[begin : begin + _SHA1_LENGTH]:
                    self._pieces.add(piece)
                at += _SHA1_LENGTH
            self._pieces.update(range(first, after))
            done = after
        self._blame()

    def _blame(self) -> None:
        pieces = sorted(self._pieces)
        surely = {index for index, place in enumerate(self._places) if not place.is_whole}
        for piece in pieces:
            touched = self._touched(piece)
            if len(touched) == 1:
                surely.add(touched[0][0])
        for piece in pieces:
            touched = self._touched(piece)
            is_there = all(high <= self._places[index].present for index, _, high in touched)
            is_plain = not any(index in surely for index, _, _ in touched)
            for index, low, high in touched:
                # Of a piece shared with bytes that are not there, or with a file that is surely not
                # right, the others say nothing.
                is_bad = is_there and (is_plain or index in surely)
                present = min(self._places[index].present, high)
                if low < present:
                    ranges = self._bad if is_bad else self._unverified
                    ranges.setdefault(index, []).append((low, present))

    def _touched(self, piece: int) -> list[tuple[int, int, int]]:
        """The files that a piece has bytes of, each with the first and the one after the last."""
        start = piece * self._info.piece_length
        end = start + self._info.piece_length
        touched: list[tuple[int, int, int]] = []
        for index in range(max(bisect_right(self._starts, start) - 1, 0), len(self._places)):
            file = self._places[index].file
            if file.offset >= end:
                break
            low, high = max(start - file.offset, 0), min(end - file.offset, file.length)
            if low < high and not file.is_padding:
                touched.append((index, low, high))
        return touched

    def _add_absent(self) -> None:
        # By its place and not by its hash, which would be right where zeros are missing.
        for index, place in enumerate(self._places):
            if place.present < place.file.length:
                ranges = self._bad if place.is_absent else self._unverified
                ranges[index] = [(place.present, place.file.length)]

    def _compare_tree(self, index: int, tree: Merkle | None) -> None:
        place, file = self._places[index], self._places[index].file
        if tree is not None and place.is_whole and tree.root == file.pieces_root:
            return
        length = self._info.piece_length
        for number, (low, high) in enumerate(_pieces_of(file, length)):
            found = b"" if tree is None else _node(tree, number, place, length)
            wanted = self._node_wanted(file, number)
            if high > place.present:
                if low < place.present:
                    self._unverified.setdefault(index, []).append((low, place.present))
            elif found == b"" or wanted == b"":
                # Without the layer, one hash stands for the whole file.
                kind = self._bad if place.is_whole else self._unverified
                kind.setdefault(index, []).append((low, high))
            elif found != wanted:
                self._bad.setdefault(index, []).append((low, high))
            else:
                continue
            self._pieces.add(file.offset // length + number)

    def _node_wanted(self, file: File, number: int) -> bytes:
        root = file.pieces_root or b""
        if file.length <= self._info.piece_length:
            return root
        layer = self._layers.get(root, b"")
        return layer[number * HASH_LENGTH : (number + 1) * HASH_LENGTH]


def _pieces_of(file: File, length: int) -> Iterator[Range]:
    for low in range(0, file.length, length):
        yield low, min(low + length, file.length)


def _node(tree: Merkle, number: int, place: Place, length: int) -> bytes:
    if tree.layer:
        return tree.layer[number * HASH_LENGTH : (number + 1) * HASH_LENGTH]
    # What is at most a piece has no layer, and its root stands for it: that of a shorter beginning
    # equals a node of the torrent only if it is a piece by itself.
    return tree.root if place.is_whole or place.present == length else b""


def _merge(ranges: Sequence[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)
