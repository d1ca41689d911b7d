"""Turns an info dictionary (BEP 3, 47, 52) into a frozen value; the rest is in `metainfo`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NoReturn, TypeAlias

from outpour.base.errors import MetainfoError
from outpour.base.text import from_bytes
from outpour.base.units import GIB, KIB
from outpour.torrent.bencode import INTEGER_MAX, Value
from outpour.torrent.paths import PATH_BYTES_READ_MAX, PathReader

Dictionary: TypeAlias = dict[bytes, Value]
Version = Literal["v1", "v2", "hybrid"]

PIECE_LENGTH_MAX = GIB
PIECE_LENGTH_V2_MIN = 16 * KIB
LENGTH_MAX = INTEGER_MAX
"""Bytes in one torrent, padding included: what offsets of 64 bits can address."""
ATTR_BYTES_MAX = 16
TREE_NAMES_MAX = 16_000_000
"""Names in all paths of a v2 tree, where folders written once count for every file below them: a
million files sixteen folders deep."""
MALFORMED_MAX = 100
"""Keys that are told as malformed; more are as much of a warning."""
FOREIGN_PADDING = "_____padding_file_"
"""What BitComet calls its padding, without `attr`; other clients take it for padding too."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a torrent.

    Attributes:
        path: Components below the torrent's root folder; a torrent of one file has its name.
        length: Bytes.
        offset: Where it begins in the run of all pieces, in bytes.
        attr: BEP 47 letters: `p` padding, `x` executable, `h` hidden, `l` symbolic link.
        pieces_root: Root of the file's Merkle tree (BEP 52), None in v1 and for empty files.
        symlink: For a symbolic link, the components of its target below the torrent's root folder
            (BEP 47).
    """

    path: tuple[str, ...]
    length: int
    offset: int
    attr: str = ""
    pieces_root: bytes | None = None
    symlink: tuple[str, ...] | None = None

    @property
    def is_padding(self) -> bool:
        """Whether the file only fills up a piece and is never stored (BEP 47)."""
        return "p" in self.attr


@dataclass(frozen=True, slots=True)
class Info:
    """What identifies a torrent: the part that the infohash covers.

    Attributes:
        raw: The dictionary as it stands in the file; the infohash is taken over these bytes.
        name: The file, or the root folder.
        piece_length: Bytes.
        pieces: SHA-1 of each piece, joined; empty in pure v2.
        files: In the order of the torrent, padding included.
        is_folder: Whether `name` is a folder.
        private: Whether peers may come from the torrent's trackers only (BEP 27): any number but 0.
        source: What some trackers add to tell their torrents from others' of the same content.
        meta_version: 1, or 2 for v2 and hybrid (BEP 52).
        has_odd_names: Whether a name cannot be stored as it is, so that only `disk_names` says
            where files lie.
        malformed: Keys that clients read as absent, because they are not of their type.
        infohash_v1: SHA-1 of `raw`, None in pure v2.
        infohash_v2: SHA-256 of `raw`, None in v1.
    """

    raw: bytes = field(repr=False)
    name: str
    piece_length: int
    pieces: bytes = field(repr=False)
    files: tuple[File, ...] = field(repr=False)
    is_folder: bool
    private: bool
    source: str | None
    meta_version: int
    has_odd_names: bool = field(default=False, compare=False)
    malformed: tuple[str, ...] = field(default=(), compare=False, repr=False)
    infohash_v1: bytes | None = field(init=False, compare=False)
    infohash_v2: bytes | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        # Taken once: a tracker asks for the infohash of each torrent again and again.
        has_v1 = self.meta_version == 1 or bool(self.pieces)
        v1 = hashlib.sha1(self.raw, usedforsecurity=False).digest() if has_v1 else None
        v2 = hashlib.sha256(self.raw).digest() if self.meta_version == 2 else None
        object.__setattr__(self, "infohash_v1", v1)
        object.__setattr__(self, "infohash_v2", v2)

    @property
    def version(self) -> Version:
        """`v1`, `v2`, or `hybrid` when peers of both can share it."""
        if self.infohash_v2 is None:
            return "v1"
        return "v2" if self.infohash_v1 is None else "hybrid"

    @property
    def length(self) -> int:
        """Bytes of content, without padding."""
        return sum(file.length for file in self.files if not file.is_padding)

    @property
    def piece_count(self) -> int:
        """Pieces; in pure v2 each file has its own."""
        if self.pieces:
            return len(self.pieces) // 20
        return sum(-(-file.length // self.piece_length) for file in self.files)

    @property
    def infohash(self) -> bytes:
        """The 20 bytes that trackers and the DHT know: v1, else v2 cut off (BEP 52)."""
        digest = self.infohash_v1 or self.infohash_v2
        assert digest is not None
        return digest[:20]

    @property
    def infohash_hex(self) -> str:
        """`infohash` in 40 lower-case hexadecimal digits."""
        return self.infohash.hex()


def read_info(raw: bytes, info: Dictionary) -> Info:
    """Read an info dictionary from its bytes and what they decode to.

    Raises:
        MetainfoError: A key is missing, has another type than it must, or contradicts another.
    """
    reader = _Reader()
    version = _version(info)
    piece_length = _integer(info, b"piece length", "info.piece length")
    _check_piece_length(piece_length, version)
    name = reader.root_name(info, raw)
    has_v1 = version == 1 or any(key in info for key in (b"pieces", b"length", b"files"))
    files: tuple[File, ...] = ()
    is_folder = False
    pieces = b""
    if has_v1:
        files, is_folder = _read_files(reader, info, name)
        pieces = _bytes(info, b"pieces", "info.pieces")
        _check_pieces(pieces, files, piece_length)
    if version == 2:
        tree, tree_is_folder = _read_tree(reader, info, name, piece_length)
        if has_v1:
            files = _join(files, tree, piece_length)
            if is_folder != tree_is_folder:
                _refuse("info.file tree", "and the v1 list differ")
        else:
            files, is_folder = tree, tree_is_folder
    private = info.get(b"private")
    if not isinstance(private, int):
        reader.pass_over(b"private" in info, "info.private")
    source = info.get(b"source")
    return Info(
        raw=raw,
        name=name,
        piece_length=piece_length,
        pieces=pieces,
        files=files,
        is_folder=is_folder,
        private=isinstance(private, int) and private != 0,
        source=from_bytes(source) if isinstance(source, bytes) else None,
        meta_version=version,
        has_odd_names=reader.paths.has_odd_names,
        malformed=tuple(reader.malformed),
    )


class _Reader:
    """What is gathered while the parts of an info dictionary are read.

    Attributes:
        paths: Reads names.
        malformed: Keys that were passed over.
    """

    def __init__(self) -> None:
        self.paths = PathReader()
        self.malformed: list[str] = []

    def pass_over(self, is_there: bool, where: str) -> None:
        if is_there and len(self.malformed) < MALFORMED_MAX:
            self.malformed.append(where)

    def root_name(self, info: Dictionary, raw: bytes) -> str:
        # Writers of the first years put the local code page under the plain key and UTF-8 beside.
        for key in (b"name.utf-8", b"name"):
            value = info.get(key)
            if isinstance(value, bytes):
                return self.paths.name(value)
        # Some clients go by the infohash then, and those that refuse it show it nowhere.
        self.malformed.append("info.name")
        return hashlib.sha1(raw, usedforsecurity=False).hexdigest()


def _version(info: Dictionary) -> int:
    version = info.get(b"meta version")
    # Clients that know v2 take anything else for v1, as those do that do not.
    if not isinstance(version, int) or version < 1:
        return 1
    if version > 2:
        _refuse("info.meta version", f"is {version}, and only 1 and 2 are known")
    return version


def _refuse(key: str, what: str) -> NoReturn:
    raise MetainfoError(f"`{key}` {what}", field=key)


def _integer(info: Mapping[bytes, Value], key: bytes, where: str) -> int:
    value = info.get(key)
    if value is None:
        raise MetainfoError(f"`{where}` is missing", field=where)
    if not isinstance(value, int):
        raise MetainfoError(f"`{where}` is not a number", field=where)
    return value


def _bytes(info: Mapping[bytes, Value], key: bytes, where: str) -> bytes:
    value = info.get(key)
    if value is None:
        raise MetainfoError(f"`{where}` is missing", field=where)
    if not isinstance(value, bytes):
        raise MetainfoError(f"`{where}` is not a string", field=where)
    return value


def _check_piece_length(piece_length: int, version: int) -> None:
    if not 0 < piece_length <= PIECE_LENGTH_MAX:
        _refuse("info.piece length", f"is {piece_length}, not from 1 to {PIECE_LENGTH_MAX}")
    if version == 2 and (
        piece_length < PIECE_LENGTH_V2_MIN or piece_length & (piece_length - 1) != 0
    ):
        _refuse(
            "info.piece length",
            f"is {piece_length}, and v2 takes powers of two from {PIECE_LENGTH_V2_MIN}",
        )


def _check_pieces(pieces: bytes, files: tuple[File, ...], piece_length: int) -> None:
    if len(pieces) % 20:
        _refuse("info.pieces", f"has {len(pieces)} bytes, not a multiple of 20")
    total = files[-1].offset + files[-1].length
    needed = -(-total // piece_length)
    if len(pieces) // 20 != needed:
        _refuse("info.pieces", f"has {len(pieces) // 20} pieces where {total} bytes need {needed}")


def _check_length(length: int, offset: int, where: str) -> None:
    if length < 0:
        _refuse(where, "is negative")
    if length > LENGTH_MAX - offset:
        _refuse(where, f"brings the torrent above {LENGTH_MAX} bytes")


def _read_files(reader: _Reader, info: Dictionary, name: str) -> tuple[tuple[File, ...], bool]:
    entries = info.get(b"files")
    if entries is None:
        return (_read_file(reader, info, (name,), 0, "info"),), False
    reader.pass_over(b"length" in info, "info.length")
    if not isinstance(entries, list) or not entries:
        raise MetainfoError("`info.files` is not a list of files", field="info.files")
    files: list[File] = []
    offset = 0
    for index, entry in enumerate(entries):
        where = f"info.files[{index}]"
        if not isinstance(entry, dict):
            raise MetainfoError(f"`{where}` is not a dictionary", field=where)
        components = entry.get(b"path.utf-8")
        if not isinstance(components, list):
            components = entry.get(b"path")
        if components is None and "p" in _attr(entry):
            # Padding is stored nowhere, and some writers name it not at all.
            components = [b".pad", b"%d" % _integer(entry, b"length", f"{where}.length")]
        path = _read_components(reader, components, where, "path")
        file = _read_file(reader, entry, path, offset, where)
        files.append(file)
        offset += file.length
    return tuple(files), True


def _read_file(
    reader: _Reader, entry: Dictionary, path: tuple[str, ...], offset: int, where: str
) -> File:
    length = entry.get(b"length")
    attr = _attr(entry)
    if "l" in attr:
        return _read_link(reader, entry, path, offset, where)
    if type(length) is not int or not 0 <= length <= LENGTH_MAX - offset:
        length = _integer(entry, b"length", f"{where}.length")
        _check_length(length, offset, f"{where}.length")
    if FOREIGN_PADDING in path[-1] and "p" not in attr:
        attr += "p"
    return File(path, length, offset, attr)


def _read_link(
    reader: _Reader, entry: Dictionary, path: tuple[str, ...], offset: int, where: str
) -> File:
    # BEP 47 gives links no bytes, and some writers no length either; one that is there is passed
    # over by clients that know links.
    reader.pass_over(entry.get(b"length", 0) != 0, f"{where}.length")
    attr = _attr(entry)
    target = entry.get(b"symlink path")
    if not isinstance(target, list) or not target:
        reader.pass_over(True, f"{where}.symlink path")
        return File(path, 0, offset, attr.replace("l", ""))
    return File(
        path, 0, offset, attr, symlink=_read_components(reader, target, where, "symlink path")
    )


def _read_components(
    reader: _Reader, components: Value | None, where: str, key: str
) -> tuple[str, ...]:
    if not isinstance(components, list):
        _refuse(f"{where}.{key}", "is not a list")
    raw = [component for component in components if isinstance(component, bytes)]
    if len(raw) != len(components):
        _refuse(f"{where}.{key}", "holds something else than strings")
    return reader.paths.read(raw, where, key)


def _attr(entry: Dictionary) -> str:
    attr = entry.get(b"attr")
    if attr is None:
        return ""
    if not isinstance(attr, bytes) or len(attr) > ATTR_BYTES_MAX or not attr.isascii():
        return ""
    return attr.decode("ascii")


def _read_tree(
    reader: _Reader, info: Dictionary, name: str, piece_length: int
) -> tuple[tuple[File, ...], bool]:
    tree = info.get(b"file tree")
    if not isinstance(tree, dict) or not tree:
        raise MetainfoError("`info.file tree` is not a dictionary of files", field="info.file tree")
    where = "info.file tree"
    files: list[File] = []
    offset = 0
    names = 0
    for path, leaf in _leaves(reader, tree):
        names += len(path)
        if names > TREE_NAMES_MAX:
            _refuse(where, f"holds paths of more than {TREE_NAMES_MAX} names together")
        file = _read_file(reader, leaf, path, offset, where)
        if file.is_padding:
            _refuse(where, "holds padding, which v2 has none of")
        if file.length:
            root = leaf.get(b"pieces root")
            if not isinstance(root, bytes) or len(root) != 32 or not any(root):
                _refuse(f"{where}.pieces root", "is not a SHA-256 hash")
            file = File(path, file.length, offset, file.attr, root)
        files.append(file)
        # BEP 52 begins every file on a piece of its own.
        offset += -(-file.length // piece_length) * piece_length
    if not files:
        _refuse(where, "is not a dictionary of files")
    is_folder = not (len(files) == 1 and files[0].path == (name,))
    return tuple(files), is_folder


def _leaves(reader: _Reader, tree: Dictionary) -> Iterator[tuple[tuple[str, ...], Dictionary]]:
    # Each name is read once, however many files are below it: the folders of a path are shared.
    where = "info.file tree"
    pending: list[tuple[tuple[str, ...], int, Iterator[bytes], Dictionary]] = []
    path: tuple[str, ...] = ()
    length = 0
    names, folder = iter(tree), tree
    while True:
        key = next(names, None)
        if key is None:
            if not pending:
                return
            path, length, names, folder = pending.pop()
            continue
        node = folder[key]
        if not isinstance(node, dict) or not key:
            _refuse(where, "holds something else than files and folders")
        below = (*path, reader.paths.name(key))
        if length + len(key) >= PATH_BYTES_READ_MAX:
            _refuse(where, f"holds a path longer than {PATH_BYTES_READ_MAX} bytes")
        leaf = node.get(b"")
        if leaf is None:
            pending.append((path, length, names, folder))
            path, length, names, folder = below, length + len(key) + 1, iter(node), node
        elif isinstance(leaf, dict) and len(node) == 1:
            yield below, leaf
        else:
            _refuse(where, "holds a malformed file")


def _join(files: tuple[File, ...], tree: tuple[File, ...], piece_length: int) -> tuple[File, ...]:
    # A hybrid describes the same bytes twice; where the descriptions differ, peers of one kind
    # would store other files than peers of the other.
    roots = {file.path: file for file in tree}
    content = [file for file in files if not file.is_padding]
    if {(file.path, file.length) for file in content} != {
        (file.path, file.length) for file in tree
    } or len(content) != len(tree):
        _refuse("info.file tree", "and the v1 list differ")
    joined: list[File] = []
    for file in files:
        if file.is_padding:
            joined.append(file)
            continue
        if file.length and file.offset % piece_length:
            _refuse("info.files", "of a hybrid do not begin on pieces of their own")
        twin = roots[file.path]
        if file.symlink != twin.symlink:
            _refuse("info.file tree", "and the v1 list differ")
        joined.append(
            File(file.path, file.length, file.offset, file.attr, twin.pieces_root, file.symlink)
        )
    return tuple(joined)
