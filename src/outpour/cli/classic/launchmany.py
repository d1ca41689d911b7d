"""`btlaunchmany` and `btlaunchmanycurses`: every torrent of a folder, as they come and go."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from outpour.base.errors import ReadError
from outpour.cli.classic.client_engine import note_replaced, open_engine, route_of
from outpour.cli.classic.client_options import TABLE
from outpour.cli.classic.folder_job import FolderJob
from outpour.cli.classic.frame import EXIT_USAGE, print_text, program, run
from outpour.cli.classic.option_table import Option, Parsed, listing, parse, wants_help
from outpour.cli.classic.screen import Screen, has_screen, rows_of_many
from outpour.cli.classic.status_block import brief, short_size
from outpour.cli.shared.engine_options import resume_folder, terminable
from outpour.cli.shared.printer import Printer
from outpour.downloader import DownloadOptions, Failed, Job, Note, Outcome, SeedGoal
from outpour.engine import ResumeStore, Status

MESSAGES_SHOWN_MAX = 10
TURN_S = 0.2

OPTIONS = (
    Option("parse_dir_interval", 1.0, "Seconds between two looks into the folder."),
    Option("saveas", "", "Folder to save in; by default that of the .torrent file."),
    Option(
        "saveas_style",
        0,
        "1: save under the name of the .torrent file, 2: under the name in the torrent, 3: in a "
        "folder with the name of the .torrent file; 0 is 1 for btlaunchmany and 2 with curses.",
    ),
    Option("display_path", 1, "Whether to show paths; 0 shows the names in the torrents."),
)
"""What these commands take besides the options of the other clients."""

Show = Callable[["list[tuple[str, Status]]", "list[str]"], "bool | None"]


def btlaunchmany(args: Sequence[str] | None = None) -> int:
    """Run `btlaunchmany DIR [OPTIONS]`."""
    return run(lambda printer, words: _main(printer, words, "btlaunchmany"), args, OPTIONS)


def btlaunchmanycurses(args: Sequence[str] | None = None) -> int:
    """Run `btlaunchmanycurses DIR [OPTIONS]`; without a terminal it prints lines."""
    return run(lambda printer, words: _main(printer, words, "btlaunchmanycurses"), args, OPTIONS)


def _main(printer: Printer, args: list[str], name: str) -> int:
    table = (*OPTIONS, *TABLE)
    if not args or wants_help(args):
        print_text(printer, f"usage: {program(name)} <directory> [options]\n\n{listing(table)}")
        return 0 if args else EXIT_USAGE
    parsed = parse(args, table, words_min=1, words_max=1)
    note_replaced(printer, parsed)
    folder = Path(parsed.words[0])
    if not folder.is_dir():
        raise ReadError(f"`{folder}`: not a folder")
    style = parsed.integer("saveas_style") or (2 if name == "btlaunchmanycurses" else 1)
    if not (name == "btlaunchmanycurses" and has_screen()):
        printer.outlast()
        print_text(printer, "btlaunchmany starting..")
        return _serve(folder, parsed, style, lambda rows, notes: _print(printer, rows, notes))
    with Screen() as screen:
        kept: list[str] = []

        def draw(rows: list[tuple[str, Status]], notes: list[str]) -> bool:
            kept[:] = [*kept, *notes][-MESSAGES_SHOWN_MAX:]
            return screen.draw(rows_of_many(rows, kept))

        return _serve(folder, parsed, style, draw)


def _serve(folder: Path, parsed: Parsed, style: int, show: Show) -> int:
    options = DownloadOptions(
        folder=folder, seed=SeedGoal(), discovers=True, overwrite=parsed.flag("overwrite"),
        route=route_of(parsed),
    )  # fmt: skip
    saveas = Path(parsed.text("saveas")) if parsed.text("saveas") else None
    with terminable(), open_engine(parsed) as engine:
        job = Job(engine, options, ResumeStore(resume_folder()))
        folder_job = FolderJob(folder, job, style=style, saveas=saveas)
        looked_at = shown_at = -1e9
        notes: list[str] = []
        try:
            while True:
                now = time.monotonic()
                if now - looked_at >= parsed.number("parse_dir_interval"):
                    notes += folder_job.look()
                    looked_at = now
                statuses, outcomes = job.turn()
                for outcome in outcomes:
                    notes += _say(folder_job, outcome)
                if now - shown_at >= max(parsed.number("display_interval"), 1.0) or notes:
                    shown_at = now
                    if show(_rows(folder_job, statuses, parsed), notes):
                        return 0
                    notes = []
                engine.wait(TURN_S)
        except KeyboardInterrupt:
            return 0
        finally:
            job.close()


def _rows(
    folder_job: FolderJob, statuses: list[Status], parsed: Parsed
) -> list[tuple[str, Status]]:
    if not parsed.flag("display_path"):
        return [(status.name, status) for status in statuses]
    return [(folder_job.target_of(status.infohash) or status.name, status) for status in statuses]


def _say(folder_job: FolderJob, outcome: Outcome) -> list[str]:
    if isinstance(outcome, Failed):
        return folder_job.give_up(outcome.infohash, outcome.error)
    if isinstance(outcome, Note):
        return [f"{folder_job.target_of(outcome.infohash) or outcome.name}: {outcome.message}"]
    return []


def _print(printer: Printer, rows: list[tuple[str, Status]], notes: list[str]) -> None:
    for note in notes:
        printer.data(note)
    sums = [0, 0, 0, 0]
    for name, status in rows:
        figures = (status.up_rate, status.down_rate, status.uploaded, status.downloaded)
        printer.data(f"{name}: {_speeds(*figures)} [{brief(status)}]")
        sums = [whole + part for whole, part in zip(sums, figures, strict=True)]
    printer.data(f"All: {_speeds(*sums)}")
    printer.data()
    printer.flush()


def _speeds(up_rate: int, down_rate: int, sent: int, received: int) -> str:
    speeds = f"Spd: {short_size(up_rate)}/{short_size(down_rate)}"
    return f"{speeds} Tot: {_total(sent)}/{_total(received)}"


def _total(length: int) -> str:
    # Totals begin at megabytes.
    return short_size(length) if length >= 999 << 20 else f"{length / (1 << 20):.1f} MB"
