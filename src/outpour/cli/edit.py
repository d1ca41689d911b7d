"""`outpour edit`: change the fields of .torrent files."""

from __future__ import annotations

from typing import Any

import click

from outpour.cli.group import define
from outpour.cli.inputs import STDIO, check_url, read_date, read_tiers, read_torrent
from outpour.cli.printer import Printer
from outpour.errors import UsageError


@define(
    "edit",
    example="""
    outpour edit --tracker http://127.0.0.1:6969/announce --comment 'Build 7' game.torrent
    outpour edit --name game-7 --private -o game-7.torrent game.torrent
    """,
)
@click.argument("torrents", metavar="TORRENT...", nargs=-1, required=True)
@click.option(
    "-t",
    "--tracker",
    "trackers",
    metavar="URL[,URL]",
    multiple=True,
    help="Replace the trackers; each use is a tier, commas separate equals in it.",
)
@click.option("--no-trackers", is_flag=True, help="Remove all trackers.")
@click.option(
    "-w",
    "--web-seed",
    "web_seeds",
    metavar="URL",
    multiple=True,
    help="Replace the web seeds (BEP 19).",
)
@click.option("--no-web-seeds", is_flag=True, help="Remove the web seeds.")
@click.option(
    "--http-seed",
    "http_seeds",
    metavar="URL",
    multiple=True,
    help="Replace the HTTP seeds (BEP 17).",
)
@click.option("--no-http-seeds", is_flag=True, help="Remove the HTTP seeds.")
@click.option("-c", "--comment", metavar="TEXT", help="Set the comment; empty removes it.")
@click.option("--created-by", metavar="TEXT", help="Set the program's name; empty removes it.")
@click.option("--date", metavar="DATE", help="Set the date: ISO 8601, or seconds since 1970.")
@click.option("--no-date", is_flag=True, help="Remove the date.")
@click.option("--name", metavar="NAME", help="Rename the content; this changes the infohash.")
@click.option(
    "--private/--public",
    default=None,
    help="Set or remove the private flag; this changes the infohash.",
)
@click.option(
    "--source", metavar="TEXT", help="Set the source, empty removes it; this changes the infohash."
)
@click.option(
    "-o", "--output", metavar="FILE", help="Write there and keep the original; `-` is stdout."
)
@click.pass_obj
def command(
    printer: Printer,
    /,
    torrents: tuple[str, ...],
    output: str | None,
    **asked: Any,  # noqa: ANN401
) -> None:
    """Change fields of .torrent files in place.

    Everything else keeps its bytes: the infohash changes only by `--name`, `--private`,
    `--public` and `--source`, and fields that outpour does not know stay.
    """
    if output is not None and len(torrents) > 1:
        raise UsageError("`--output`: takes one torrent, not several")
    if STDIO in torrents and output is None:
        output = STDIO
    from outpour import editor

    changes = _changes(asked)
    for source in torrents:
        before = read_torrent(printer.env, source)
        after = editor.edit(before, changes)
        if asked["name"] is not None:
            after = editor.rename(after, asked["name"])
        if asked["private"] is not None:
            after = editor.set_private(after, asked["private"])
        if asked["source"] is not None:
            after = editor.set_source(after, asked["source"])
        target = output or source
        if target == STDIO:
            printer.raw(after.raw)
        elif after is not before or output is not None:
            after.write(target)
        if after.info.infohash != before.info.infohash:
            printer.note(
                f"`{source}`: the infohash changes from {before.info.infohash_hex} to "
                f"{after.info.infohash_hex}, which is another swarm"
            )
        elif after is before:
            printer.talk(f"`{source}`: nothing to change")


def _changes(asked: dict[str, Any]) -> Any:  # noqa: ANN401 - `editor` is imported late
    from outpour.editor import KEEP, Changes, Keep

    def urls(new: tuple[str, ...], removed: bool, flag: str) -> list[str] | Keep | None:
        if new and removed:
            raise UsageError(f"`{flag}`: contradicts `--no-{flag[2:]}s`")
        return [check_url(url) for url in new] if new else None if removed else KEEP

    if asked["trackers"] and asked["no_trackers"]:
        raise UsageError("`--tracker`: contradicts `--no-trackers`")
    if asked["date"] is not None and asked["no_date"]:
        raise UsageError("`--date`: contradicts `--no-date`")
    tiers = read_tiers(asked["trackers"])
    flat = [url for tier in tiers for url in tier]
    touched = bool(flat) or asked["no_trackers"]
    return Changes(
        announce=(flat[0] if flat else None) if touched else KEEP,
        announce_list=(tiers if len(flat) > 1 else None) if touched else KEEP,
        web_seeds=urls(asked["web_seeds"], asked["no_web_seeds"], "--web-seed"),
        http_seeds=urls(asked["http_seeds"], asked["no_http_seeds"], "--http-seed"),
        comment=KEEP if asked["comment"] is None else asked["comment"],
        created_by=KEEP if asked["created_by"] is None else asked["created_by"],
        creation_date=None
        if asked["no_date"]
        else KEEP
        if asked["date"] is None
        else read_date(asked["date"]),
    )
