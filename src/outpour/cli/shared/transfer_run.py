"""Runs a job of the peer engine to its end, and tells people or programs what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from outpour.cli.shared.printer import Printer
from outpour.cli.shared.transfer_display import Display
from outpour.downloader import Completed, Failed, Note, Outcome
from outpour.engine import Status


class Turning(Protocol):
    """A job that is looked at again and again; `Job` and `SeedJob` are some."""

    def turn(self) -> tuple[Sequence[Status], Sequence[Outcome]]:
        """Look once: how each torrent does, and what has come out since."""


def run_job(
    printer: Printer,
    display: Display,
    job: Turning,
    *,
    wait: Callable[[], object],
    is_over: Callable[[], bool],
    tell_completed: Callable[[Completed, Mapping[str, object]], None],
) -> int:
    """Turn a job until it is over.

    Args:
        printer: Takes what is said.
        display: Shows how torrents do.
        job: What is turned.
        wait: Returns after some time, or when something happened.
        is_over: Whether nothing is left to do.
        tell_completed: Tells of a torrent that is whole; takes what all events say of one, too.

    Returns:
        The exit code: 0, or that of the last failure.
    """
    code = 0
    while True:
        statuses, outcomes = job.turn()
        display.show(statuses)
        for outcome in outcomes:
            display.clear()
            code = _tell(printer, display, outcome, tell_completed) or code
        if is_over():
            return code
        wait()


def _tell(
    printer: Printer,
    display: Display,
    outcome: Outcome,
    tell_completed: Callable[[Completed, Mapping[str, object]], None],
) -> int:
    shared: dict[str, object] = {"infohash": outcome.infohash.hex(), "name": outcome.name}
    match outcome:
        case Completed():
            tell_completed(outcome, shared)
            printer.flush()
        case Failed():
            if display.manner == "json":
                values = {"error": outcome.error.message, "hint": outcome.error.hint}
                display.event("failed", shared | values)
            printer.fault(outcome.error)
            return outcome.error.exit_code
        case Note():
            printer.note(outcome.message)
        case _:
            pass
    return 0
