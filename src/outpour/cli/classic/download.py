"""`btdownloadheadless`, `bittorrent-downloader`, `btdownloadcurses`: a torrent until killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from outpour.base.errors import OutpourError
from outpour.base.identity import user_agent
from outpour.cli.classic.client_engine import (
    in_old_spelling,
    note_replaced,
    open_engine,
    place,
    route_of,
    wanted_files,
)
from outpour.cli.classic.client_options import TABLE
from outpour.cli.classic.frame import print_text, program, run
from outpour.cli.classic.option_table import Option, OptionError, Parsed, listing, parse, wants_help
from outpour.cli.classic.screen import Screen, has_screen, rows_of_one
from outpour.cli.classic.status_block import block
from outpour.cli.shared.engine_options import resume_folder, terminable
from outpour.cli.shared.printer import Printer
from outpour.downloader import (
    Asking,
    DownloadOptions,
    Failed,
    Job,
    Note,
    Outcome,
    SeedGoal,
    resolve,
)
from outpour.engine import ResumeStore, Status
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

ERRORS_SHOWN_MAX = 5

OPTIONS = (
    Option("responsefile", "", "The .torrent file, if it is not a word of its own."),
    Option("url", "", "URL of the .torrent file, if it is not a word of its own."),
    Option("saveas", "", "Where to save; by default under the torrent's name in this folder."),
    *TABLE,
)


def btdownloadheadless(args: Sequence[str] | None = None) -> int:
    """Run `btdownloadheadless [OPTIONS] [URL|FILE]`."""
    return run(lambda printer, words: _main(printer, words, "btdownloadheadless"), args, OPTIONS)


def bittorrent_downloader(args: Sequence[str] | None = None) -> int:
    """Run `bittorrent-downloader [OPTIONS] [URL|FILE]`."""
    return run(lambda printer, words: _main(printer, words, "bittorrent-downloader"), args, OPTIONS)


def btdownloadcurses(args: Sequence[str] | None = None) -> int:
    """Run `btdownloadcurses [OPTIONS] [URL|FILE]`; without a terminal it is headless."""
    return run(lambda printer, words: _main(printer, words, "btdownloadcurses"), args, OPTIONS)


def _main(printer: Printer, args: list[str], name: str) -> int:
    if not args or wants_help(args):
        print_text(printer, f"usage: {program(name)} [options] <file or URL>\n\n{listing(OPTIONS)}")
        return 0
    if args == ["--version"]:
        printer.data(user_agent())
        return 0
    parsed = parse(args, OPTIONS, words_max=1)
    note_replaced(printer, parsed)
    torrent = _torrent_of(parsed)
    screen = Screen() if name == "btdownloadcurses" and has_screen() else None
    if screen is None:
        printer.outlast()
        return _download(printer, parsed, torrent, lambda s, p, e: _print_block(printer, s, p, e))
    with screen:
        return _download(
            printer, parsed, torrent, lambda s, p, e: screen.draw(rows_of_one(s, p, e))
        )


def _torrent_of(parsed: Parsed) -> Metainfo | Magnet:
    named = [parsed.text("responsefile"), parsed.text("url"), *parsed.words]
    sources = [source for source in named if source]
    if len(sources) != 1:
        raise OptionError("must give exactly one of responsefile, url and a word")
    found = resolve(sources[0], Asking(timeout_s=parsed.number("http_timeout")))
    if len(found) != 1:
        raise OptionError(f"{sources[0]} names {len(found)} torrents, and one can be downloaded")
    return found[0]


def _download(
    printer: Printer,
    parsed: Parsed,
    torrent: Metainfo | Magnet,
    show: Callable[[Status, str, list[str]], bool | None],
) -> int:
    folder, root_name = Path(), None
    if isinstance(torrent, Metainfo):
        folder, root_name = place(torrent.info, parsed.text("saveas"))
    elif parsed.text("saveas"):
        folder = Path(parsed.text("saveas"))
    options = DownloadOptions(
        folder=folder,
        files=wanted_files(parsed),
        seed=SeedGoal(),
        check=parsed.flag("check_hashes") and "check_hashes" in parsed.given,
        overwrite=parsed.flag("overwrite"),
        # The old client waited for peers to come, whatever its torrent named.
        discovers=True,
        route=route_of(parsed),
    )
    with terminable(), open_engine(parsed) as engine:
        job = Job(engine, options, ResumeStore(resume_folder()))
        try:
            job.add(torrent, root_name=root_name)
            return _loop(printer, job, engine.wait, parsed, show, root_name)
        except KeyboardInterrupt:
            return 0
        except OutpourError as error:
            raise in_old_spelling(error, OPTIONS) from None
        finally:
            job.close()


def _loop(
    printer: Printer,
    job: Job,
    wait: Callable[[float], bool],
    parsed: Parsed,
    show: Callable[[Status, str, list[str]], bool | None],
    root_name: str | None,
) -> int:
    errors: list[str] = []
    shown_at = -1e9
    while True:
        statuses, outcomes = job.turn()
        errors = [*errors, *_errors(outcomes)][-ERRORS_SHOWN_MAX:]
        is_time = time.monotonic() - shown_at >= parsed.number("display_interval")
        if statuses and (is_time or job.is_over):
            shown_at = time.monotonic()
            status = statuses[0]
            path = str((status.save_path / (root_name or status.name)).absolute())
            if show(status, path, errors):
                return 0
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                printer.flush()
                raise outcome.error
        wait(min(0.2, parsed.number("display_interval")))


def _errors(outcomes: Sequence[Outcome]) -> list[str]:
    found = []
    for outcome in outcomes:
        if isinstance(outcome, Note):
            found.append(outcome.message)
        elif isinstance(outcome, Failed):
            found.append(outcome.error.message)
    return found


def _print_block(printer: Printer, status: Status, path: str, errors: list[str]) -> None:
    for line in block(status, path, errors):
        printer.data(line)
    printer.flush()
