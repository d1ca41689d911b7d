"""Finds out which pieces of a torrent an older one of the same content knows already.

A file is unchanged when it has the size that the older torrent gives it and its inode was changed
before that torrent was made: a time of change that nobody can set back, unlike that of the content.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from outpour.base.errors import UsageError
from outpour.base.text import printable
from outpour.making.hasher import Merkle, Source
from outpour.making.walker import Entry, Tree
from outpour.torrent.info import File, Info, Version
from outpour.torrent.metainfo import Metainfo

_SHA1_LENGTH = 20

Slot = tuple["Entry | None", int]
"""A file of the new torrent and its bytes; None is padding."""
Segment = tuple["tuple[str, ...] | None", int, int]
"""Bytes of a piece: whose they are, and from where to where in that file."""


def check_reusable(metainfo: Metainfo) -> Metainfo:
    """Return a torrent of which hashes may be taken, or refuse it.

    Raises:
        UsageError: It does not say when it was made, or with a date that cannot be right.
    """
    date = metainfo.creation_date
    if date is None or date > time.time():
        when = "does not say when it was made" if date is None else "was made later than now"
        raise UsageError(
            f"`{printable(metainfo.info.name)}`: its torrent {when}, so that nobody knows what has "
            "changed since",
            hint="make it anew once without `--reuse`, with a date",
        )
    return metainfo


@dataclass(frozen=True, slots=True)
class Reuse:
    """What is left to hash, and how the rest is put around it.

    Attributes:
        sources: What to hash, as for `hasher.Work`.
        reused: How many pieces are not hashed; in pure v2, those of whole files.
    """

    sources: list[Source]
    reused: int
    _pieces: list[bytes | None] = field(repr=False)
    _runs: list[tuple[int, int]] = field(repr=False)
    _trees: list[Merkle | int] = field(repr=False)

    def pieces(self, hashed: bytes) -> bytes:
        """Put the v1 list together from what was hashed of `sources`."""
        pieces = list(self._pieces)
        at = 0
        for first, after in self._runs:
            for number in range(first, after):
                if pieces[number] is None:
                    pieces[number] = hashed[at : at + _SHA1_LENGTH]
                at += _SHA1_LENGTH
        return b"".join(piece or b"" for piece in pieces)

    def trees(self, hashed: Sequence[Merkle]) -> tuple[Merkle, ...]:
        """Put the v2 trees together from what was hashed of `sources`."""
        return tuple(hashed[tree] if isinstance(tree, int) else tree for tree in self._trees)


def reuse(
    earlier: Metainfo, tree: Tree, slots: Sequence[Slot], piece_length: int, format: Version
) -> Reuse | None:
    """Compare a torrent that is about to be made with an older one.

    Args:
        earlier: The older one, with a creation date.
        tree: The content.
        slots: The files of the new one with the padding between them.
        piece_length: Bytes.
        format: What will be made.

    Returns:
        None when nothing of it can be used: it has other pieces, or hashes of another version.
    """
    info = earlier.info
    versions = {"v1", "v2"} if format == "hybrid" else {format}
    has = {"v1"} if info.infohash_v1 else set()
    has |= {"v2"} if info.infohash_v2 else set()
    if info.piece_length != piece_length or not versions <= has:
        return None
    known = _known(earlier, tree)
    pieces = _pieces(info, slots, known, piece_length) if "v1" in versions else []
    fresh = _fresh(slots, pieces, known, piece_length)
    if "v2" in versions:
        fresh |= {
            index
            for index, (entry, _) in enumerate(slots)
            if entry and entry.length and _tree(earlier, entry, known) is None
        }
    sources, runs, places = _sources(slots, fresh, piece_length, aligned=format == "v2")
    trees: list[Merkle | int] = []
    for index, (entry, _) in enumerate(slots):
        old = _tree(earlier, entry, known) if entry and index not in places else None
        trees.append(places.get(index, old or Merkle(b"", b"")))
    reused = sum(piece is not None for piece in pieces)
    if format == "v2":
        reused = sum(-(-length // piece_length) for at, (_, length) in enumerate(slots)
                     if at not in fresh)  # fmt: skip
    return Reuse(sources, reused, pieces, runs, trees)


def _known(earlier: Metainfo, tree: Tree) -> dict[tuple[str, ...], File]:
    """The files that have not changed, by their path in the new torrent."""
    info = earlier.info
    assert earlier.creation_date is not None
    if info.is_folder != tree.is_folder:
        return {}
    files = {file.path: file for file in info.files if not file.is_padding and not file.symlink}
    known: dict[tuple[str, ...], File] = {}
    for entry in tree.entries:
        old = files.get(entry.path) if tree.is_folder else info.files[0]
        if old is None or old.length != entry.length or entry.target:
            continue
        try:
            changed_s = os.stat(entry.location).st_ctime  # noqa: PTH116 - there may be a million
        except OSError:
            continue
        if changed_s < earlier.creation_date:
            known[entry.path] = old
    return known


def _tree(earlier: Metainfo, entry: Entry, known: dict[tuple[str, ...], File]) -> Merkle | None:
    old = known.get(entry.path)
    root = old.pieces_root if old else None
    if old is None or root is None:
        return None
    layer = earlier.piece_layers.get(root, b"")
    if old.length > earlier.info.piece_length and not layer:
        return None
    return Merkle(root, layer if old.length > earlier.info.piece_length else b"")


def _pieces(
    info: Info,
    slots: Sequence[Slot],
    known: dict[tuple[str, ...], File],
    piece_length: int,
) -> list[bytes | None]:
    new = _Run([(entry.path if entry else None, length) for entry, length in slots])
    names = {id(old): path for path, old in known.items()}
    old = _Run(
        [(None if file.is_padding else names.get(id(file), ("", "")), file.length)
         for file in info.files]
    )  # fmt: skip
    pieces: list[bytes | None] = []
    for start in range(0, new.length, piece_length):
        segments = new.segments(start, piece_length)
        path, low, _ = segments[0]
        twin = known.get(path) if path is not None else None
        piece = None
        if twin is not None and (twin.offset + low) % piece_length == 0:
            there = twin.offset + low
            if segments == old.segments(there, piece_length):
                at = there // piece_length * _SHA1_LENGTH
                piece = info.pieces[at : at + _SHA1_LENGTH]
        pieces.append(piece)
    return pieces


class _Run:
    """Files laid end to end."""

    def __init__(self, files: Sequence[tuple[tuple[str, ...] | None, int]]) -> None:
        self._files = files
        self._starts: list[int] = []
        self.length = 0
        for _, length in files:
            self._starts.append(self.length)
            self.length += length

    def segments(self, start: int, length: int) -> list[Segment]:
        end = min(start + length, self.length)
        found: list[Segment] = []
        at = max(bisect_right(self._starts, start) - 1, 0)
        while at < len(self._files) and self._starts[at] < end:
            path, size = self._files[at]
            low = max(start - self._starts[at], 0)
            high = min(end - self._starts[at], size)
            if low < high:
                # Zeros are zeros, wherever they come from.
                found.append((path, low, high) if path is not None else (None, 0, high - low))
            at += 1
        return found


def _fresh(
    slots: Sequence[Slot],
    pieces: Sequence[bytes | None],
    known: dict[tuple[str, ...], File],
    piece_length: int,
) -> set[int]:
    """The files of which a piece has to be hashed."""
    missing = [0]
    for piece in pieces:
        missing.append(missing[-1] + (piece is None))
    fresh: set[int] = set()
    offset = 0
    for index, (entry, length) in enumerate(slots):
        if pieces and length and entry is not None:
            first, after = offset // piece_length, -(-(offset + length) // piece_length)
            if missing[after] > missing[first]:
                fresh.add(index)
        elif entry is not None and length and entry.path not in known:
            fresh.add(index)
        offset += length
    return fresh


def _sources(
    slots: Sequence[Slot], fresh: set[int], piece_length: int, *, aligned: bool
) -> tuple[list[Source], list[tuple[int, int]], dict[int, int]]:
    """Lay out what is hashed: the files, each run of them from the beginning of a piece.

    Returns:
        The sources, the pieces that each run of them gives, and where each file is among them.
    """
    sources: list[Source] = []
    runs: list[tuple[int, int]] = []
    places: dict[int, int] = {}
    offset = end = 0
    is_open = False

    def close() -> None:
        fill = -end % piece_length
        if fill and not aligned:
            sources.append((None, fill))

    for index, (entry, length) in enumerate(slots):
        if index in fresh and entry is not None:
            if not is_open:
                lead = 0 if aligned else offset % piece_length
                runs.append((offset // piece_length, 0))
                if lead:
                    sources.append((None, lead))
                is_open = True
            places[index] = len(sources)
            sources.append((entry.location, length))
            end = offset + length
        elif is_open and entry is None:
            sources.append((None, length))
            end = offset + length
        elif is_open and length:
            runs[-1] = (runs[-1][0], -(-end // piece_length))
            close()
            is_open = False
        offset += length
    if is_open:
        runs[-1] = (runs[-1][0], -(-end // piece_length))
    return sources, runs, places
