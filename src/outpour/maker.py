"""Turns a file or folder into the .torrent of it.

Equal content and options give an equal infohash, on every system and in every run: the order is
that of the bytes of the names, and nothing is written that was not asked for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from outpour import bencode, hasher
from outpour._core import __version__
from outpour.bencode import Encodable
from outpour.errors import ReadError, SettingsError, UsageError
from outpour.hasher import Merkle, Progress, Source
from outpour.info import PIECE_LENGTH_MAX, Version
from outpour.metainfo import Metainfo
from outpour.paths import component_fault
from outpour.text import printable
from outpour.units import KIB, MIB, format_size
from outpour.walker import Entry, Tree, walk

PIECE_LENGTH_AUTO_MIN = 16 * KIB
"""One request of a peer; below it a piece list only gets longer."""
PIECE_LENGTH_AUTO_MAX = 16 * MIB
"""Above it some clients refuse, and one bad piece costs too much."""
PIECES_WANTED = 2048
"""A piece list of 40 KiB loads in one go, and 0.05 % of the content is little to fetch again."""
PADDING_SHARE = 4
"""A hybrid's padding stays under a quarter of its content where the piece length can see to it."""
CREATION_DATE_VARIABLE = "SOURCE_DATE_EPOCH"
"""What build systems set so that equal input gives equal output."""


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """What a new torrent says beside its content.

    Attributes:
        trackers: Tiers of announce URLs (BEP 12).
        web_seeds: URLs where the content is served as it is (BEP 19).
        comment: Free text.
        private: Ask clients to meet peers through the trackers only (BEP 27).
        source: Text that changes the infohash, so that a tracker knows its own torrents.
        piece_length: Bytes, a power of two from 16 KiB; chosen by `pick_piece_length` if None.
        created_by: The program that made it, None to leave it out.
        creation_date: Seconds since 1970; None to leave it out. `now` is `SOURCE_DATE_EPOCH` when
            the environment has it.
        name: Of the root folder or only file, when it shall differ from the one on disk.
        format: `v1` for all clients, `v2` for new ones, `hybrid` for both.
        threads: How many hash; one a core by default.
        hidden, junk, follow_symlinks, include, exclude: What to take; see `walker.walk`.
    """

    trackers: tuple[tuple[str, ...], ...] = ()
    web_seeds: tuple[str, ...] = ()
    comment: str | None = None
    private: bool = False
    source: str | None = None
    piece_length: int | None = None
    created_by: str | None = f"outpour {__version__}"
    creation_date: int | Literal["now"] | None = "now"
    name: str | None = None
    format: Version = "v1"
    threads: int | None = None
    hidden: bool = False
    junk: bool = False
    follow_symlinks: bool = False
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


DEFAULTS = CreateOptions()


def create(
    path: str | os.PathLike[str],
    options: CreateOptions = DEFAULTS,
    progress: Progress | None = None,
) -> Metainfo:
    """Make the torrent of a file or folder.

    Args:
        path: What to publish.
        options: What the torrent says beside.
        progress: Called some 20 times a second with bytes hashed and bytes in total.

    Raises:
        ReadError: Something cannot be read, changes meanwhile or cannot be part of a torrent.
        UsageError: The options contradict each other or the content.

    Example:
        >>> create("release.iso", CreateOptions(trackers=(("http://127.0.0.1:6969/announce",),)))
        ... # doctest: +SKIP
    """
    tree = walk(
        path,
        hidden=options.hidden,
        junk=options.junk,
        follow_symlinks=options.follow_symlinks,
        include=options.include,
        exclude=options.exclude,
    )
    return create_from_tree(tree, options, progress)


def create_from_tree(
    tree: Tree, options: CreateOptions = DEFAULTS, progress: Progress | None = None
) -> Metainfo:
    """Make the torrent of files already listed; otherwise as `create`."""
    if not any(entry.length for entry in tree.entries):
        raise ReadError(f"`{printable(str(tree.root))}`: has no content, only empty files")
    _check_unicode(options)
    root = _root(options)
    name = _name(tree, options)
    piece_length = _piece_length(tree, options)
    info: dict[str, Encodable] = {"name": name, "piece length": piece_length}
    if options.private:
        info["private"] = 1
    if options.source is not None:
        info["source"] = options.source
    _add_hashes(info, root, tree, options, progress)
    root["info"] = info
    return Metainfo.parse(bencode.encode(root))


def pick_piece_length(total: int, lengths: Sequence[int] = (), format: Version = "v1") -> int:
    """Choose a piece length: the least power of two that makes at most 2048 pieces.

    Args:
        total: Bytes of content.
        lengths: Bytes of each file. A hybrid pads every one to a piece, so for many small files
            its pieces get shorter until the padding is below a quarter of the content.
        format: What will be made.

    Returns:
        Bytes, from 16 KiB to 16 MiB.

    Example:
        >>> pick_piece_length(4 << 30)
        2097152
    """
    piece_length = PIECE_LENGTH_AUTO_MIN
    while piece_length < PIECE_LENGTH_AUTO_MAX and total > piece_length * PIECES_WANTED:
        piece_length *= 2
    if format == "hybrid":
        while (
            piece_length > PIECE_LENGTH_AUTO_MIN
            and sum(-length % piece_length for length in lengths) * PADDING_SHARE > total
        ):
            piece_length //= 2
    return piece_length


def _piece_length(tree: Tree, options: CreateOptions) -> int:
    chosen = options.piece_length
    if chosen is None:
        lengths = [entry.length for entry in tree.entries]
        return pick_piece_length(sum(lengths), lengths, options.format)
    if chosen < PIECE_LENGTH_AUTO_MIN or chosen > PIECE_LENGTH_MAX or chosen & (chosen - 1):
        raise UsageError(
            f"piece length: {chosen} is not a power of two from 16 KiB to "
            f"{format_size(PIECE_LENGTH_MAX)}",
            hint="write `256KiB`, `1MiB` or `4MiB`, or leave it to outpour",
        )
    return chosen


def _name(tree: Tree, options: CreateOptions) -> str:
    name = tree.root.name if options.name is None else options.name
    fault = component_fault(name)
    if fault is not None:
        raise UsageError(f"name `{printable(name)}`: {fault}", hint="choose another with `--name`")
    if any("\ud800" <= sign <= "\udfff" for sign in name):
        raise UsageError(
            f"name `{printable(name)}`: is not UTF-8", hint="choose another with `--name`"
        )
    return name


def _check_unicode(options: CreateOptions) -> None:
    urls = [url for tier in options.trackers for url in tier] + list(options.web_seeds)
    texts = {"comment": options.comment, "source": options.source, "creator": options.created_by}
    for what, text in [*texts.items(), *(("URL", url) for url in urls)]:
        if text is not None and any("\ud800" <= sign <= "\udfff" for sign in text):
            raise UsageError(f"{what} `{printable(text)}`: is not UTF-8")


def _root(options: CreateOptions) -> dict[str, Encodable]:
    root: dict[str, Encodable] = {}
    tiers = [list(tier) for tier in options.trackers if tier]
    if tiers:
        root["announce"] = tiers[0][0]
    if sum(map(len, tiers)) > 1:
        root["announce-list"] = tiers
    if options.web_seeds:
        root["url-list"] = list(options.web_seeds)
    if options.comment is not None:
        root["comment"] = options.comment
    if options.created_by is not None:
        root["created by"] = options.created_by
    date = _now() if options.creation_date == "now" else options.creation_date
    if date is not None:
        root["creation date"] = date
    return root


def _now() -> int:
    fixed = os.environ.get(CREATION_DATE_VARIABLE)
    if not fixed:
        return int(time.time())
    if not fixed.isascii() or not fixed.isdigit():
        raise SettingsError(
            f"`{CREATION_DATE_VARIABLE}`: `{fixed}` is not a number of seconds since 1970"
        )
    return int(fixed)


def _add_hashes(
    info: dict[str, Encodable],
    root: dict[str, Encodable],
    tree: Tree,
    options: CreateOptions,
    progress: Progress | None,
) -> None:
    piece_length = info["piece length"]
    name = info["name"]
    assert isinstance(piece_length, int)
    assert isinstance(name, str)
    layout = _Layout(tree, name, piece_length, padded=options.format == "hybrid")
    threads = options.threads
    if options.format == "v1":
        info.update(layout.v1_files())
        info["pieces"] = hasher.hash_v1(
            layout.sources, piece_length, threads=threads, progress=progress
        )
        return
    if options.format == "v2":
        trees = hasher.hash_v2(layout.sources, piece_length, threads=threads, progress=progress)
    else:
        info.update(layout.v1_files())
        info["pieces"], trees = hasher.hash_hybrid(
            layout.sources, piece_length, threads=threads, progress=progress
        )
    info["meta version"] = 2
    info["file tree"] = layout.file_tree(trees)
    root["piece layers"] = {tree.root: tree.layer for tree in trees if tree.layer}


class _Layout:
    """The files of a torrent with the padding between them, for hashing and for the lists."""

    def __init__(self, tree: Tree, name: str, piece_length: int, *, padded: bool) -> None:
        self._is_folder = tree.is_folder
        self._name = name
        self._slots: list[tuple[Entry | None, int]] = []
        for entry in tree.entries:
            self._slots.append((entry, entry.length))
            padding = -entry.length % piece_length
            # Behind the last file too, as libtorrent does: one folder, one infohash.
            if padded and padding and tree.is_folder:
                self._slots.append((None, padding))

    @property
    def sources(self) -> list[Source]:
        return [(entry.location if entry else None, length) for entry, length in self._slots]

    def v1_files(self) -> Mapping[str, Encodable]:
        if not self._is_folder:
            return {"length": self._slots[0][1]}
        files: list[Encodable] = []
        for entry, length in self._slots:
            if entry is None:
                files.append({"attr": "p", "length": length, "path": [".pad", str(length)]})
            else:
                files.append({"length": length, "path": list(entry.path)})
        return {"files": files}

    def file_tree(self, trees: Sequence[Merkle]) -> dict[str, Encodable]:
        top: dict[str, Encodable] = {}
        folders: dict[tuple[str, ...], dict[str, Encodable]] = {(): top}
        for (entry, length), tree in zip(self._slots, trees, strict=True):
            if entry is None:
                continue
            path = entry.path if self._is_folder else (self._name,)
            leaf: dict[str, Encodable] = {"length": length}
            if length:
                leaf["pieces root"] = tree.root
            self._folder(folders, path[:-1])[path[-1]] = {"": leaf}
        return top

    def _folder(
        self, folders: dict[tuple[str, ...], dict[str, Encodable]], path: tuple[str, ...]
    ) -> dict[str, Encodable]:
        known = folders.get(path)
        if known is None:
            known = folders[path] = {}
            # Components are bounded by the walker, and so is this recursion.
            self._folder(folders, path[:-1])[path[-1]] = known
        return known
