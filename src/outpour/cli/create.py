"""`outpour create`: make the .torrent of a file or folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.base.errors import OutpourError, UsageError, WriteError
from outpour.base.host_port import read_host_port
from outpour.base.units import parse_size
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import (
    ANY_PATH,
    STDIO,
    check_url,
    read_date,
    read_similar,
    read_tiers,
)
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.target import pattern_of_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outpour.cli.shared.creation import Creation, Merged
    from outpour.making.maker import CreateOptions, Plan

NAMES_NOT_UTF8 = "names-not-utf8"


@define(
    "create",
    example="""
    outpour create ~/releases/game --tracker http://127.0.0.1:6969/announce
    outpour create disk.img --format hybrid --piece-length 4MiB -o - | outpour show -
    outpour create ~/releases --each -o ~/torrents --exclude '*.tmp' --dry-run
    outpour create ~/releases/game --reuse game.torrent --force
    """,
)
@click.argument("paths", metavar="PATH...", type=ANY_PATH, nargs=-1, required=True)
@click.option(
    "--each",
    is_flag=True,
    help="Make a torrent of everything in each folder PATH that has none yet, instead of itself.",
)
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
    "--http-seed",
    "http_seeds",
    metavar="URL",
    multiple=True,
    help="A script that serves them (BEP 17).",
)
@click.option(
    "--node",
    "nodes",
    metavar="HOST:PORT",
    multiple=True,
    help="A node of the DHT to begin with (BEP 5).",
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
    "-l",
    "--piece-length",
    metavar="SIZE",
    help="A power of two from 16KiB, as in `1MiB`; by default at most 2048 pieces.",
)
@click.option(
    "--piece-count",
    type=click.IntRange(1, 10_000_000),
    metavar="N",
    help="Take the shortest pieces that are at most N.",
)
@click.option(
    "--align", is_flag=True, help="Begin every file on a piece in v1 too, with padding (BEP 47)."
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="File or folder to write to, by default NAME.torrent here; `-` is stdout.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option("--dry-run", is_flag=True, help="List what would be taken; hash and write nothing.")
@click.option("-c", "--comment", metavar="TEXT", help="Free text for people.")
@click.option(
    "-p", "--private", is_flag=True, help="Let peers meet through the trackers only (BEP 27)."
)
@click.option(
    "-s", "--source", metavar="TEXT", help="Text that makes the infohash this tracker's own."
)
@click.option(
    "--similar",
    metavar="HASH|FILE",
    multiple=True,
    help="Infohash or .torrent of one that shares files (BEP 38).",
)
@click.option(
    "--collection",
    "collections",
    metavar="NAME",
    multiple=True,
    help="A collection that the torrent belongs to (BEP 38).",
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
@click.option(
    "--merge",
    metavar="JSON",
    help="Set any other fields, as an object of strings, whole numbers, lists and objects; its "
    "`info` sets those inside the info dictionary.",
)
@click.option(
    "--reuse",
    metavar="TORRENT",
    help="Take the hashes of files that have not changed since from this torrent, or from that of "
    "the same name in this folder.",
)
@click.option("--hidden", is_flag=True, help="Take names that begin with a dot.")
@click.option("--junk", is_flag=True, help="Take what systems leave behind, such as Thumbs.db.")
@click.option(
    "--symlinks",
    type=click.Choice(["inside", "follow", "keep", "refuse", "skip"]),
    default="inside",
    show_default=True,
    help="Take what links lead to if it is inside the folder, or wherever it is; keep them as "
    "links (BEP 47); end at the first; or leave them out.",
)
@click.option("--executable", is_flag=True, help="Say which files are executable (BEP 47).")
@click.option(
    "-i",
    "--include",
    metavar="GLOB",
    multiple=True,
    help="Take only files that match: `*.iso` by name, `docs/*` by path.",
)
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
    "--checksums",
    is_flag=True,
    help="Write the SHA-256 of each file to NAME.SHA256SUMS beside the torrent, for sha256sum -c.",
)
@click.option(
    "--allow",
    metavar="LINT",
    multiple=True,
    help="Make the torrent although it is unwise in this way.",
)
@click.option("--preset", metavar="NAME", help="Take options from this preset of the settings.")
@click.option(
    "--config",
    metavar="FILE",
    type=ANY_PATH,
    help="Settings with presets, by default ~/.config/outpour/create.toml.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Describe the torrent as JSON, as `show` does."
)
@click.pass_context
def command(ctx: click.Context, /, **asked: Any) -> int:  # noqa: ANN401
    """Make the .torrent of a file or folder, or one of each of several.

    Equal content and options give an equal infohash.
    Hidden files and what systems leave behind are left out.
    """
    from outpour.cli.shared.creation import Creation

    printer: Printer = ctx.obj
    if asked["preset"] is not None:
        from outpour.cli.shared.presets import apply_preset

        asked = apply_preset(ctx, asked, asked["preset"], asked["config"])
    elif asked["config"] is not None:
        raise UsageError("`--config`: holds presets, and `--preset` names none")
    output = asked["output"]
    if asked["as_json"] and output == STDIO and not asked["dry_run"]:
        raise UsageError("`--json`: `-o -` writes the torrent to stdout already")
    making = Creation(
        printer,
        force=asked["force"],
        allow=asked["allow"],
        dry_run=asked["dry_run"],
        as_json=asked["as_json"],
        merged=_merged(asked["merge"]),
    )
    options = _options(asked)
    jobs = _Jobs(making, options, output, asked["reuse"])
    return jobs.each(asked["paths"]) if asked["each"] else jobs.run(asked["paths"])


def _merged(text: str | None) -> Merged:
    from outpour.cli.shared.creation import NOTHING_MERGED, Merged
    from outpour.cli.shared.inputs import read_object

    if text is None:
        return NOTHING_MERGED
    outside = read_object(text, "--merge")
    inside = outside.pop("info", {})
    if not isinstance(inside, dict):
        raise UsageError("`--merge`: its `info` is not an object")
    return Merged(outside, inside)


class _Jobs:
    """What one run makes: a torrent of each path, or of everything in each."""

    def __init__(
        self, making: Creation, options: CreateOptions, output: str | None, reuse: str | None
    ) -> None:
        self._making = making
        self._options = options
        self._output = output
        self._reuse = reuse
        self._code = 0
        self._described: list[dict[str, object]] = []

    def run(self, paths: Sequence[Path]) -> int:
        """Make a torrent of each path."""
        options, output = self._options, self._output
        if len(paths) == 1:
            target = _target(output, options.name or paths[0].absolute().name)
            described = self._make(paths[0], target)
            if self._making.as_json:
                self._making.printer.json(described)
            return 0
        if options.name is not None:
            raise UsageError("`--name`: one name for several torrents")
        folder = self._folder("several torrents are written")
        for path in paths:
            self._try(path, folder / f"{path.absolute().name}.torrent")
        return self._end()

    def each(self, folders: Sequence[Path]) -> int:
        """Make a torrent of everything in each folder that has none yet."""
        from outpour.base.units import count
        from outpour.making.batch import ENDING, is_made, things

        options = self._options
        if options.name is not None:
            raise UsageError("`--name`: contradicts `--each`, which takes each thing's own")
        target = self._folder("`--each` writes")
        done = 0
        for folder in folders:
            found = things(
                folder,
                hidden=options.hidden,
                junk=options.junk,
                symlinks=options.symlinks,
                exclude=options.exclude,
            )
            for fault in found.faults:
                self._fail(fault)
            for path in found.paths:
                torrent = target / f"{path.name}{ENDING}"
                try:
                    is_there = is_made(torrent) and not self._making.force
                except OutpourError as error:
                    self._fail(error)
                    continue
                done += is_there
                if not is_there:
                    self._try(path, torrent)
        if done:
            there = f"{count(done, 'torrent')} there already; `--force` makes them anew"
            self._making.printer.note(there)
        return self._end()

    def _folder(self, what: str) -> Path:
        folder = Path(self._output if self._output is not None else ".")
        if self._output == STDIO or not folder.is_dir():
            raise WriteError(
                f"`{self._output}`: not a folder", hint=f"{what} to a folder, as in `-o ~/torrents`"
            )
        return folder

    def _make(self, path: Path, target: Path | None) -> dict[str, object]:
        return self._making.run(_plan(path, self._options, target, self._reuse), target)

    def _try(self, path: Path, target: Path) -> None:
        try:
            self._described.append(self._make(path, target))
        except OutpourError as error:
            self._fail(error)

    def _fail(self, error: OutpourError) -> None:
        # One that cannot be made keeps no other from it.
        self._making.printer.flush()
        self._making.printer.fault(error)
        self._code = self._code or error.exit_code

    def _end(self) -> int:
        if self._making.as_json:
            self._making.printer.json(self._described)
        return self._code


def _plan(path: Path, options: CreateOptions, target: Path | None, reuse: str | None) -> Plan:
    from outpour.making.maker import plan_path

    earlier = None
    if reuse is not None:
        from outpour.torrent.metainfo import Metainfo

        place = Path(reuse)
        if place.is_dir():
            place /= f"{options.name or path.absolute().name}.torrent"
        # In a folder of torrents the new one has none yet.
        if place.exists() or not Path(reuse).is_dir():
            earlier = Metainfo.read(place)
    # What the last run has written is no content of this one.
    itself = pattern_of_target(target, path)
    options = replace(options, exclude=(*options.exclude, *itself))
    return plan_path(path, options, earlier=earlier)


def _options(asked: dict[str, Any]) -> CreateOptions:
    from outpour.making.maker import CreateOptions

    for flag in ("date", "created_by"):
        if asked[flag] is not None and asked[f"no_{flag}"]:
            words = flag.replace("_", "-")
            raise UsageError(f"`--{words}`: contradicts `--no-{words}`")
    if asked["piece_length"] is not None and asked["piece_count"] is not None:
        raise UsageError("`--piece-length`: contradicts `--piece-count`")
    options: dict[str, Any] = {
        name: asked[name]
        for name in (
            "comment", "private", "source", "name", "hidden", "junk", "symlinks", "include",
            "exclude", "threads", "piece_count", "align", "collections", "checksums",
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
        http_seeds=tuple(check_url(url) for url in asked["http_seeds"]),
        nodes=tuple(read_host_port(node, "a node") for node in asked["nodes"]),
        similar=tuple(read_similar(similar) for similar in asked["similar"]),
        format=asked["format_"],
        attributes=asked["executable"],
        any_bytes=NAMES_NOT_UTF8 in asked["allow"],
        **options,
    )


def _target(output: str | None, name: str) -> Path | None:
    if output == STDIO:
        return None
    target = Path(output if output is not None else ".")
    return target / f"{name}.torrent" if target.is_dir() else target
