"""`outpour download --list`: the files of torrents, with their numbers and what would be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from outpour.base.errors import OutpourError
from outpour.base.units import count, format_size
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.downloader import DownloadOptions
    from outpour.engine import EngineSettings
    from outpour.torrent.magnet_link import Magnet
    from outpour.torrent.metainfo import Metainfo


def file_rows(metainfo: Metainfo, options: DownloadOptions) -> list[dict[str, object]]:
    """The files, as objects.

    Raises:
        UsageError: A pattern chooses nothing.
    """
    from outpour.downloader.file_selection import select_files, urgency_of

    info = metainfo.info
    wanted = select_files(info, options.files, skip=options.skip)
    chosen = None if wanted is None else {*wanted}
    urgency = urgency_of(info, options.first, options.last)
    files = [file for file in info.files if not file.is_padding]
    return [
        {
            "number": index + 1,
            "path": "/".join(file.path),
            "length": file.length,
            "wanted": chosen is None or index in chosen,
            "order": urgency.get(index),
        }
        for index, file in enumerate(files)
    ]


def print_files(printer: Printer, metainfo: Metainfo, options: DownloadOptions) -> None:
    """Write a torrent's files as lines; errors as for `file_rows`."""
    rows = file_rows(metainfo, options)
    info = metainfo.info
    total = sum(file.length for file in info.files if not file.is_padding)
    head = f"{info.name}  {count(len(rows), 'file')}, {format_size(total)}  {info.infohash_hex}"
    printer.data(head)
    width = len(str(len(rows)))
    for row in rows:
        length = row["length"]
        assert isinstance(length, int)
        mark = "" if row["wanted"] else "  (skipped)"
        mark = f"  ({row['order']})" if row["wanted"] and row["order"] else mark
        printer.data(f"  {row['number']:>{width}}  {format_size(length):>9}  {row['path']}{mark}")


def list_files(
    printer: Printer,
    torrents: Sequence[Metainfo | Magnet],
    settings: EngineSettings,
    options: DownloadOptions,
    *,
    as_json: bool,
) -> int:
    """List the files of torrents; of a magnet link peers are asked for them.

    Returns:
        The exit code: 0, or that of the last torrent whose files cannot be told.
    """
    code = 0
    described: list[dict[str, object]] = []
    for torrent in torrents:
        try:
            metainfo = _metainfo_of(printer, torrent, settings, options)
            if as_json:
                info = metainfo.info
                described.append({"infohash": info.infohash_hex, "name": info.name,
                                  "files": file_rows(metainfo, options)})  # fmt: skip
            else:
                print_files(printer, metainfo, options)
        except OutpourError as error:
            if len(torrents) == 1:
                raise
            printer.fault(error)
            code = error.exit_code
    if as_json:
        printer.json(described)
    return code


def _metainfo_of(
    printer: Printer, torrent: Metainfo | Magnet, settings: EngineSettings, options: DownloadOptions
) -> Metainfo:
    from outpour.cli.shared.metadata_fetch import fetch_metainfo
    from outpour.torrent.magnet_link import Magnet

    if not isinstance(torrent, Magnet):
        return torrent
    return fetch_metainfo(
        printer, torrent, settings, trackers=options.trackers, peers=options.peers,
        timeout_s=options.stall_s,
    )  # fmt: skip
