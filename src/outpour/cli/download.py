"""`outpour download`: fetch torrents, and check what was fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from outpour.base.deadline import Deadline
from outpour.base.errors import NetworkError, OutpourError, UsageError
from outpour.base.host_port import read_host_port
from outpour.base.http_route import Route
from outpour.cli.shared.engine_options import (
    engine_options,
    engine_settings,
    resume_folder,
)
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import ANY_PATH, STDIO, check_url, read_torrent
from outpour.cli.shared.log_options import log_options
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.source_list import read_headers, read_sources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outpour.downloader import Asking, DownloadOptions, Job
    from outpour.engine import EngineSettings
    from outpour.torrent.magnet_link import Magnet
    from outpour.torrent.metainfo import Metainfo


@define(
    "download",
    example="""
    outpour download http://127.0.0.1:6969/ -o downloads
    outpour download debian.iso.torrent --seed-ratio 1.5
    """,
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@click.option(
    "-i",
    "--input",
    "inputs",
    multiple=True,
    metavar="FILE",
    help="Download what this file names too, a SOURCE a line; - is stdin; repeatable.",
)
@click.option(
    "-o",
    "--output",
    type=ANY_PATH,
    default=Path(),
    metavar="DIR",
    help="Put files into this folder; by default into the current one.",
)
@click.option(
    "--files",
    multiple=True,
    metavar="PATTERN",
    help="Download these files only: a glob, or numbers such as 1,3-5; repeatable.",
)
@click.option("--seed", is_flag=True, help="Go on seeding until interrupted.")
@click.option(
    "--seed-ratio",
    type=click.FloatRange(min=0),
    metavar="RATIO",
    help="Seed until so many times the content was sent.",
)
@click.option(
    "--seed-time", type=click.FloatRange(min=0), metavar="MINUTES", help="Seed for so long."
)
@click.option("--tracker", multiple=True, metavar="URL", help="Ask this tracker too; repeatable.")
@click.option("--web-seed", multiple=True, metavar="URL", help="Use this web seed too; repeatable.")
@click.option(
    "--peer", multiple=True, metavar="HOST:PORT", help="Connect to this peer at once; repeatable."
)
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are there and no part of the torrent."
)
@click.option("--check", is_flag=True, help="Compare all existing files with the torrent.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up when nothing comes for so long, and sooner when no source answers; 0 never does.",
)
@click.option(
    "--connect-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For fetching each SOURCE.",
)
@click.option(
    "--state",
    type=ANY_PATH,
    metavar="DIR",
    help="Keep resume data here; by default below ~/.local/state/outpour.",
)
@click.option("--no-state", is_flag=True, help="Keep nothing, and trust nothing that was kept.")
@click.option(
    "--deadline",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Give up what is not complete after so long, however fast it comes.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Send this when fetching a SOURCE, as for a login; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object a line.")
@engine_options
@log_options
@click.pass_obj
def command(
    printer: Printer,
    /,
    sources: tuple[str, ...],
    inputs: tuple[str, ...],
    connect_timeout: float,
    state: Path | None,
    no_state: bool,
    headers: tuple[str, ...],
    as_json: bool,
    log_format: str | None,
    log_level: str | None,
    **flags: Any,  # noqa: ANN401 - one an option
) -> int:
    """Download torrents: .torrent files (- is stdin), their URLs, magnet links, or an outpour page.

    Files of the torrent that are there already are checked and used; files that are not of it are
    left alone, and the download is refused. Interrupted downloads, even killed ones, go on where
    they stopped. Ends when every file is complete and matched its hashes.
    """
    from outpour.downloader import Asking

    printer.speak(log_format, log_level)
    settings, options = _read(flags)
    named = [*sources, *read_sources(printer.env, inputs)]
    if not named:
        raise UsageError("no SOURCE", hint="`outpour download --help` explains it")
    printer.outlast(has_data=as_json)
    route = Route(settings.proxy, settings.ca_file, read_headers(headers))
    patience_s = min(connect_timeout, options.stall_s or connect_timeout)
    found, code = _resolve_all(printer, named, Asking(patience_s, route), options.deadline)
    from outpour.cli.shared.transfer_run import run_job
    from outpour.downloader import Job
    from outpour.engine import ResumeStore

    store = None if no_state else ResumeStore(state or resume_folder())
    failed = run_job(
        printer,
        settings,
        lambda engine: Job(engine, options, store),
        lambda job: _start_all(printer, job, found),
        whole=("complete", ", verified"),
        as_json=as_json,
    )
    return failed or code


def _read(flags: dict[str, Any]) -> tuple[EngineSettings, DownloadOptions]:
    from outpour.downloader import DownloadOptions, SeedGoal

    settings: EngineSettings = engine_settings(flags)
    ratio, minutes = flags.pop("seed_ratio"), flags.pop("seed_time")
    goal = None
    if flags.pop("seed") or ratio is not None or minutes is not None:
        goal = SeedGoal(ratio, None if minutes is None else minutes * 60)
    return settings, DownloadOptions(
        folder=flags["output"],
        files=flags["files"],
        trackers=tuple(check_url(url) for url in flags["tracker"]),
        web_seeds=tuple(check_url(url) for url in flags["web_seed"]),
        peers=tuple(read_host_port(text) for text in flags["peer"]),
        seed=goal,
        stall_s=flags["timeout"],
        discovers=settings.dht or settings.lsd,
        check=flags["check"],
        overwrite=flags["overwrite"],
        # Headers are for the servers that a person names, not for those that a torrent does.
        route=Route(settings.proxy, settings.ca_file),
        deadline=Deadline.after(flags["deadline"]) if flags["deadline"] else None,
    )


def _resolve_all(
    printer: Printer, sources: Sequence[str], asking: Asking, deadline: Deadline | None
) -> tuple[list[Metainfo | Magnet], int]:
    """Find the torrents; a source that is none is told, and the others are downloaded."""
    from outpour.downloader import resolve

    found: list[Metainfo | Magnet] = []
    codes: list[int] = []

    def tell(error: OutpourError) -> None:
        printer.fault(error)
        codes.append(error.exit_code)

    for source in sources:
        try:
            rest_s = deadline.rest() if deadline else asking.timeout_s
            now = replace(asking, timeout_s=min(asking.timeout_s, rest_s), on_fault=tell)
            is_piped = source == STDIO
            found += [read_torrent(printer.env, source)] if is_piped else resolve(source, now)
        except TimeoutError:
            tell(NetworkError(f"`{source}`: not fetched before the deadline"))
        except OutpourError as error:
            if len(sources) == 1:
                raise
            tell(error)
    return found, codes[-1] if codes else 0


def _start_all(printer: Printer, job: Job, torrents: Sequence[Metainfo | Magnet]) -> int:
    code = 0
    for torrent in torrents:
        try:
            job.add(torrent)
        except OutpourError as error:
            if len(torrents) == 1:
                raise
            printer.fault(error)
            code = error.exit_code
    return code
