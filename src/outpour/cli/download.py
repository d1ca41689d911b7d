"""`outpour download`: fetch torrents, and check what was fetched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from outpour.base.errors import NetworkError, OutpourError, UsageError
from outpour.base.units import parse_duration
from outpour.cli.shared.download_flags import (
    choice_flags,
    end_flags,
    job_options,
    limit_flags,
    name_filter,
    peer_flags,
    refuse_contradictions,
    supply_flags,
)
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
from outpour.cli.shared.source_list import read_headers, read_sources

if TYPE_CHECKING:
    from outpour.downloader import Asking, DownloadOptions, DownloadRun, RateSchedule
    from outpour.downloader.supply import Supply
    from outpour.engine import Engine, EngineSettings, ResumeStore
    from outpour.torrent.magnet_link import Magnet
    from outpour.torrent.metainfo import Metainfo

FAULTS_SAID = 8
"""Torrents of one page or feed that cannot be had and are told one by one."""
WAY_ON = "the same command goes on where it stopped"
WAY_ANEW = "the same command begins anew: `-o DIR` keeps what has come"


@dataclass(frozen=True, slots=True)
class _Work:
    """What the command line asks for."""

    settings: EngineSettings
    options: DownloadOptions
    schedule: RateSchedule | None
    asking: Asking
    store: ResumeStore | None


@define(
    "download",
    example="""
    outpour download http://127.0.0.1:6969/ -o downloads
    outpour download debian.iso.torrent --ratio 1.5
    outpour download backup.torrent --only '*.tar' --stdout | tar x
    outpour download http://127.0.0.1:6969/feed.xml --match '*amd64*' --follow
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
    metavar="DIR",
    help="Put files into this folder; by default into the current one.",
)
@choice_flags
@end_flags
@supply_flags
@peer_flags
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are there and no part of the torrent."
)
@click.option("--check", is_flag=True, help="Compare all existing files with the torrent.")
@limit_flags
@click.option(
    "--state",
    type=ANY_PATH,
    metavar="DIR",
    help="Keep resume data here; by default below ~/.local/state/outpour.",
)
@click.option("--no-state", is_flag=True, help="Keep nothing, and trust nothing that was kept.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="Send this when fetching a SOURCE, as for a login; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object a line.")
@transfer_options
@engine_options
@log_options
@click.pass_obj
def command(
    printer: Printer,
    /,
    sources: tuple[str, ...],
    inputs: tuple[str, ...],
    as_json: bool,
    log_format: str | None,
    log_level: str | None,
    **flags: Any,  # noqa: ANN401 - one an option
) -> int:
    """Download torrents: .torrent files (- is stdin), their URLs, magnet links, pages or feeds.

    Files of the torrent that are there already are checked and used; files that are not of it are
    left alone, and the download is refused. Interrupted downloads, even killed ones, go on where
    they stopped. Ends when every file is complete and matched its hashes.
    """
    printer.speak(log_format, log_level)
    named = [*sources, *read_sources(printer.env, inputs)]
    if not named and not flags["watch"]:
        raise UsageError("no SOURCE", hint="`outpour download --help` explains it")
    refuse_contradictions(flags, as_json=as_json, sources=len(named))
    printer.outlast(has_data=as_json or flags["to_stdout"] or flags["lists"])
    with _folder(flags) as (folder, is_kept):
        work = _read(printer, flags, folder, is_kept=is_kept)
        followed = [one for one in named if flags["follow"] and is_url(one)]
        asked = [one for one in named if one not in followed]
        found, code = _resolve_all(printer, asked, work.asking, work.options)
        if flags["lists"]:
            from outpour.cli.shared.file_table import list_files

            return list_files(printer, found, work.settings, work.options, as_json=as_json) or code
        from outpour.cli.shared.transfer_run import run_job

        failed = run_job(
            printer,
            work.settings,
            lambda engine: _run(engine, work, flags, followed),
            lambda run: _start_all(printer, run, found),
            whole=("complete", ", verified"),
            as_json=as_json,
            way_on=WAY_ON if is_kept else WAY_ANEW,
            has_path=is_kept,
        )
        return failed or code


@contextmanager
def _folder(flags: dict[str, Any]) -> Iterator[tuple[Path, bool]]:
    """Where files go, and whether they stay."""
    if flags["output"] is None and flags["to_stdout"]:
        with TemporaryDirectory(prefix="outpour-", ignore_cleanup_errors=True) as name:
            yield Path(name), False
    else:
        yield flags["output"] or Path(), True


def _read(printer: Printer, flags: dict[str, Any], folder: Path, *, is_kept: bool) -> _Work:
    from outpour.downloader import Asking
    from outpour.engine import ResumeStore

    schedule = rate_schedule(flags)
    settings: EngineSettings = engine_settings(printer, flags)
    stream = printer.binary() if flags["to_stdout"] else None
    options = job_options(flags, settings, folder, stream)
    headers = read_headers(flags["headers"])
    route = replace(engine_route(settings), headers=headers)
    patience_s = min(flags["connect_timeout"], options.stall_s or flags["connect_timeout"])
    asking = Asking(patience_s, route, None, name_filter(flags["match"], flags["no_match"]))
    is_stored = is_kept and not flags["no_state"]
    store = ResumeStore(flags["state"] or resume_folder()) if is_stored else None
    return _Work(settings, options, schedule, asking, store)


def _run(
    engine: Engine, work: _Work, flags: dict[str, Any], followed: Sequence[str]
) -> DownloadRun:
    from outpour.downloader import (
        CompletionCommands,
        DownloadRun,
        FollowedSources,
        Job,
        TakenKeys,
        WatchedFolder,
    )

    supplies: list[Supply] = [WatchedFolder(folder) for folder in flags["watch"]]
    if followed:
        every_s = max(1.0, parse_duration(flags["every"], "min"))
        folder, store = work.options.folder, work.store
        taken = {url: TakenKeys(store.folder, url, folder) for url in followed} if store else None
        supplies.append(FollowedSources(followed, work.asking, every_s, taken))
    commands = CompletionCommands(flags["command_line"]) if flags["command_line"] else None
    return DownloadRun(
        Job(engine, work.options, work.store),
        engine,
        supplies=supplies,
        commands=commands,
        schedule=work.schedule,
    )


def _resolve_all(
    printer: Printer, sources: Sequence[str], asking: Asking, options: DownloadOptions
) -> tuple[list[Metainfo | Magnet], int]:
    """Find the torrents; a source that is none is told, and the others are downloaded."""
    from outpour.downloader import resolve

    found: list[Metainfo | Magnet] = []
    codes: list[int] = []
    deadline = options.deadline

    def tell(error: OutpourError) -> None:
        printer.fault(error)
        codes.append(error.exit_code)

    for source in sources:
        faults: list[str] = []

        def note(error: OutpourError, faults: list[str] = faults) -> None:
            faults.append(error.message)
            if len(faults) <= FAULTS_SAID:
                tell(error)

        try:
            now = replace(asking, on_fault=note, deadline=deadline)
            is_piped = source == STDIO
            found += [read_torrent(printer.env, source)] if is_piped else resolve(source, now)
        except TimeoutError:
            tell(NetworkError(f"`{source}`: not fetched before the deadline"))
        except OutpourError as error:
            if len(sources) == 1:
                raise
            tell(error)
        if len(faults) > FAULTS_SAID:
            # A feed may name a hundred thousand that are gone.
            more, last = len(faults) - FAULTS_SAID, faults[-1]
            tell(NetworkError(f"`{source}`: {more} more cannot be had, such as {last}"))
    return found, codes[-1] if codes else 0


def _start_all(printer: Printer, run: DownloadRun, torrents: Sequence[Metainfo | Magnet]) -> int:
    code = 0
    if run.job.is_streaming and len(torrents) > 1:
        raise UsageError(f"`--stdout`: SOURCE names {len(torrents)} torrents")
    for torrent in torrents:
        try:
            run.start(torrent)
        except OutpourError as error:
            if len(torrents) == 1:
                raise
            printer.fault(error)
            code = error.exit_code
    return code
