"""Runs an old command: its streams, its name, its errors and its exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from outpour.base.errors import OutpourError, UsageError
from outpour.cli.classic.option_table import Option, OptionError, Parsed
from outpour.cli.shared.env import Env
from outpour.cli.shared.faults import guard
from outpour.cli.shared.fitting_hint import fitting
from outpour.cli.shared.interrupts import end_at_once
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.standard_streams import hold_numbers
from outpour.cli.shared.utf8_mode import ensure_utf8

Tool: TypeAlias = Callable[[Printer, list[str]], "int | None"]

EXIT_USAGE = UsageError.exit_code


def run(
    tool: Tool,
    args: Sequence[str] | None,
    options: Sequence[Option] = (),
    spellings: Mapping[str, str] | None = None,
) -> int:
    """Run a command and return its exit code.

    Args:
        tool: Takes the printer and the words after the command.
        args: Those words; by default those of the process.
        options: What the command has; a hint that names others is not given.
        spellings: What flags are called here, by what outpour calls them.
    """
    if args is None:
        end_at_once()
        ensure_utf8()
        hold_numbers()
    # Scripts of old close it to have silence.
    printer = Printer(Env.of_process(needs_stdout=False))
    printer.fit(partial(_in_old_words, frozenset(f"--{one.name}" for one in options), spellings))
    words = list(sys.argv[1:] if args is None else args)

    def call() -> int | None:
        try:
            return tool(printer, words)
        except OptionError as error:
            printer.talk(f"error: {error.message}")
            printer.talk(error.hint or "")
            return error.exit_code

    return guard(printer, call)


def _in_old_words(
    flags: Collection[str],
    spellings: Mapping[str, str] | None,
    message: str,
    hint: str | None,
) -> tuple[str, str | None]:
    for new, old in (spellings or {}).items():
        message = message.replace(f"`{new}`", f"`{old}`")
        hint = hint.replace(f"`{new}`", f"`{old}`") if hint else hint
    return message, fitting(hint, flags)


def program(name: str) -> str:
    """What usage lines call a command: how it was called, or its name."""
    called = sys.argv[0] if sys.argv else ""
    return called if Path(called).name == name else name


def print_text(printer: Printer, text: str) -> None:
    """Write lines of the result."""
    for line in text.split("\n"):
        printer.data(line)


def note_obsolete(printer: Printer, parsed: Parsed) -> None:
    """Say which options of the command line have no effect any more."""
    for name in parsed.obsolete:
        printer.note(f"--{name} has no effect any more")


def each(printer: Printer, paths: Iterable[str], work: Callable[[str], None]) -> int:
    """Do the same to several files; one that fails is named and the rest are done.

    Returns:
        0, or the exit code of the first failure.
    """
    code = 0
    for path in paths:
        try:
            work(path)
        except OutpourError as error:
            printer.fault(error)
            code = code or error.exit_code
    return code
