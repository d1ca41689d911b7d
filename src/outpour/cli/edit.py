"""`outpour edit`: change the fields of .torrent files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.base.errors import OutpourError, UsageError, WriteError
from outpour.base.host_port import read_host_port
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import (
    STDIO,
    check_url,
    is_url,
    read_date,
    read_object,
    read_tiers,
    read_torrent,
)
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.target import torrent_name
from outpour.torrent.disk_names import safe_name

if TYPE_CHECKING:
    from outpour.torrent.bencode import Encodable
    from outpour.torrent.editor import Changes
    from outpour.torrent.metainfo import Metainfo

_INSIDE = ("name", "private", "source")


@define(
    "edit",
    example="""
    outpour edit --tracker http://127.0.0.1:6969/announce --comment 'Build 7' game.torrent
    outpour edit --add-web-seed http://127.0.0.1/files/ --no-date *.torrent
    outpour edit --comment 'Build 7' -o ~/edited *.torrent
    outpour edit --new-infohash --name game-7 --private -o game-7.torrent game.torrent
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
@click.option(
    "--add-tracker",
    metavar="URL[,URL]",
    multiple=True,
    help="Add a tier of trackers; repeatable.",
)
@click.option("--remove-tracker", metavar="URL", multiple=True, help="Remove it; repeatable.")
@click.option(
    "--replace-tracker",
    metavar="OLD NEW",
    nargs=2,
    multiple=True,
    help="Put one in the place of another; repeatable.",
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
@click.option("--add-web-seed", metavar="URL", multiple=True, help="Add one; repeatable.")
@click.option("--remove-web-seed", metavar="URL", multiple=True, help="Remove it; repeatable.")
@click.option("--no-web-seeds", is_flag=True, help="Remove the web seeds.")
@click.option(
    "--http-seed",
    "http_seeds",
    metavar="URL",
    multiple=True,
    help="Replace the HTTP seeds (BEP 17).",
)
@click.option("--no-http-seeds", is_flag=True, help="Remove the HTTP seeds.")
@click.option(
    "--node",
    "nodes",
    metavar="HOST:PORT",
    multiple=True,
    help="Replace the DHT nodes (BEP 5); repeatable.",
)
@click.option("--no-nodes", is_flag=True, help="Remove the DHT nodes.")
@click.option("-c", "--comment", metavar="TEXT", help="Set the comment; empty removes it.")
@click.option("--created-by", metavar="TEXT", help="Set the program's name; empty removes it.")
@click.option("--date", metavar="DATE", help="Set the date: ISO 8601, or seconds since 1970.")
@click.option("--no-date", is_flag=True, help="Remove the date.")
@click.option(
    "--merge",
    metavar="JSON",
    help="Set any fields, as an object of strings, whole numbers, lists and objects; null removes "
    "one. Fields of its `info` change the infohash.",
)
@click.option("--name", metavar="NAME", help="Rename the content; this changes the infohash.")
@click.option(
    "--private/--public",
    default=None,
    help="Set or remove the private flag; this changes the infohash.",
)
@click.option(
    "--source", metavar="TEXT", help="Set the source, empty removes it; this changes the infohash."
)
@click.option("--new-infohash", is_flag=True, help="Allow changes that make another torrent of it.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write to this file or folder and keep the original; `-` is stdout.",
)
@click.pass_obj
def command(
    printer: Printer,
    /,
    torrents: tuple[str, ...],
    output: str | None,
    **asked: Any,  # noqa: ANN401 - one an option
) -> int:
    """Change fields of .torrent files in place.

    Everything else keeps its bytes, and the infohash stays. What is covered by the infohash (the
    name, the private flag, the source) changes only with --new-infohash, because it makes another
    torrent, which peers of the old one do not know; the old and the new are told.
    A file that cannot be changed is named, and the others are changed.
    """
    if output is not None and len(torrents) > 1 and not Path(output).is_dir():
        raise UsageError(
            f"`--output`: `{output}` takes one torrent, not several",
            hint="name a folder, as in `-o ~/torrents`",
        )
    for source in torrents:
        if is_url(source) and output is None:
            raise UsageError(f"`{source}`: cannot be changed there", hint="say where with `-o`")
    if STDIO in torrents and output is None:
        output = STDIO
    merged = {} if asked["merge"] is None else read_object(asked["merge"], "--merge")
    inside = merged.pop("info", {})
    if not isinstance(inside, dict):
        raise UsageError("`--merge`: its `info` is not an object")
    _check_infohash(asked, bool(inside))
    changes = _changes(asked)
    code = 0
    written: set[str] = set()
    for source in torrents:
        try:
            before = read_torrent(printer.env, source)
            after = _edit(before, changes, asked, merged, inside)
            target = _target(output, source, after)
            if target in written:
                raise WriteError(
                    f"`{source}`: `{target}` was written just now of another of this name",
                    hint="change it by itself, and choose a name with `-o`",
                )
            if target == STDIO:
                printer.raw(after.raw)
            elif after is not before or output is not None:
                after.write(target)
                written.add(target)
        except UsageError:
            raise
        except OutpourError as error:
            printer.fault(error)
            code = code or error.exit_code
        else:
            _tell(printer, source, before, after)
    return code


def _target(output: str | None, source: str, after: Metainfo) -> str:
    if output is None or output == STDIO or not Path(output).is_dir():
        return output or source
    # A URL or stdin has no file name of its own.
    is_file = not is_url(source) and source != STDIO
    name = Path(source).name if is_file else torrent_name(safe_name(after.info.name))
    return str(Path(output) / name)


def _check_infohash(asked: dict[str, Any], has_inside: bool) -> None:
    if asked["new_infohash"]:
        return
    flags = [flag for flag in _INSIDE if asked[flag] is not None]
    if not flags and not has_inside:
        return
    flag = "--merge" if not flags else "--public" if asked[flags[0]] is False else f"--{flags[0]}"
    raise UsageError(
        f"`{flag}`: changes the infohash, so that peers of the torrent do not know it any more",
        hint="say `--new-infohash` too if another torrent is what you want",
    )


def _edit(
    before: Metainfo,
    changes: Changes,
    asked: dict[str, Any],
    merged: dict[str, Encodable | None],
    inside: dict[str, Encodable | None],
) -> Metainfo:
    from outpour.torrent import editor

    after = editor.edit(before, changes)
    after = editor.replace_trackers(after, dict(asked["replace_tracker"]))
    after = editor.remove_trackers(after, asked["remove_tracker"])
    after = editor.add_trackers(after, read_tiers(asked["add_tracker"]))
    if asked["remove_web_seed"] or asked["add_web_seed"]:
        removed, added = asked["remove_web_seed"], map(check_url, asked["add_web_seed"])
        seeds = [*(url for url in after.web_seeds if url not in removed), *added]
        if tuple(seeds) != after.web_seeds:
            after = editor.edit(after, editor.Changes(web_seeds=list(dict.fromkeys(seeds))))
    after = editor.merge(after, merged)
    if asked["name"] is not None:
        after = editor.rename(after, asked["name"])
    if asked["private"] is not None:
        after = editor.set_private(after, asked["private"])
    if asked["source"] is not None:
        after = editor.set_source(after, asked["source"])
    return editor.merge_info(after, inside)


def _tell(printer: Printer, source: str, before: Metainfo, after: Metainfo) -> None:
    if after is before:
        printer.talk(f"`{source}`: nothing to change")
    if after.info.raw == before.info.raw:
        return
    for label, old, new in (
        ("infohash", before.info.infohash_v1, after.info.infohash_v1),
        ("infohash v2", before.info.infohash_v2, after.info.infohash_v2),
    ):
        if old is not None and new is not None:
            printer.note(
                f"`{source}`: the {label} changes from {old.hex()} to {new.hex()}, "
                "which is another swarm"
            )


def _changes(asked: dict[str, Any]) -> Changes:
    from outpour.torrent.editor import KEEP, Changes, Keep

    def given(new: tuple[str, ...], removed: bool, flag: str) -> bool:
        if new and removed:
            raise UsageError(f"`{flag}`: contradicts `--no-{flag[2:]}s`")
        return bool(new) or removed

    def urls(new: tuple[str, ...], removed: bool, flag: str) -> list[str] | Keep | None:
        return [check_url(url) for url in new] if given(new, removed, flag) else KEEP

    if asked["date"] is not None and asked["no_date"]:
        raise UsageError("`--date`: contradicts `--no-date`")
    for _, new in asked["replace_tracker"]:
        check_url(new)
    tiers = read_tiers(asked["trackers"])
    flat = [url for tier in tiers for url in tier]
    touched = given(asked["trackers"], asked["no_trackers"], "--tracker")
    with_nodes = given(asked["nodes"], asked["no_nodes"], "--node")
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
        nodes=[read_host_port(text, "a node") for text in asked["nodes"]] if with_nodes else KEEP,
    )
