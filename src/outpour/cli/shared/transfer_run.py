"""Runs a job of the peer engine to its end, and tells people or programs what comes out of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import NamedTuple, Protocol, TypeVar

from outpour.base.text import printable
from outpour.base.units import format_size
from outpour.cli.shared.engine_options import terminable
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.transfer_display import Display
from outpour.downloader import CommandFailed, Completed, Failed, Note, Outcome
from outpour.engine import Engine, EngineSettings, Status

TURN_S = 0.2
REPEAT_S = 60.0
"""How long a note is not said again that says nothing new."""
MESSAGES_MAX = 1000
"""Notes that are remembered so long."""
Whole = tuple[str, str]


class Turning(Protocol):
    """A job that is looked at again and again; `Job` and `SeedJob` are some."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do."""

    def turn(self) -> tuple[Sequence[Status], Sequence[Outcome]]:
        """Look once: how each torrent does, and what has come out since."""

    def close(self) -> Sequence[Note]:
        """Keep what the next run needs; returns what could not be said before."""


T = TypeVar("T", bound=Turning)


class Repeats:
    """Knows what was just said: a hundred torrents of one tracker need not say a hundred times
    that it is down."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}

    def is_one(self, message: str, now: float) -> bool:
        """Whether it was said within the last minute; `now` is in seconds."""
        for other in [*takewhile(lambda one: now - self._said[one] >= REPEAT_S, self._said)]:
            del self._said[other]
        if message in self._said:
            return True
        if len(self._said) < MESSAGES_MAX:
            self._said[message] = now
        return False


class _Words(NamedTuple):
    word: str
    proof: str
    has_path: bool


def run_job(
    printer: Printer,
    settings: EngineSettings,
    make: Callable[[Engine], T],
    fill: Callable[[T], int],
    *,
    whole: Whole,
    as_json: bool,
    way_on: str = "",
    has_path: bool = True,
) -> int:
    """Start an engine and turn a job until it is over.

    Args:
        printer: Takes what is said.
        settings: Of the engine.
        make: Makes the job.
        fill: Puts the torrents into it, and returns the exit code of what went wrong with some.
        whole: What is said of a torrent whose content is all there, before its path and after its
            size.
        as_json: Write one JSON object a line.
        way_on: How to go on, for whoever interrupts it.
        has_path: Content stays where it is; else it is gone with the job, and has a name alone.

    Returns:
        The exit code: 0, or that of the last failure.

    Raises:
        KeyboardInterrupt: Somebody has interrupted it, with `way_on` as hint.
    """
    with Display(printer, as_json=as_json) as display, terminable(), Engine(settings) as engine:
        job = make(engine)
        display.draw_pieces_of(engine.pieces)
        try:
            code = fill(job)
            return _turn(printer, display, job, engine, _Words(*whole, has_path)) or code
        except KeyboardInterrupt:
            raise KeyboardInterrupt(way_on) from None
        finally:
            display.clear()
            for note in job.close():
                printer.note(note.message)


def _turn(printer: Printer, display: Display, job: Turning, engine: Engine, words: _Words) -> int:
    code = 0
    repeats = Repeats()
    while True:
        statuses, outcomes = job.turn()
        display.show(statuses)
        for outcome in outcomes:
            if isinstance(outcome, Note) and repeats.is_one(outcome.message, time.monotonic()):
                continue
            display.clear()
            code = _tell(printer, display, outcome, words) or code
        if job.is_over:
            return code
        engine.wait(TURN_S)


def _tell(printer: Printer, display: Display, outcome: Outcome, words: _Words) -> int:
    shared: dict[str, object] = {"infohash": outcome.infohash.hex(), "name": outcome.name}
    match outcome:
        case Completed():
            path = str(outcome.path) if words.has_path else None
            found: dict[str, object] = {"path": path, "length": outcome.length}
            if display.manner == "json":
                display.event(words.word, shared | found)
            elif printer.is_json:
                printer.entry("info", words.word, shared | found)
            else:
                size = format_size(outcome.length)
                what = f" {path or printable(outcome.name)} ({size}{words.proof})"
                printer.talk(("green", words.word), what)
            printer.flush()
        case CommandFailed():
            if display.manner == "json":
                display.event("command_failed", shared | {"error": outcome.error.message})
            printer.fault(outcome.error)
            return outcome.error.exit_code
        case Failed():
            if display.manner == "json":
                fault = {"error": outcome.error.message, "hint": outcome.error.hint}
                display.event("failed", shared | fault)
            printer.fault(outcome.error)
            return outcome.error.exit_code
        case Note():
            printer.note(outcome.message)
            if outcome.hint is not None:
                printer.talk(("cyan", "hint:"), f" {outcome.hint}")
        case _:
            pass
    return 0
