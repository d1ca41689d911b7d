"""`outpour track`: a tracker with its page, until it is stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from pydantic.fields import FieldInfo

from outpour.base.event import Event
from outpour.cli.shared.alike_lines import AlikeLines
from outpour.cli.shared.group import define
from outpour.cli.shared.inputs import ANY_PATH
from outpour.cli.shared.printer import Printer
from outpour.tracker import settings_doc
from outpour.tracker.core import check_system
from outpour.tracker.settings import OF_PUBLISH, ROOMS, SECTION, all_fields
from outpour.tracker.settings_file import load
from outpour.tracker.tracker_events import FileSkipped


def _options(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    for name, field in reversed(all_fields().items()):
        if name not in OF_PUBLISH:
            command = _option(name, field)(command)
    return command


def _option(name: str, field: FieldInfo) -> Any:  # noqa: ANN401 - a decorator of click
    spelled = name.removeprefix(f"{SECTION}.").replace("_", "-")
    identifier = name.replace(".", "_")
    text = (field.description or "").replace("`", "")
    if field.annotation is bool:
        return click.option(f"--{spelled}/--no-{spelled}", identifier, default=None, help=text)
    if name in ROOMS:
        # Without a word behind it a flag says yes, as it did before there was more to say.
        return click.option(
            f"--{spelled}",
            identifier,
            metavar=settings_doc.metavar(name, field),
            is_flag=False,
            flag_value="open",
            help=text,
        )
    return click.option(
        f"--{spelled}",
        identifier,
        metavar=settings_doc.metavar(name, field),
        multiple=isinstance(field.default, tuple),
        help=text,
    )


@define(
    "track",
    example="""
    outpour track --listen 127.0.0.1:6969 --allowed-dir torrents
    outpour track --print-config > tracker.toml
    """,
)
@click.option("--config", type=ANY_PATH, metavar="FILE", help="Read settings from TOML.")
@click.option("--no-page", is_flag=True, help="The same as --page off.")
@click.option("--print-config", is_flag=True, help="Write a commented settings file and exit.")
@click.option(
    "--import-dfile",
    type=ANY_PATH,
    metavar="FILE",
    help="Take over counters and peers from the state file of a classic bttrack.",
)
@_options
@click.pass_obj
def command(
    printer: Printer,
    /,
    config: Path | None,
    print_config: bool,
    no_page: bool,
    import_dfile: Path | None,
    **flags: Any,  # noqa: ANN401 - one a setting
) -> None:
    """Track torrents over HTTP and UDP, and show them on a page.

    Every setting is a flag, a key of the file and an environment variable; docs/settings.md tells
    what each does. Without `--open`, `--allowed-dir` and `--allow-list` any torrent is tracked.
    SIGHUP looks through folder and lists, SIGTERM and Ctrl-C save everything and end.
    """
    if print_config:
        printer.raw(settings_doc.default_file().encode())
        return
    printer.outlast()
    # A mistake in the settings is told as they would have it, as far as that is known.
    printer.speak(flags["log_format"] or os.environ.get("OUTPOUR_LOG_FORMAT"), None)
    if no_page:
        flags["page"] = "off"
    given = {name: value for name, value in flags.items() if value not in (None, ())}
    settings = load(config, os.environ, given)
    printer.speak(settings.log_format, settings.log_level)
    if not (settings.open or settings.allowed_dir or settings.allow_list):
        settings = settings.model_copy(update={"open": True})
        printer.note("tracking any torrent; `--allowed-dir DIR` tracks only those of a folder")
    # What serves is imported late, so that a mistake in the settings is told at once.
    check_system()
    from outpour.cli.shared.tracker_run import TrackerRun

    printer.become_log(settings.log_format, settings.log_level)
    alike = AlikeLines(printer.warn)
    tracking = TrackerRun(printer, settings, on_event=lambda event: tell(printer, event, alike))
    tracking.start()
    if import_dfile is not None:
        tracking.take_over(import_dfile)
    tracking.serve(alongside=[alike.keep_up])
    alike.flush()
    printer.talk("stopped; everything is saved")


def tell(printer: Printer, event: Event, alike: AlikeLines | None = None) -> None:
    """Write one event as one line, or put it together with others that are alike."""
    if printer.is_json:
        printer.event(event)
    elif alike is not None and isinstance(event, FileSkipped):
        line = (("yellow", "note:"), f" {event}")
        alike.say("skipped", "files", event.why, str(event.path), line)
    elif event.is_trouble:
        printer.note(str(event))
    else:
        printer.talk(str(event))
    printer.flush()
