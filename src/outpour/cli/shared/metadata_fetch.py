"""`outpour magnet --fetch`: ask peers for the .torrent that a magnet link names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpour.cli.shared.engine_options import terminable
from outpour.cli.shared.printer import Printer
from outpour.downloader import MetadataJob
from outpour.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outpour.engine import EngineSettings
    from outpour.torrent.magnet_link import Magnet
    from outpour.torrent.metainfo import Metainfo

TURN_S = 0.1


def fetch_metainfo(
    printer: Printer,
    magnet: Magnet,
    settings: EngineSettings,
    *,
    trackers: Sequence[str],
    peers: Sequence[tuple[str, int]],
    timeout_s: float,
) -> Metainfo:
    """Ask until the metainfo is whole.

    Raises:
        NetworkError: Nobody can be asked, or nothing came for too long.
        MetainfoError: What came is a torrent that could harm.
    """
    discovers = settings.dht or settings.lsd
    with (
        terminable(),
        Engine(settings) as engine,
        MetadataJob(
            engine,
            magnet,
            trackers=trackers,
            peers=peers,
            stall_s=timeout_s,
            discovers=discovers,
        ) as job,
    ):
        printer.talk(f"asking peers for `{magnet.name or magnet.infohash.hex()}`")
        printer.flush()
        while True:
            metainfo, notes = job.turn()
            for note in notes:
                printer.note(note.message)
            if metainfo is not None:
                return metainfo
            engine.wait(TURN_S)
