"""Turns the files of a torrent into what is hashed of them, and into their lists in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from outpour.making.hasher import Merkle, Source
from outpour.making.walker import Entry, Tree
from outpour.torrent.bencode import Encodable, Encoded
from outpour.torrent.info import Version
from outpour.torrent.merkle import HASH_LENGTH

PADDING_FOLDER = ".pad"
_SHA1_LENGTH = 20
# What a file costs beside its name: `d6:lengthi…e4:pathl…ee`, and in v2
# `d0:d6:lengthi…e11:pieces root32:…ee`.
_FILE_BYTES_V1 = 30
_FILE_BYTES_V2 = 68
_FILE_VALUES = 5
_FILE_VALUES_V2 = 8
# The key of a piece layer, and the length before it.
_LAYER_BYTES = 42


class Layout:
    """The files of a torrent, with the padding between them where it has some (BEP 47).

    Attributes:
        padding: Bytes of padding in total.
        piece_count: Pieces; in v2 every file has its own.
    """

    def __init__(
        self,
        tree: Tree,
        name: str,
        piece_length: int,
        format: Version,
        *,
        align: bool = False,
        attributes: bool = False,
    ) -> None:
        self.padding = 0
        self._tree = tree
        self._name = name
        self._piece_length = piece_length
        self._format = format
        self._attributes = attributes
        self._slots: list[tuple[Entry | None, int]] = []
        # A folder of one file has nothing to align, and libtorrent pads it not even at its end.
        is_padded = (align or format == "hybrid") and tree.is_folder and len(tree.entries) > 1
        for entry in tree.entries:
            self._slots.append((entry, entry.length))
            padding = -entry.length % piece_length
            # Behind the last file too, as libtorrent does: one folder, one infohash.
            if is_padded and padding and format != "v2":
                self._slots.append((None, padding))
                self.padding += padding
        if format == "v2":
            self.piece_count = sum(map(self._pieces, tree.entries))
        else:
            self.piece_count = -(-(tree.length + self.padding) // piece_length)

    @property
    def slots(self) -> Sequence[tuple[Entry | None, int]]:
        """The files in order, and the padding between them as None, with their bytes."""
        return self._slots

    @property
    def sources(self) -> list[Source]:
        """What is hashed, in order; links have nothing to hash."""
        return [
            (entry.location if entry and not entry.target else None, length)
            for entry, length in self._slots
        ]

    @property
    def weight(self) -> tuple[int, int]:
        """About how many bytes and how many values of bencode the .torrent will have."""
        files = len(self._slots)
        size = values = 0
        if self._format != "v2":
            names = sum(len(part) + 3 for entry, _ in self._slots if entry for part in entry.path)
            size += names + files * _FILE_BYTES_V1 + self.piece_count * _SHA1_LENGTH
            values += files * _FILE_VALUES
            values += sum(len(entry.path) for entry, _ in self._slots if entry)
        if self._format != "v1":
            entries = self._tree.entries
            layers = [pieces for entry in entries if (pieces := self._pieces(entry)) > 1]
            # Folders stand there once each, and weigh little beside what is in them.
            size += sum(len(entry.path[-1]) + 3 for entry in entries)
            size += len(entries) * _FILE_BYTES_V2
            size += sum(layers) * HASH_LENGTH + len(layers) * _LAYER_BYTES
            values += len(entries) * _FILE_VALUES_V2 + len(layers) * 2
        return size, values

    def _pieces(self, entry: Entry) -> int:
        return -(-entry.length // self._piece_length)

    def v1_files(self) -> Mapping[str, Encodable]:
        """The keys of the info dictionary that say which files there are, for v1."""
        if not self._tree.is_folder:
            only = self._tree.entries[0]
            own = self._attr(only)
            return {"length": only.length} | ({"attr": own} if own else {})
        # Neighbours share their folders, which are written down once for all of them.
        folder: tuple[str, ...] = ()
        above = ""
        parts = ["l"]
        for entry, length in self._slots:
            if entry is None:
                name = str(length)
                pad = f"{_string(PADDING_FOLDER)}{len(name)}:{name}"
                parts.append(f"d4:attr1:p6:lengthi{length}e4:pathl{pad}ee")
                continue
            path = entry.path
            if path[:-1] != folder:
                folder = path[:-1]
                above = "".join(map(_string, folder))
            leaf = f"6:lengthi{length}e4:pathl{above}{_string(path[-1])}e"
            attr = self._attr(entry)
            if attr:
                leaf = f"4:attr{len(attr)}:{attr}{leaf}"
            if entry.target:
                leaf += f"12:symlink path{_list(entry.target)}"
            parts.append(f"d{leaf}e")
        parts.append("e")
        return {"files": Encoded(_bytes("".join(parts)))}

    def file_tree(self) -> Callable[[Sequence[Merkle]], Encoded]:
        """Write the `file tree` of v2 as far as it can be without the content.

        Returns:
            A function that fills in the roots: it takes one tree for each of `sources`.
        """
        parts = [b"d"]
        holes: list[tuple[int, int]] = []
        # Entries are in byte order of their components, which is that of the keys in the tree.
        folder: tuple[str, ...] = ()
        for index, (entry, length) in enumerate(self._slots):
            if entry is None:
                continue
            path = entry.path if self._tree.is_folder else (self._name,)
            if path[:-1] != folder:
                shared = _shared(folder, path[:-1])
                parts.append(b"e" * (len(folder) - shared))
                parts += [_bytes(f"{_string(name)}d") for name in path[shared:-1]]
                folder = path[:-1]
            attr = self._attr(entry)
            leaf = f"4:attr{len(attr)}:{attr}" if attr else ""
            if entry.target:
                leaf += f"12:symlink path{_list(entry.target)}"
            else:
                leaf += f"6:lengthi{length}e"
            if length:
                parts.append(_bytes(f"{_string(path[-1])}d0:d{leaf}11:pieces root{HASH_LENGTH}:"))
                holes.append((len(parts), index))
                parts += (b"", b"ee")
            else:
                parts.append(_bytes(f"{_string(path[-1])}d0:d{leaf}ee"))
        parts.append(b"e" * (len(folder) + 1))

        def fill(trees: Sequence[Merkle]) -> Encoded:
            for at, index in holes:
                parts[at] = trees[index].root
            return Encoded(b"".join(parts))

        return fill

    def _attr(self, entry: Entry) -> str:
        executable = "x" if self._attributes and entry.is_executable else ""
        return f"{executable}l" if entry.target else executable


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    depth = 0
    while depth < min(len(one), len(other)) and one[depth] == other[depth]:
        depth += 1
    return depth


def _list(path: tuple[str, ...]) -> str:
    return f"l{''.join([_string(name) for name in path])}e"


def _string(name: str) -> str:
    length = len(name) if name.isascii() else len(_bytes(name))
    return f"{length}:{name}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
