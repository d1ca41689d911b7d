"""`outpour magnet --fetch`: ask peers for the .torrent that a magnet link names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from outpour.base.errors import WriteError
from outpour.cli.shared.engine_options import terminable
from outpour.cli.shared.inputs import STDIO
from outpour.cli.shared.printer import Printer
from outpour.downloader import MetadataJob
from outpour.engine import Engine
from outpour.torrent.disk_names import safe_name

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


def target_of(output: str | None, name: str, *, force: bool) -> Path | None:
    """Choose the file to write to; None is stdout.

    Args:
        output: A file, a folder, `-` for stdout, or None for the current folder.
        name: What to call the file in a folder.
        force: Replace what is there.

    Raises:
        WriteError: It is there already, or its folder is not.
    """
    if output == STDIO:
        return None
    target = Path(output if output is not None else ".")
    if target.is_dir():
        target /= f"{safe_name(name)}.torrent"
    if target.is_file() and not force:
        raise WriteError(
            f"`{target}`: is already there", hint="`--force` replaces it, `-o` writes elsewhere"
        )
    if not target.parent.is_dir():
        raise WriteError(
            f"`{target}`: its folder is not there",
            hint=f"make it first: mkdir -p '{target.parent}'",
        )
    return target
