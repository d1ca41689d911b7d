"""`outpour create`: make the .torrent of a file, a folder or a URL."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.base.errors import UsageError
from outpour.base.host_port import read_host_port
from outpour.base.http_route import Route
from outpour.base.text import printable
from outpour.base.units import parse_size
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import (
    ANY_PATH,
    CA_FLAG,
    STDIO,
    TYPED_PATH,
    ca_option,
    check_url,
    is_url,
    read_date,
    read_similar,
    read_tiers,
    refuse_other_scheme,
)
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outpour.cli.shared.creation import Merged
    from outpour.cli.shared.creation_jobs import CreationJobs, Thing
    from outpour.making.maker import CreateOptions

NAMES_NOT_UTF8 = "names-not-utf8"


@define(
    "create",
    example="""
    outpour create ~/releases/game --tracker http://127.0.0.1:6969/announce
    outpour create disk.img --format hybrid --piece-length 4MiB -o - | outpour show -
    outpour create ~/releases --each -o ~/torrents --exclude '*.tmp' --dry-run
    outpour create ~/releases/game --reuse game.torrent --force
    outpour create https://cdn.example.org/disk.img
    outpour create --from SHA256SUMS --base https://cdn.example.org/release-7/
    """,
)
@click.argument("paths", metavar="[PATH|URL]...", type=TYPED_PATH, nargs=-1)
@click.option(
    "--from",
    "list_",
    metavar="FILE|URL",
    help="Make one torrent of what this file lists on servers, a URL a line or what `sha256sum` "
    "writes; `-` is stdin; with `--each` one of each.",
)
@click.option(
    "--base",
    metavar="URL",
    help="The folder that the names of `--from` count from; of a URL its own.",
)
@ca_option
@click.option("--as-one", is_flag=True, help="Make one torrent of all URLs, which lie below one.")
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

    What lies behind a URL is hashed while it is read, kept nowhere, and gets the URL as web seed.
    Equal content and options give an equal infohash.
    Hidden files and what systems leave behind are left out.
    """
    from outpour.cli.shared.creation import Creation
    from outpour.cli.shared.creation_jobs import CreationJobs

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
    route = Route(ca_file=asked["ca_file"], ca_flag=CA_FLAG)
    jobs = CreationJobs(making, options, output, asked["reuse"], route)
    paths: list[str] = list(asked["paths"])
    if asked["list_"] is not None or asked["as_one"] or asked["base"] is not None:
        return _listed(jobs, asked, paths, printer, route)
    if not paths:
        raise UsageError("nothing to make a torrent of", hint="name a file, a folder or a URL")
    return jobs.each([Path(path) for path in paths]) if asked["each"] else jobs.run(_things(paths))


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


def _things(paths: Sequence[str]) -> list[Thing]:
    for path in paths:
        refuse_other_scheme(path)
    if not any(map(is_url, paths)):
        return [Path(path) for path in paths]
    from outpour.making.elsewhere.url_list import listed_url

    return [listed_url(path) if is_url(path) else Path(path) for path in paths]


def _listed(
    jobs: CreationJobs,
    asked: dict[str, Any],
    paths: Sequence[str],
    printer: Printer,
    route: Route,
) -> int:
    from outpour.cli.shared.url_list_file import read_url_list
    from outpour.making.elsewhere.url_list import common_base, folder_url, listed_url

    file, base = asked["list_"], asked["base"]
    if file is None and not asked["as_one"]:
        raise UsageError("`--base`: says where the names of `--from` lie, and there is none")
    if file is not None and paths:
        raise UsageError(f"`{printable(paths[0])}`: `--from` says already what is taken")
    if file is None:
        if asked["each"]:
            raise UsageError("`--as-one`: contradicts `--each`")
        if not paths or not all(map(is_url, paths)):
            raise UsageError("`--as-one`: joins URLs", hint="of several folders make one folder")
        base = common_base(paths)
        return jobs.as_one([listed_url(path, base) for path in paths], base)
    listed = read_url_list(printer.env, file, base, route)
    if asked["each"]:
        return jobs.run(listed)
    if base is None and is_url(file) and any(one.sha256 is not None for one in listed):
        base = file.rpartition("/")[0]
    top = folder_url(base or common_base([one.url for one in listed]))
    return jobs.as_one([replace(one, path=listed_url(one.url, top).path) for one in listed], top)


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
