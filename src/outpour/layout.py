"""Turns the files of a torrent into what is hashed of them, and into their lists in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from outpour.bencode import Encodable
from outpour.hasher import Merkle, Source
from outpour.info import Version
from outpour.walker import Entry, Tree

PADDING_FOLDER = ".pad"
_HASH_LENGTH = 20
# What a file costs beside its name: `d6:lengthi…e4:pathl…ee`, and in v2 the root.
_FILE_BYTES_V1 = 34
_FILE_BYTES_V2 = 78
_FILE_VALUES = 5


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
        self._format = format
        self._attributes = attributes
        self._slots: list[tuple[Entry | None, int]] = []
        is_padded = (align or format == "hybrid") and tree.is_folder
        for entry in tree.entries:
            self._slots.append((entry, entry.length))
            padding = -entry.length % piece_length
            # Behind the last file too, as libtorrent does: one folder, one infohash.
            if is_padded and padding and format != "v2":
                self._slots.append((None, padding))
                self.padding += padding
        if format == "v2":
            self.piece_count = sum(-(-entry.length // piece_length) for entry in tree.entries)
        else:
            self.piece_count = -(-(tree.length + self.padding) // piece_length)

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
        names = sum(len(part) + 4 for entry, _ in self._slots if entry for part in entry.path)
        parts = sum(len(entry.path) for entry, _ in self._slots if entry)
        size = values = 0
        if self._format != "v2":
            size += names + files * _FILE_BYTES_V1 + self.piece_count * _HASH_LENGTH
            values += files * _FILE_VALUES + parts
        if self._format != "v1":
            size += names + files * _FILE_BYTES_V2 + self.piece_count * (_HASH_LENGTH + 12)
            values += files * (_FILE_VALUES + 2)
        return size, values

    def v1_files(self) -> Mapping[str, Encodable]:
        """The keys of the info dictionary that say which files there are, for v1."""
        if not self._tree.is_folder:
            return self._leaf(self._tree.entries[0])
        files: list[Encodable] = []
        for entry, length in self._slots:
            if entry is None:
                path = [PADDING_FOLDER, str(length)]
                files.append({"attr": "p", "length": length, "path": path})
            else:
                leaf = self._leaf(entry)
                files.append({"length": 0, **leaf, "path": list(entry.path)})
        return {"files": files}

    def file_tree(self, trees: Sequence[Merkle]) -> dict[str, Encodable]:
        """The `file tree` of v2.

        Args:
            trees: One for each of `sources`.
        """
        top: dict[str, Encodable] = {}
        folders: dict[tuple[str, ...], dict[str, Encodable]] = {(): top}
        for (entry, length), tree in zip(self._slots, trees, strict=True):
            if entry is None:
                continue
            path = entry.path if self._tree.is_folder else (self._name,)
            leaf = self._leaf(entry)
            if length:
                leaf["pieces root"] = tree.root
            _folder(folders, path[:-1])[path[-1]] = {"": leaf}
        return top

    def _leaf(self, entry: Entry) -> dict[str, Encodable]:
        attr = "x" if self._attributes and entry.is_executable else ""
        if entry.target:
            return {"attr": f"{attr}l", "symlink path": list(entry.target)}
        leaf: dict[str, Encodable] = {"length": entry.length}
        if attr:
            leaf["attr"] = attr
        return leaf


def _folder(
    folders: dict[tuple[str, ...], dict[str, Encodable]], path: tuple[str, ...]
) -> dict[str, Encodable]:
    known = folders.get(path)
    if known is None:
        known = folders[path] = {}
        # Components are bounded by the walker, and so is this recursion.
        _folder(folders, path[:-1])[path[-1]] = known
    return known
