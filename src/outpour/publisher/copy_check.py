"""Looks whether a copy on another server is what was published: lengths, and some pieces."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import quote

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.http_probe import RemoteFile, probe
from outpour.base.http_ranges import RangeReader
from outpour.base.http_route import DIRECT, Route
from outpour.torrent.info import File, Info
from outpour.torrent.merkle import root_of_bytes
from outpour.torrent.metainfo import Metainfo

PIECES_SAMPLED = 3
FILES_SAMPLED = 5
PIECE_FILES_MAX = 64
"""Files of one sampled piece: of thousands of small ones, another piece is taken."""
# Whoever would lie is not to foresee which pieces are looked at.
_chance = random.SystemRandom()


class MissingError(Exception):
    """The copy is not there, or not yet; the message says why."""


class LiesError(Exception):
    """What is there is something else; the message says what."""


def check_copy(
    seed: str, metainfo: Metainfo, ended: threading.Event, route: Route = DIRECT
) -> None:
    """Compare a sample of a copy with its torrent.

    Args:
        seed: The web seed.
        metainfo: The torrent.
        ended: Set to have it given up.
        route: By which way.

    Raises:
        MissingError: It is not there, as a whole or in part.
        LiesError: It differs.
    """
    info = metainfo.info
    files = [file for file in info.files if not file.is_padding and file.symlink is None]
    copy = _Copy(seed, info, ended, route)
    with closing(copy):
        for file in _sample(files):
            copy.look_at(file)
        for pieces in _pieces(metainfo, files):
            pieces.check(copy)


class _Copy:
    def __init__(self, seed: str, info: Info, ended: threading.Event, route: Route) -> None:
        self._seed = seed
        self._info = info
        self._ended = ended
        self._route = route
        self._found: dict[tuple[str, ...], RemoteFile] = {}
        self._readers: dict[tuple[str, ...], RangeReader] = {}

    def url(self, file: File) -> str:
        if not self._info.is_folder:
            return self._seed
        parts = (self._info.name, *file.path)
        return self._seed + "/".join(
            quote(part.encode("utf-8", "surrogateescape"), safe="") for part in parts
        )

    def look_at(self, file: File) -> RemoteFile:
        found = self._found.get(file.path)
        if found is None:
            try:
                found = self._found[file.path] = probe(self.url(file), route=self._route)
            except OutpourError as error:
                raise MissingError(error.message) from None
            if found.length != file.length:
                raise LiesError(f"`{found.url}`: has {found.length} bytes, not {file.length}")
            if file.length and not found.has_ranges:
                raise LiesError(f"`{found.url}`: its server gives no parts of files")
        return found

    def read(self, file: File, start: int, count: int) -> bytes:
        found = self.look_at(file)
        reader = self._readers.get(file.path)
        if reader is None:
            reader = self._readers[file.path] = RangeReader(
                found, route=self._route, ended=self._ended
            )
        buffer = bytearray(count)
        try:
            reader.read_into(start, memoryview(buffer), lambda _: None)
        except NetworkError as error:
            raise MissingError(error.message) from None
        except OutpourError as error:
            raise LiesError(error.message) from None
        return bytes(buffer)

    def close(self) -> None:
        for reader in self._readers.values():
            reader.close()


@dataclass(frozen=True, slots=True)
class _Piece:
    """Bytes that a hash of the torrent covers: parts of files, zeros where there is None."""

    parts: tuple[tuple[File | None, int, int], ...]
    expected: bytes
    piece_length: int
    is_v2: bool
    is_whole_file: bool = False

    def check(self, copy: _Copy) -> None:
        content = b"".join(
            bytes(count) if file is None else copy.read(file, start, count)
            for file, start, count in self.parts
        )
        if self.is_v2:
            width = None if self.is_whole_file else self.piece_length
            digest = root_of_bytes(content, width)
        else:
            digest = hashlib.sha1(content, usedforsecurity=False).digest()
        if digest != self.expected:
            named = next(file for file, _, _ in self.parts if file is not None)
            raise LiesError(f"`{copy.url(named)}`: has other bytes than those published")


def _sample(files: Sequence[File]) -> list[File]:
    if len(files) <= FILES_SAMPLED:
        return list(files)
    largest = max(files, key=lambda file: file.length)
    return [files[0], files[-1], largest, *_chance.sample(files, FILES_SAMPLED - 3)]


def _pieces(metainfo: Metainfo, files: Sequence[File]) -> Iterator[_Piece]:
    info = metainfo.info
    if info.pieces:
        count = len(info.pieces) // 20
        chosen = {0, count - 1, *(_chance.randrange(count) for _ in range(PIECES_SAMPLED))}
        for number in sorted(chosen):
            parts = tuple(_parts_v1(info, number))
            if 0 < sum(file is not None for file, _, _ in parts) <= PIECE_FILES_MAX:
                expected = info.pieces[number * 20 : number * 20 + 20]
                yield _Piece(parts, expected, info.piece_length, is_v2=False)
        return
    full = [file for file in files if file.length and file.pieces_root is not None]
    for file in _chance.sample(full, min(PIECES_SAMPLED, len(full))):
        root = file.pieces_root
        assert root is not None
        layer = metainfo.piece_layers.get(root, b"")
        if file.length <= info.piece_length or not layer:
            if file.length <= info.piece_length:
                parts = ((file, 0, file.length),)
                yield _Piece(parts, root, info.piece_length, is_v2=True, is_whole_file=True)
            continue
        number = _chance.randrange(len(layer) // 32)
        start = number * info.piece_length
        part = (file, start, min(info.piece_length, file.length - start))
        expected = layer[number * 32 : number * 32 + 32]
        yield _Piece((part,), expected, info.piece_length, is_v2=True)


def _parts_v1(info: Info, number: int) -> Iterator[tuple[File | None, int, int]]:
    begin = number * info.piece_length
    end = begin + info.piece_length
    for file in info.files:
        first, last = max(begin, file.offset), min(end, file.offset + file.length)
        if first < last:
            yield (
                None if file.is_padding else file,
                first - file.offset,
                last - first,
            )
