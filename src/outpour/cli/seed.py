"""`outpour seed`: give away content that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.base.errors import OutpourError
from outpour.cli.shared.engine_options import (
    engine_options,
    engine_settings,
    resume_folder,
)
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import ANY_PATH, STDIO, is_url, read_torrent
from outpour.cli.shared.log_options import log_options
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.downloader import SeedJob
    from outpour.torrent.metainfo import Metainfo


@define(
    "seed",
    example="""
    outpour seed debian.iso.torrent --content /srv/isos
    """,
)
@click.argument("torrents", metavar="TORRENT...", nargs=-1, required=True)
@click.option(
    "--content",
    type=ANY_PATH,
    metavar="PATH",
    help="The files, or the folder that holds them; by default where each TORRENT is, or here for a"
    " URL.",
)
@click.option("--trust", is_flag=True, help="Start at once; do not check the content first.")
@click.option(
    "--state",
    type=ANY_PATH,
    metavar="DIR",
    help="Remember here what was checked; by default below ~/.local/state/outpour.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object a line.")
@engine_options
@log_options
@click.pass_obj
def command(
    printer: Printer,
    /,
    torrents: tuple[str, ...],
    content: Path | None,
    trust: bool,
    state: Path | None,
    as_json: bool,
    log_format: str | None,
    log_level: str | None,
    **flags: Any,  # noqa: ANN401 - one an option
) -> int:
    """Seed content until interrupted; it is never written to.

    Content is compared with its torrent first, once: as long as its files stay as they are, the
    next run starts at once. Ctrl-C and SIGTERM end it.
    """
    printer.outlast(has_data=as_json)
    printer.speak(log_format, log_level)
    found, code = _read_all(printer, torrents)
    settings = engine_settings(flags, own_content=True)
    from outpour.cli.shared.transfer_run import run_job
    from outpour.downloader import SeedJob
    from outpour.engine import ResumeStore

    def fill(job: SeedJob) -> int:
        for metainfo, folder in found:
            job.add(metainfo, content or folder, trust=trust)
        return code

    store = ResumeStore(state or resume_folder())
    try:
        return run_job(
            printer,
            settings,
            lambda engine: SeedJob(engine, store),
            fill,
            whole=("seeding", ""),
            as_json=as_json,
        )
    except KeyboardInterrupt:
        return 0


def _read_all(
    printer: Printer, torrents: tuple[str, ...]
) -> tuple[list[tuple[Metainfo, Path]], int]:
    """Read the torrents; one that cannot be read is told, and the others are seeded."""
    found: list[tuple[Metainfo, Path]] = []
    code = 0
    for torrent in torrents:
        try:
            found.append((read_torrent(printer.env, torrent), _folder_of(torrent)))
        except OutpourError as error:
            if len(torrents) == 1:
                raise
            printer.fault(error)
            code = error.exit_code
    return found, code


def _folder_of(torrent: str) -> Path:
    is_file = torrent != STDIO and not is_url(torrent)
    return Path(torrent).absolute().parent if is_file else Path.cwd()
