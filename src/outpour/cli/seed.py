"""`outpour seed`: give away content that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.base.units import format_size
from outpour.cli.shared.engine_options import (
    engine_options,
    engine_settings,
    state_folder,
    terminable,
)
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import ANY_PATH, STDIO, is_url, read_torrent
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.cli.shared.transfer_display import Display
    from outpour.downloader import Outcome, SeedJob

TURN_S = 0.5


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
@click.pass_obj
def command(
    printer: Printer,
    /,
    torrents: tuple[str, ...],
    content: Path | None,
    trust: bool,
    state: Path | None,
    as_json: bool,
    **flags: Any,  # noqa: ANN401 - one an option
) -> int:
    """Seed content until interrupted; it is never written to.

    Content is compared with its torrent first, once: as long as its files stay as they are, the
    next run starts at once. Ctrl-C and SIGTERM end it.
    """
    found = [(read_torrent(printer.env, torrent), _folder_of(torrent)) for torrent in torrents]
    settings = engine_settings(flags, profile="server")
    from outpour.cli.shared.transfer_display import Display
    from outpour.downloader import SeedJob
    from outpour.engine import Engine, ResumeStore

    store = ResumeStore(state or state_folder())
    with Display(printer, as_json=as_json) as display, terminable(), Engine(settings) as engine:
        job = SeedJob(engine, store)
        for metainfo, folder in found:
            job.add(metainfo, content or folder, trust=trust)
        try:
            return _run(printer, display, engine.wait, job)
        except KeyboardInterrupt:
            return 0
        finally:
            display.clear()
            job.close()


def _folder_of(torrent: str) -> Path:
    is_file = torrent != STDIO and not is_url(torrent)
    return Path(torrent).absolute().parent if is_file else Path.cwd()


def _run(printer: Printer, display: Display, wait: Any, job: SeedJob) -> int:  # noqa: ANN401
    code = 0
    while True:
        statuses, outcomes = job.turn()
        display.show(statuses)
        for outcome in outcomes:
            display.clear()
            code = _tell(printer, display, outcome) or code
        if job.has_failed:
            return code
        wait(TURN_S)


def _tell(printer: Printer, display: Display, outcome: Outcome) -> int:
    from outpour.downloader import Completed, Failed, Note

    shared: dict[str, object] = {"infohash": outcome.infohash.hex(), "name": outcome.name}
    match outcome:
        case Completed():
            if display.manner == "json":
                display.event("seeding", shared | {"path": str(outcome.path)})
            else:
                size = format_size(outcome.length)
                printer.talk(("green", "seeding"), f" {outcome.path} ({size})")
            printer.flush()
        case Failed():
            if display.manner == "json":
                display.event("failed", shared | {"error": outcome.error.message})
            printer.fault(outcome.error)
            return outcome.error.exit_code
        case Note():
            printer.note(outcome.message)
        case _:
            pass
    return 0
