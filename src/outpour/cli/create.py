"""`outpour create`: make the .torrent of a file or folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.cli.group import define
from outpour.cli.inputs import STDIO, check_url, read_date, read_tiers
from outpour.cli.printer import Printer
from outpour.errors import UsageError, WriteError
from outpour.units import format_size, parse_size

if TYPE_CHECKING:
    from outpour.maker import CreateOptions
    from outpour.metainfo import Metainfo
    from outpour.walker import Tree

REFUSED = ("private-without-tracker", "duplicate-paths", "case-duplicates", "unicode-duplicates")
"""Lints that leave a new torrent useless to some of its users, unless allowed by name."""


@define(
    "create",
    example="""
    outpour create ~/releases/game --tracker http://127.0.0.1:6969/announce
    outpour create disk.img --format hybrid --piece-length 4MiB -o - | outpour show -
    """,
)
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option(
    "-t",
    "--tracker",
    "trackers",
    metavar="URL[,URL]",
    multiple=True,
    help="A tracker; each use is a tier, commas separate equals in it.",
)
@click.option(
    "-w",
    "--web-seed",
    "web_seeds",
    metavar="URL",
    multiple=True,
    help="Where the same bytes are served by HTTP (BEP 19).",
)
@click.option(
    "-l",
    "--piece-length",
    metavar="SIZE",
    help="A power of two from 16KiB, as in `1MiB`; by default at most 2048 pieces.",
)
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["v1", "v2", "hybrid"]),
    default="v1",
    show_default=True,
    help="v1 for all clients, v2 for new ones, hybrid for both.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="File or folder to write to, by default NAME.torrent here; `-` is stdout.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("-c", "--comment", metavar="TEXT", help="Free text for people.")
@click.option(
    "-p", "--private", is_flag=True, help="Let peers meet through the trackers only (BEP 27)."
)
@click.option(
    "-s", "--source", metavar="TEXT", help="Text that makes the infohash this tracker's own."
)
@click.option("-n", "--name", metavar="NAME", help="Another name than that on disk.")
@click.option(
    "--date",
    metavar="DATE",
    help="Creation date: ISO 8601 or seconds since 1970; by default now, or SOURCE_DATE_EPOCH.",
)
@click.option("--no-date", is_flag=True, help="Leave the date out.")
@click.option("--created-by", metavar="TEXT", help="Another program's name.")
@click.option("--no-created-by", is_flag=True, help="Leave the program's name out.")
@click.option("--hidden", is_flag=True, help="Take names that begin with a dot.")
@click.option("--junk", is_flag=True, help="Take what systems leave behind, such as Thumbs.db.")
@click.option("--follow-symlinks", is_flag=True, help="Follow links out of the folder.")
@click.option("-i", "--include", metavar="GLOB", multiple=True, help="Take only files that match.")
@click.option(
    "-x", "--exclude", metavar="GLOB", multiple=True, help="Leave out files and folders that match."
)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="How many hash; one a core by default.",
)
@click.option(
    "--allow",
    metavar="LINT",
    multiple=True,
    help="Make the torrent although it is unwise in this way.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Describe the torrent as JSON, as `show` does."
)
@click.pass_obj
def command(
    printer: Printer,
    /,
    path: Path,
    output: str | None,
    force: bool,
    as_json: bool,
    allow: tuple[str, ...],
    **asked: Any,  # noqa: ANN401
) -> None:
    """Make the .torrent of a file or folder.

    Equal content and options give an equal infohash.
    Hidden files and what systems leave behind are left out.
    """
    if as_json and output == STDIO:
        raise UsageError("`--json`: `-o -` writes the torrent to stdout already")
    from outpour.maker import create_from_tree
    from outpour.walker import walk

    options = _options(asked)
    tree = walk(
        path,
        hidden=options.hidden,
        junk=options.junk,
        follow_symlinks=options.follow_symlinks,
        include=options.include,
        exclude=options.exclude,
    )
    target = _target(output, options.name or tree.root.name, force)
    _refuse_unwise(tree, options, allow)
    with printer.progress("hashing") as progress:
        metainfo = create_from_tree(tree, options, progress)
    if target is None:
        printer.raw(metainfo.raw)
    else:
        metainfo.write(target)
    _tell(printer, metainfo, tree, target, allow)
    if as_json:
        from outpour.cli.report import describe

        written = {} if target is None else {"torrent": str(target)}
        printer.json({**written, **describe(metainfo)})


def _options(asked: dict[str, Any]) -> CreateOptions:
    from outpour.maker import CreateOptions

    for flag in ("date", "created_by"):
        if asked[flag] is not None and asked[f"no_{flag}"]:
            words = flag.replace("_", "-")
            raise UsageError(f"`--{words}`: contradicts `--no-{words}`")
    options: dict[str, Any] = {
        name: asked[name]
        for name in (
            "comment", "private", "source", "name", "hidden", "junk", "follow_symlinks", "include",
            "exclude", "threads",
        )
    }  # fmt: skip
    if asked["piece_length"] is not None:
        options["piece_length"] = parse_size(asked["piece_length"])
    if asked["date"] is not None or asked["no_date"]:
        options["creation_date"] = None if asked["no_date"] else read_date(asked["date"])
    if asked["created_by"] is not None or asked["no_created_by"]:
        options["created_by"] = asked["created_by"] or None
    return CreateOptions(
        trackers=read_tiers(asked["trackers"]),
        web_seeds=tuple(check_url(url) for url in asked["web_seeds"]),
        format=asked["format_"],
        **options,
    )


def _target(output: str | None, name: str, force: bool) -> Path | None:
    if output == STDIO:
        return None
    target = Path(output if output is not None else ".")
    if target.is_dir():
        target /= f"{name}.torrent"
    # Refused before an hour of hashing, not after it.
    if target.is_file() and not force:
        raise WriteError(
            f"`{target}`: is already there", hint="`--force` replaces it, `-o` writes elsewhere"
        )
    if not target.parent.is_dir():
        raise WriteError(
            f"`{target}`: its folder is not there",
            hint=f"make it first: mkdir -p '{target.parent}'",
        )
    return target


def _refuse_unwise(tree: Tree, options: CreateOptions, allow: tuple[str, ...]) -> None:
    from outpour.linter import LINTS, Lint, lint_paths

    for name in allow:
        if name not in LINTS:
            raise UsageError(f"`--allow {name}`: no such lint", hint=f"one of {', '.join(LINTS)}")
    notes = list(lint_paths([entry.path for entry in tree.entries]))
    if options.private and not options.trackers:
        kind = "private-without-tracker"
        notes.append(Lint(kind, LINTS[kind]))
    for note in notes:
        if note.name in REFUSED and note.name not in allow:
            raise UsageError(note.message, hint=f"`--allow {note.name}` makes it all the same")


def _tell(
    printer: Printer,
    metainfo: Metainfo,
    tree: Tree,
    target: Path | None,
    allow: tuple[str, ...],
) -> None:
    from outpour.cli.report import count
    from outpour.linter import lint

    info = metainfo.info
    size = f"{count(len(tree.entries), 'file')}, {format_size(info.length)}"
    pieces = f"{count(info.piece_count, 'piece')} of {format_size(info.piece_length)}"
    where = f"`{target}`: " if target is not None else ""
    printer.talk(f"{where}{size}, {pieces}, infohash {info.infohash_hex}")
    if tree.skipped:
        first = "/".join(tree.skipped[0])
        printer.note(f"{count(len(tree.skipped), 'path')} left out, such as `{first}`")
    for note in lint(metainfo):
        if note.name not in allow:
            printer.note(f"{note.message} ({note.name})")
