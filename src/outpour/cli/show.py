"""`outpour show`: say what is in .torrent files and magnet links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from outpour.base.errors import OutpourError, UsageError
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import is_link, read_torrent
from outpour.cli.shared.printer import Printer
from outpour.torrent.metainfo import Metainfo

if TYPE_CHECKING:
    from outpour.torrent.magnet_link import Magnet


@define(
    "show",
    example="""
    outpour show debian.iso.torrent
    outpour show --json debian.iso.torrent | jq -r .infohash
    outpour show http://127.0.0.1:6969/torrents/debian.iso.torrent
    """,
)
@click.argument("sources", metavar="TORRENT...", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="Write JSON; a list for several torrents.")
@click.option("--files", is_flag=True, help="List the files only, as `LENGTH PATH`.")
@click.option("--magnet", is_flag=True, help="Write the magnet link only.")
@click.pass_obj
def command(
    printer: Printer, sources: tuple[str, ...], as_json: bool, files: bool, magnet: bool
) -> int:
    """Say what is in a .torrent: file, HTTP URL or magnet link; `-` reads one from stdin.

    A file that is no torrent is named, and the others are shown. docs/json.md explains the JSON.
    """
    if as_json + files + magnet > 1:
        raise UsageError("`--json`, `--files` and `--magnet`: only one can be had at a time")
    described: list[dict[str, object]] = []
    code = shown = 0
    for source in sources:
        try:
            found = _read(printer, source, files)
        except OutpourError as error:
            printer.flush()
            printer.fault(error)
            code = code or error.exit_code
            continue
        if as_json:
            described.append({"torrent": source, **_describe(found)})
        elif files and isinstance(found, Metainfo):
            for file in found.info.files:
                if not file.is_padding:
                    printer.data(f"{file.length} {'/'.join(file.path)}")
        elif magnet:
            printer.data(str(_link(found)))
        else:
            if shown:
                printer.data()
            _print(printer, found)
        shown += 1
    if as_json and described:
        printer.json(described[0] if len(sources) == 1 else described)
    return code


def _read(printer: Printer, source: str, files: bool) -> Metainfo | Magnet:
    if not is_link(source):
        return read_torrent(printer.env, source)
    if files:
        raise UsageError(
            "`--files`: a magnet link does not name its files",
            hint="outpour magnet --fetch asks peers for its .torrent",
        )
    from outpour.torrent.magnet_link import Magnet

    return Magnet.parse(source)


def _link(found: Metainfo | Magnet) -> Magnet:
    from outpour.torrent.magnet_link import Magnet

    return Magnet.of(found) if isinstance(found, Metainfo) else found


def _describe(found: Metainfo | Magnet) -> dict[str, object]:
    from outpour.cli.shared.report import describe, describe_link

    return describe(found) if isinstance(found, Metainfo) else describe_link(found)


def _print(printer: Printer, found: Metainfo | Magnet) -> None:
    from outpour.cli.shared.report import print_link, print_report

    if isinstance(found, Metainfo):
        print_report(printer, found)
    else:
        print_link(printer, found)
