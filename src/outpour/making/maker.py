"""Turns a file or folder into the .torrent of it.

Equal content and options give an equal infohash, on every system and in every run: the order is
that of the bytes of the names, and nothing is written that was not asked for.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from outpour.base import arguments
from outpour.base.errors import ReadError, UsageError
from outpour.base.text import is_utf8, printable
from outpour.base.units import format_size
from outpour.making import hasher
from outpour.making.file_list import Layout
from outpour.making.hasher import Merkle, Progress
from outpour.making.piece_length import check_piece_length, pick_piece_length, piece_length_of_count
from outpour.making.recipe import CreateOptions
from outpour.making.walker import Tree, walk
from outpour.torrent import bencode
from outpour.torrent.bencode import LIMITS, Encodable, Encoded
from outpour.torrent.info import Version
from outpour.torrent.linter import (
    Lint,
    lint_addresses,
    lint_date,
    lint_paths,
    lint_pieces,
    lint_size,
)
from outpour.torrent.paths import component_fault

if TYPE_CHECKING:
    from outpour.making.reuse import Reuse
    from outpour.torrent.metainfo import Metainfo

__all__ = [
    "CreateOptions",
    "Draft",
    "Made",
    "Plan",
    "create",
    "create_from_tree",
    "make",
    "make_summed",
    "pick_piece_length",
    "plan",
    "plan_path",
]

DEFAULTS = CreateOptions()
_POWERS = frozenset(1 << power for power in range(14, 31))


class Hashed(Protocol):
    """Content that is being hashed; `hasher.Work` is one."""

    def __exit__(self, *_: object) -> None: ...

    def wait(self, progress: Progress | None = None) -> None:
        """Wait for the hashes."""

    def pieces(self) -> bytes:
        """Return the v1 piece list, after `wait`."""

    def trees(self) -> tuple[Merkle, ...]:
        """Return the v2 tree of each slot, after `wait`."""

    def checksums(self) -> tuple[bytes, ...]:
        """Return the SHA-256 of each slot where that was asked for, after `wait`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A torrent before its content is read.

    Attributes:
        tree: What it will hold.
        options: What it will say beside.
        name: Of the root folder or only file.
        piece_length: Bytes.
        layout: Its files in order, with padding.
        reuse: What an older torrent of the same content saves from being hashed.
        begin: Begins to read and hash what is not on disk; None where it is.
    """

    tree: Tree
    options: CreateOptions
    name: str
    piece_length: int
    layout: Layout = field(repr=False)
    reuse: Reuse | None = field(default=None, repr=False)
    begin: Callable[[], Hashed] | None = field(default=None, repr=False)

    def lint(self) -> tuple[Lint, ...]:
        """Say what will be unwise in it."""
        options = self.options
        return (
            *lint_addresses(
                trackers=[url for tier in options.trackers for url in tier],
                web_seeds=[*options.web_seeds, *options.http_seeds],
                private=options.private,
                has_nodes=bool(options.nodes),
            ),
            *lint_size(self.layout.weight[0]),
            *(lint_date(options.creation_date) if isinstance(options.creation_date, int) else ()),
            *lint_pieces(
                piece_length=self.piece_length,
                piece_count=self.layout.piece_count,
                length=self.tree.length,
                padding=self.layout.padding,
            ),
            *lint_paths([entry.path for entry in self.tree.entries], root=self.name),
        )


def create(
    path: str | os.PathLike[str],
    options: CreateOptions = DEFAULTS,
    progress: Progress | None = None,
    *,
    earlier: Metainfo | None = None,
) -> Metainfo:
    """Make the torrent of a file or folder.

    Args:
        path: What to publish.
        options: What the torrent says beside, and what of a folder it takes.
        progress: Called some 20 times a second with bytes hashed and bytes in total. What it raises
            ends the hashing, which is how a caller stops it.
        earlier: A torrent of the same content, made before: pieces of files that have not changed
            since are taken from it, and its piece length unless the options say another.

    Raises:
        ReadError: Something cannot be read, changes meanwhile or cannot be part of a torrent.
        UsageError: The options contradict each other or the content.
        SettingsError: `SOURCE_DATE_EPOCH` or `OUTPOUR_HASH` in the environment makes no sense.

    Example:
        >>> from outpour import CreateOptions, create
        >>> options = CreateOptions(format="hybrid", web_seeds=("http://127.0.0.1/",))
        >>> create("release", options, print).write("release.torrent")  # doctest: +SKIP
    """
    return make(plan_path(path, options, earlier=earlier), progress)


def create_from_tree(
    tree: Tree, options: CreateOptions = DEFAULTS, progress: Progress | None = None
) -> Metainfo:
    """Make the torrent of files already listed; otherwise as `create`."""
    return make(plan(tree, options), progress)


def plan_path(
    path: str | os.PathLike[str],
    options: CreateOptions = DEFAULTS,
    *,
    earlier: Metainfo | None = None,
) -> Plan:
    """List a file or folder, and decide what needs no content; errors as for `create`."""
    options.check()
    tree = walk(
        arguments.path(path, "path"),
        hidden=options.hidden,
        junk=options.junk,
        symlinks=options.symlinks,
        include=options.include,
        exclude=options.exclude,
        any_bytes=options.any_bytes,
    )
    return plan(tree, options, earlier=earlier)


def plan(tree: Tree, options: CreateOptions = DEFAULTS, *, earlier: Metainfo | None = None) -> Plan:
    """Decide everything about a torrent that needs no content; errors as for `create`."""
    options.check()
    length = tree.length
    if length == 0:
        raise ReadError(f"`{printable(str(tree.root))}`: has no content, only empty files")
    name = _name(tree, options)
    _check_nesting(tree, name, options.format)
    lengths = [entry.length for entry in tree.entries]
    is_asked = options.piece_length is not None or options.piece_count is not None
    if earlier is not None and not is_asked and earlier.info.piece_length in _POWERS:
        options = replace(options, piece_length=earlier.info.piece_length)
    if options.piece_length is not None:
        piece_length = check_piece_length(options.piece_length)
    elif options.piece_count is not None:
        piece_length = piece_length_of_count(length, options.piece_count)
    else:
        padded = "hybrid" if options.align else options.format
        piece_length = pick_piece_length(length, lengths, padded)
    layout = Layout(
        tree,
        name,
        piece_length,
        options.format,
        align=options.align,
        attributes=options.attributes,
    )
    _check_weight(tree, layout)
    if earlier is None:
        return Plan(tree, options, name, piece_length, layout)
    # Hardly anybody asks for it, and it needs the reader of torrents.
    from outpour.making.reuse import check_reusable, reuse

    if options.checksums:
        raise UsageError("checksums: contradict `--reuse`, as they take every byte of every file")
    found = reuse(check_reusable(earlier), tree, layout.slots, piece_length, options.format)
    return Plan(tree, options, name, piece_length, layout, found)


def make(plan: Plan, progress: Progress | None = None) -> Metainfo:
    """Read the content and make the torrent that was planned; errors as for `create`."""
    return make_summed(plan, progress)[0]


def make_summed(plan: Plan, progress: Progress | None = None) -> tuple[Metainfo, tuple[bytes, ...]]:
    """Do what `make` does, and return the checksums beside the torrent; see `Made`."""
    with Draft(plan) as draft:
        # Imported while the content is read; who only writes the torrent needs no reader.
        from outpour.torrent.metainfo import Metainfo

        made = draft.finish(progress)
    return Metainfo.parse(made.raw), made.checksums


@dataclass(frozen=True, slots=True)
class Made:
    """A torrent that was just made.

    Attributes:
        raw: The .torrent file.
        infohash: The 20 bytes that trackers know, as `Info.infohash`.
        checksums: The SHA-256 of each entry of the tree, in its order, empty for a kept link; none
            at all unless the options ask for them.
    """

    raw: bytes = field(repr=False)
    infohash: bytes
    checksums: tuple[bytes, ...] = field(default=(), repr=False)


class Draft:
    """A torrent whose content is being hashed, from here on and beside whatever else is done.

    Leaving its `with` block stops the hashing.
    """

    def __init__(self, plan: Plan) -> None:
        """Start reading the content; errors as for `create`."""
        self._plan = plan
        self._format: Version = plan.options.format
        self._root = plan.options.root(is_folder=plan.tree.is_folder)
        self._work = _on_disk(plan) if plan.begin is None else plan.begin()

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *_: object) -> None:
        self._work.__exit__()

    def finish(self, progress: Progress | None = None) -> Made:
        """Write down what needs no content, wait for the hashes and put both together.

        What is returned is not read again: of many small files that takes as long as to hash them.

        Raises:
            ReadError: The content cannot be read, or changed.
        """
        plan, layout, format = self._plan, self._plan.layout, self._format
        info: dict[str, Encodable] = {
            "name": plan.name,
            "piece length": plan.piece_length,
            **plan.options.info(),
        }
        if format != "v2":
            info.update(layout.v1_files())
        fill = layout.file_tree() if format != "v1" else None
        self._work.wait(progress)
        root = self._root
        if format != "v2":
            pieces = self._work.pieces()
            info["pieces"] = pieces if plan.reuse is None else plan.reuse.pieces(pieces)
        if fill is not None:
            trees = self._work.trees()
            trees = trees if plan.reuse is None else plan.reuse.trees(trees)
            info["meta version"] = 2
            info["file tree"] = fill(trees)
            root = {**root, "piece layers": {it.root: it.layer for it in trees if it.layer}}
        raw = Encoded(bencode.encode(info))
        if format == "v2":
            infohash = hashlib.sha256(raw).digest()[:20]
        else:
            infohash = hashlib.sha1(raw, usedforsecurity=False).digest()
        return Made(bencode.encode({**root, "info": raw}), infohash, self._checksums())

    def _checksums(self) -> tuple[bytes, ...]:
        if not self._plan.options.checksums:
            return ()
        slots = zip(self._plan.layout.slots, self._work.checksums(), strict=True)
        return tuple(digest for (entry, _), digest in slots if entry is not None)


def _on_disk(plan: Plan) -> Hashed:
    return hasher.Work(
        plan.layout.sources if plan.reuse is None else plan.reuse.sources,
        plan.piece_length,
        v1=plan.options.format != "v2",
        v2=plan.options.format != "v1",
        sha256=plan.options.checksums,
        threads=plan.options.threads,
    )


def _name(tree: Tree, options: CreateOptions) -> str:
    name = tree.root.name if options.name is None else options.name
    fault = component_fault(name)
    if fault is None and not options.any_bytes and not is_utf8(name):
        fault = "is not UTF-8"
    if fault is not None:
        raise UsageError(f"name `{printable(name)}`: {fault}", hint="choose another with `--name`")
    return name


def _check_nesting(tree: Tree, name: str, format: Version) -> None:
    # BEP 52 tells a file from a folder by this alone.
    if format != "v1" and tree.is_folder and [entry.path for entry in tree.entries] == [(name,)]:
        raise UsageError(
            f"`{printable(str(tree.root))}`: v2 cannot tell a folder from the only file in it, "
            "which has its name",
            hint="choose another name with `--name`, or publish the file itself",
        )


def _check_weight(tree: Tree, layout: Layout) -> None:
    size, values = layout.weight
    if size > LIMITS.length:
        raise UsageError(
            f"`{printable(str(tree.root))}`: {layout.piece_count} pieces make a .torrent of "
            f"{format_size(size)}, and readers take {format_size(LIMITS.length)}",
            hint="take longer pieces with `--piece-length`, or make several torrents with `--each`",
        )
    if values > LIMITS.tokens:
        raise UsageError(
            f"`{printable(str(tree.root))}`: its {len(tree.entries)} files are more than readers "
            "of a .torrent take",
            hint="make several torrents with `--each`",
        )
