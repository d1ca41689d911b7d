"""`outpour reannounce`: move .torrent files to another tracker."""

from __future__ import annotations

import click

from outpour.base.errors import OutpourError, UsageError
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import check_url
from outpour.cli.shared.printer import Printer
from outpour.torrent.metainfo import Metainfo


@define(
    "reannounce",
    example="""
    outpour reannounce http://127.0.0.1:6969/announce *.torrent
    outpour reannounce --from other.torrent *.torrent
    """,
)
@click.argument("words", metavar="[URL] TORRENT...", nargs=-1, required=True)
@click.option("--all-tiers", is_flag=True, help="Drop every other tracker as well.")
@click.option(
    "--from", "other", metavar="OTHER", help="Take the trackers of another torrent, not a URL."
)
@click.pass_obj
def command(printer: Printer, words: tuple[str, ...], all_tiers: bool, other: str | None) -> int:
    """Move .torrent files to another tracker; their infohashes stay.

    The list of tiers follows: the old tracker is replaced there, because clients that know
    tiers ask no other, and so is its `udp://` twin of the same host and port.
    A file that cannot be changed is named, and the rest are done.
    """
    if other is not None and all_tiers:
        raise UsageError("`--all-tiers`: `--from` replaces all trackers anyway")
    torrents = words if other is not None else words[1:]
    if not torrents:
        raise UsageError(
            "no torrent given", hint="outpour reannounce http://HOST:6969/announce FILE.torrent"
        )
    source = None if other is None else Metainfo.read(other)
    url = "" if source else check_url(words[0])
    code = 0
    for path in torrents:
        try:
            _move(printer, path, url, source, all_tiers)
        except OutpourError as error:
            printer.fault(error)
            code = code or error.exit_code
    return code


def _move(printer: Printer, path: str, url: str, source: Metainfo | None, all_tiers: bool) -> None:
    from outpour.torrent import editor

    before = Metainfo.read(path)
    if source is not None:
        after = editor.copy_announce(before, source)
    else:
        after = editor.reannounce(before, url, all_tiers=all_tiers)
    if after is before:
        printer.talk(f"`{path}`: unchanged")
        return
    after.write(path)
    old = ", ".join(tracker for tier in before.tiers for tracker in tier) or "no tracker"
    new = ", ".join(tracker for tier in after.tiers for tracker in tier) or "no tracker"
    printer.talk(f"`{path}`: {old} -> {new}")
