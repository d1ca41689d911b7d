"""`btrename`: the name inside a .torrent, and with it its infohash."""

from __future__ import annotations

from collections.abc import Sequence

from outpour.cli.classic.frame import EXIT_USAGE, print_text, program, run
from outpour.cli.classic.option_table import wants_help
from outpour.cli.shared.printer import Printer
from outpour.torrent.editor import rename
from outpour.torrent.metainfo import Metainfo

BANNER = "btrename 20021119 - change the suggested filename in a .torrent file\n"


def btrename(args: Sequence[str] | None = None) -> int:
    """Run `btrename FILE.torrent NEWNAME`."""
    return run(_rename, args)


def _rename(printer: Printer, args: list[str]) -> int:
    print_text(printer, BANNER)
    if len(args) != 2:
        print_text(printer, f"{program('btrename')} file.torrent new.filename.ext\n")
        return 0 if wants_help(args) else EXIT_USAGE
    path, name = args
    before = Metainfo.read(path)
    after = rename(before, name)
    printer.data(f"old filename: {before.info.name}")
    printer.data(f"new filename: {name}")
    printer.data()
    if after is not before:
        after.write(path)
        printer.note(
            f"the infohash changes from {before.info.infohash_hex} to {after.info.infohash_hex}, "
            "which is another swarm"
        )
    print_text(printer, "done.\n")
    return 0
