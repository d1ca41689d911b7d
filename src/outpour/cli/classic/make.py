"""`btmakemetafile` and `btcompletedir`: making .torrent files the old way."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from outpour.base.errors import OutpourError, ReadError, UsageError
from outpour.base.text import printable
from outpour.base.units import GIB, MIB
from outpour.cli.classic.announce import split_tiers
from outpour.cli.classic.frame import EXIT_USAGE, each, note_obsolete, print_text, program, run
from outpour.cli.classic.option_table import Option, OptionError, Parsed, listing, parse, wants_help
from outpour.cli.shared.inputs import check_url
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.target import pattern_of_target, torrent_name
from outpour.making.batch import ENDING, is_made, things
from outpour.making.maker import CreateOptions, create_from_tree
from outpour.making.walker import Tree, walk
from outpour.torrent.editor import Changes, edit

PIECE_SIZE_POW2 = 18
PIECE_SIZE_POW2_MIN = 14
PIECE_SIZE_POW2_MAX = 30

OPTIONS = (
    Option(
        "piece_size_pow2",
        PIECE_SIZE_POW2,
        "which power of 2 to set the piece size to; 0 chooses by size, which is the default when "
        "the tracker url comes first",
    ),
    Option("comment", "", "optional human-readable comment to put in .torrent"),
    Option("target", "", "optional target file for the torrent"),
    Option("announce_list", "", "a list of announce URLs: `,` within a tier, `|` between tiers"),
    Option("httpseeds", "", "a list of http seed URLs, separated by `|`"),
    Option("filesystem_encoding", "", "names are taken as they are on disk", obsolete=True),
)

# Above so many bytes pieces are 2 ** so many. Any other table would give other infohashes.
AUTOMATIC_POW2 = (
    (8 * GIB, 21),
    (2 * GIB, 20),
    (512 * MIB, 19),
    (64 * MIB, 18),
    (16 * MIB, 17),
    (4 * MIB, 16),
)
AUTOMATIC_POW2_MIN = 15
LEFT_OUT = ("core", "CVS", "Icon\r")
"""What the old commands never took, besides names that begin with a dot; and what macOS leaves in
folders under a name that the others refuse."""

_NAME = re.compile(r"[^/\\.~][^/\\]*\Z")
_URL = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")


def btmakemetafile(args: Sequence[str] | None = None) -> int:
    """Run `btmakemetafile FILE URL` (3.4.2) or `btmakemetafile URL FILE...` (BitTornado)."""
    return run(_make, args, OPTIONS, {"-o": "--target"})


def _make(printer: Printer, args: list[str]) -> int:
    if not args or wants_help(args):
        print_text(printer, "usage is -")
        print_text(printer, f"{program('btmakemetafile')} file trackerurl [params]\n")
        print_text(printer, listing(OPTIONS))
        return 0
    parsed = parse(args, OPTIONS, words_min=2)
    url, paths, url_first = _split(parsed.words)
    if parsed.text("target") and len(paths) > 1:
        raise OptionError("--target takes one file")
    note_obsolete(printer, parsed)
    options = _options(url)

    def make(path: str) -> None:
        place = Path(path)
        # `FILE.torrent` beside it, also for `folder/` and `.`.
        whole = place.absolute()
        target = parsed.text("target") or whole.parent / torrent_name(whole.name)
        _write(printer, place, Path(target), parsed, options, automatic=url_first)

    return each(printer, paths, make)


def btcompletedir(args: Sequence[str] | None = None) -> int:
    """Run `btcompletedir URL DIR...`: a .torrent for everything in each folder.

    A file among the words gets a .torrent of its own.
    """
    return run(_complete, args, OPTIONS, {"-o": "--target"})


def _complete(printer: Printer, args: list[str]) -> int:
    if not args or wants_help(args):
        name = program("btcompletedir")
        print_text(printer, f"Usage: {name} <trackerurl> <dir> [dir...] [params...]\n")
        print_text(printer, listing(OPTIONS))
        return 0 if args else EXIT_USAGE
    parsed = parse(args, OPTIONS, words_min=2)
    url, folders, _ = _split(parsed.words)
    note_obsolete(printer, parsed)
    options = _options(url)
    folder = Path(parsed.text("target")) if parsed.text("target") else None
    if folder is not None and not folder.is_dir():
        raise ReadError(f"`{folder}`: not a folder")

    def make(path: str) -> None:
        place = Path(path)
        name = torrent_name(place.name)
        target = (folder or place.parent) / name
        _write(printer, place, target, parsed, options, automatic=True)

    faults: list[OutpourError] = []
    code = each(printer, (str(p) for name in folders for p in _entries(name, faults)), make)
    for fault in faults:
        printer.fault(fault)
        code = code or fault.exit_code
    return code


def _entries(name: str, faults: list[OutpourError]) -> Iterator[Path]:
    place = Path(name).absolute()
    if not place.is_dir():
        if place.suffix != ENDING:
            yield place
        return
    try:
        found = things(place, junk=True, symlinks="follow", exclude=LEFT_OUT)
    except OutpourError as error:
        faults.append(error)
        return
    faults += found.faults
    for path in found.paths:
        try:
            is_new = not is_made(_torrent_of(path))
        except OutpourError as error:
            faults.append(error)
            continue
        if is_new:
            yield path


def _torrent_of(path: Path) -> Path:
    return path.with_name(f"{path.name}{ENDING}")


def _split(words: Sequence[str]) -> tuple[str, list[str], bool]:
    # The two lines of tools have opposite orders under one name; only one of the words is a URL.
    first, last = bool(_URL.match(words[0])), bool(_URL.match(words[-1]))
    if not first and not last:
        raise UsageError("no tracker url given", hint="write it in full, with `http://`")
    rest = list(words[1:] if first else words[:-1])
    return check_url((words[0] if first else words[-1]).strip()), rest, first


def _options(url: str) -> CreateOptions:
    return CreateOptions(
        trackers=((url,),),
        created_by=None,
        creation_date=int(time.time()),
        junk=True,
        symlinks="follow",
        exclude=LEFT_OUT,
    )


def _write(
    printer: Printer,
    path: Path,
    target: Path,
    parsed: Parsed,
    options: CreateOptions,
    *,
    automatic: bool,
) -> None:
    itself = pattern_of_target(target, path)
    tree = walk(path, junk=True, symlinks="follow", exclude=(*LEFT_OUT, *itself))
    for part in (tree.root.name, *(part for entry in tree.entries for part in entry.path)):
        if not _NAME.match(part):
            raise ReadError(f"name {printable(part)} disallowed for security reasons")
    asked = parsed.integer("piece_size_pow2") if "piece_size_pow2" in parsed.given else None
    power = (0 if automatic else PIECE_SIZE_POW2) if asked is None else asked
    if power and not PIECE_SIZE_POW2_MIN <= power <= PIECE_SIZE_POW2_MAX:
        raise UsageError(
            f"--piece_size_pow2 {power}: not from {PIECE_SIZE_POW2_MIN} to {PIECE_SIZE_POW2_MAX}"
        )
    length = 1 << (power or _automatic_pow2(tree))
    options = replace(options, piece_length=length, comment=parsed.text("comment") or None)
    with printer.progress(f"hashing {tree.root.name}") as progress:
        metainfo = create_from_tree(tree, options, progress)
    tiers = split_tiers(parsed.text("announce_list"))
    seeds = [check_url(seed) for seed in parsed.text("httpseeds").split("|") if seed]
    if tiers or seeds:
        metainfo = edit(metainfo, Changes(announce_list=tiers, http_seeds=seeds))
    metainfo.write(target)


def _automatic_pow2(tree: Tree) -> int:
    return next(
        (power for above, power in AUTOMATIC_POW2 if tree.length > above), AUTOMATIC_POW2_MIN
    )
