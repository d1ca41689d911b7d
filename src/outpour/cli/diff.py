"""`outpour diff`: say in what two torrents differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import read_torrent
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.torrent.comparison import Difference

_STYLES = {"-": "red", "+": "green"}


@define(
    "diff",
    example="""
    outpour diff game-6.torrent game-7.torrent
    outpour diff --json old.torrent http://127.0.0.1:6969/torrents/new.torrent | jq .files
    """,
)
@click.argument("old", metavar="A")
@click.argument("new", metavar="B")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.pass_obj
def command(printer: Printer, old: str, new: str, as_json: bool) -> int:
    """Say in what two .torrent files differ: fields, trackers, files; exit 1 when they do.

    A is the older one: `-` stands before what only it has, `+` before what only B has. A file with
    both has another length, attribute or hash; v1 has hashes of pieces and not of files, so that
    there only lengths tell.
    """
    from outpour.torrent.comparison import compare

    before, after = read_torrent(printer.env, old), read_torrent(printer.env, new)
    found = compare(before, after)
    if as_json:
        printer.json(
            {
                "a": old,
                "b": new,
                "same": not found,
                "same_infohash": before.info.raw == after.info.raw,
                "fields": [_described(one) for one in found if one.field != "file"],
                "files": [
                    {"path": one.name, "a": one.old, "b": one.new}
                    for one in found
                    if one.field == "file"
                ],
            }
        )
    else:
        for one in found:
            for sign, value in (("-", one.old), ("+", one.new)):
                if value is not None:
                    printer.data((_STYLES[sign], sign), f" {one.label}: {value}")
    if not found:
        printer.talk(f"`{old}` and `{new}`: the same torrent with the same fields")
    return 1 if found else 0


def _described(one: Difference) -> dict[str, object]:
    return {"field": one.field, "a": one.old, "b": one.new}
