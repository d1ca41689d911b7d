"""`btshowmetainfo`: its report, which scripts read line by line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from outpour.cli.classic.announce import join_tiers
from outpour.cli.classic.frame import EXIT_USAGE, each, print_text, program, run
from outpour.cli.classic.option_table import wants_help
from outpour.cli.shared.printer import Printer
from outpour.torrent.metainfo import Metainfo

BANNER = "btshowmetainfo 20021207 - decode BitTorrent metainfo files\n"


def btshowmetainfo(args: Sequence[str] | None = None) -> int:
    """Run `btshowmetainfo FILE...`."""
    return run(_show, args)


def _show(printer: Printer, args: list[str]) -> int:
    print_text(printer, BANNER)
    if not args or wants_help(args):
        name = program("btshowmetainfo")
        print_text(printer, f"{name} file1.torrent file2.torrent file3.torrent ...\n")
        return 0 if args else EXIT_USAGE
    return each(printer, args, lambda path: _report(printer, path))


def _report(printer: Printer, path: str) -> None:
    metainfo = Metainfo.read(path)
    info = metainfo.info
    printer.data(f"metainfo file.: {Path(path).name}")
    digest = info.infohash_v1 or info.infohash_v2 or b""
    printer.data(f"info hash.....: {digest.hex()}")
    if info.version == "hybrid" and info.infohash_v2 is not None:
        printer.data(f"info hash v2..: {info.infohash_v2.hex()}")
    full, rest = divmod(info.length, info.piece_length)
    size = f"{info.length} ({full} * {info.piece_length} + {rest})"
    if info.is_folder:
        printer.data(f"directory name: {info.name}")
        printer.data("files.........: ")
        for file in info.files:
            if not file.is_padding:
                printer.data(f"   {'/'.join(file.path)} ({file.length})")
        printer.data(f"archive size..: {size}")
    else:
        printer.data(f"file name.....: {info.name}")
        printer.data(f"file size.....: {size}")
    printer.data(f"announce url..: {metainfo.announce or ''}")
    if metainfo.announce_list:
        printer.data(f"announce-list.: {join_tiers(metainfo.announce_list)}")
    if metainfo.http_seeds:
        printer.data(f"http seeds....: {'|'.join(metainfo.http_seeds)}")
    if metainfo.comment:
        printer.data(f"comment.......: {metainfo.comment}")
    printer.data()
