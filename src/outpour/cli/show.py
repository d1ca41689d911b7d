"""`outpour show`: say what is in .torrent files."""

from __future__ import annotations

import click

from outpour.cli.group import define
from outpour.cli.inputs import read_torrent
from outpour.cli.printer import Printer
from outpour.errors import UsageError


@define(
    "show",
    example="""
    outpour show debian.iso.torrent
    outpour show --json debian.iso.torrent | jq -r .infohash
    """,
)
@click.argument("torrents", metavar="TORRENT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Write JSON; a list for several torrents.")
@click.option("--files", is_flag=True, help="List the files only, as `LENGTH PATH`.")
@click.option("--magnet", is_flag=True, help="Write the magnet link only.")
@click.pass_obj
def command(
    printer: Printer, torrents: tuple[str, ...], as_json: bool, files: bool, magnet: bool
) -> None:
    """Say what is in .torrent files; `-` reads one from stdin."""
    if as_json + files + magnet > 1:
        raise UsageError("`--json`, `--files` and `--magnet`: only one can be had at a time")
    from outpour.cli.report import describe, print_report
    from outpour.magnet import Magnet

    described: list[dict[str, object]] = []
    for number, source in enumerate(torrents):
        metainfo = read_torrent(printer.env, source)
        if as_json:
            described.append({"torrent": source, **describe(metainfo)})
        elif files:
            for file in metainfo.info.files:
                if not file.is_padding:
                    printer.data(f"{file.length} {'/'.join(file.path)}")
        elif magnet:
            printer.data(str(Magnet.of(metainfo)))
        else:
            if number:
                printer.data()
            print_report(printer, metainfo)
    if as_json:
        printer.json(described[0] if len(torrents) == 1 else described)
