"""`outpour seed`: give away content that is there already."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.base.errors import OutpourError, ReadError, reason
from outpour.base.host_port import Address
from outpour.cli.shared.engine_options import (
    engine_options,
    engine_route,
    engine_settings,
    rate_schedule,
    resume_folder,
    transfer_options,
)
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import ANY_PATH, STDIO, is_url, read_torrent
from outpour.cli.shared.log_options import log_options
from outpour.cli.shared.printer import Printer

if TYPE_CHECKING:
    from outpour.base.http_route import Route
    from outpour.downloader import SeedRun
    from outpour.engine import Status
    from outpour.torrent.metainfo import Metainfo


@define(
    "seed",
    example="""
    outpour seed debian.iso.torrent --content /srv/isos
    outpour seed /srv/torrents --content /srv/isos --up-rate 50MiB/s --status 127.0.0.1:8080
    """,
)
@click.argument("torrents", metavar="TORRENT|DIR...", nargs=-1, required=True)
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
@click.option(
    "--status",
    metavar="HOST:PORT",
    help="Show how it does on a page here, and as JSON at /status.json; whoever reaches the port"
    " sees it.",
)
@transfer_options
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
    status: str | None,
    log_format: str | None,
    log_level: str | None,
    **flags: Any,  # noqa: ANN401 - one an option
) -> int:
    """Seed content until interrupted; it is never written to.

    Of a folder every .torrent in it and below is seeded.

    Content is compared with its torrent first, once: as long as its files stay as they are, the
    next run starts at once. Ctrl-C and SIGTERM end it.
    """
    printer.outlast(has_data=as_json)
    printer.speak(log_format, log_level)
    schedule = rate_schedule(flags)
    settings = engine_settings(printer, flags, own_content=True)
    found, code = _read_all(printer, torrents, engine_route(settings))
    from outpour.cli.shared.transfer_run import run_job
    from outpour.downloader import SeedJob, SeedRun
    from outpour.engine import ResumeStore

    def fill(run: SeedRun) -> int:
        for metainfo, folder in found:
            run.job.add(metainfo, content or folder, trust=trust)
        return code

    store = ResumeStore(state or resume_folder())
    try:
        with _page_at(printer, status) as tell:
            return run_job(
                printer,
                settings,
                lambda engine: SeedRun(
                    SeedJob(engine, store), engine, schedule=schedule, tell=tell
                ),
                fill,
                whole=("seeding", ""),
                as_json=as_json,
            )
    except KeyboardInterrupt:
        return 0


@contextmanager
def _page_at(
    printer: Printer, address: str | None
) -> Iterator[Callable[[Sequence[Status]], None] | None]:
    """Serve the status page, if there is to be one; yields what tells it how torrents do."""
    if address is None:
        yield None
        return
    from outpour.web.transfer_page import TransferPage

    page = TransferPage(Address.parse(address), "Seeding")
    printer.talk(f"status page at {page.url}")
    printer.flush()
    try:
        yield page.show
    finally:
        page.close()


def _read_all(
    printer: Printer, torrents: tuple[str, ...], route: Route
) -> tuple[list[tuple[Metainfo, Path]], int]:
    """Read the torrents; one that cannot be read is told, and the others are seeded."""
    found: list[tuple[Metainfo, Path]] = []
    code = 0
    named = _torrents_of(torrents)
    for torrent in named:
        try:
            found.append((read_torrent(printer.env, torrent, route), _folder_of(torrent)))
        except OutpourError as error:
            if len(named) == 1:
                raise
            printer.fault(error)
            code = error.exit_code
    return found, code


def _torrents_of(named: tuple[str, ...]) -> list[str]:
    """Put the .torrent files of a folder in its place.

    Raises:
        ReadError: A folder has none, or cannot be read.
    """
    found: list[str] = []
    for one in named:
        if one == STDIO or is_url(one) or not Path(one).is_dir():
            found.append(one)
            continue
        inside = sorted(
            os.path.join(folder, name)  # noqa: PTH118 - names may be no UTF-8
            for folder, _, names in os.walk(one, onerror=_refuse)
            for name in names
            if name.lower().endswith(".torrent")
        )
        if not inside:
            raise ReadError(f"`{one}`: holds no .torrent file")
        found += inside
    return found


def _refuse(error: OSError) -> None:
    raise ReadError(f"`{os.fsdecode(error.filename)}`: {reason(error)}") from error


def _folder_of(torrent: str) -> Path:
    is_file = torrent != STDIO and not is_url(torrent)
    return Path(torrent).absolute().parent if is_file else Path.cwd()
