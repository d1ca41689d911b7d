"""Turns whatever ends a command into two lines for a person and an exit code for a script."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from outpour.base.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    OutpourError,
    ReadError,
    WriteError,
    reason,
)
from outpour.cli.shared.interrupts import interruptible
from outpour.cli.shared.printer import Printer
from outpour.cli.shared.standard_streams import silence

EXIT_BROKEN_PIPE = 141
"""128 and SIGPIPE: what a shell reports of any tool whose reader went away."""
EXIT_INTERNAL = 1


def guard(printer: Printer, call: Callable[[], int | None]) -> int:
    """Run a command and say how it ended.

    Args:
        printer: Takes the message, if there is one.
        call: The command; None stands for success.
    """
    try:
        with interruptible():
            code = call()
            printer.flush()
    except OutpourError as error:
        printer.fault(error)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        printer.error("interrupted", str(interrupt) or None)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        silence(sys.stdout)
        return EXIT_BROKEN_PIPE
    except OSError as error:
        return _operating_system(printer, error)
    except Exception as error:
        return _internal(printer, error)
    return EXIT_OK if code is None else code


def _operating_system(printer: Printer, error: OSError) -> int:
    if error.filename is None:
        # Files are named by whoever opens them, so a nameless fault is one of our streams.
        silence(sys.stdout)
        printer.error(f"standard output: {reason(error)}")
        return WriteError.exit_code
    printer.error(f"`{os.fsdecode(error.filename)}`: {reason(error)}")
    return ReadError.exit_code


def _internal(printer: Printer, error: Exception) -> int:
    if os.environ.get("OUTPOUR_DEBUG") == "1":
        raise error
    printer.error(
        f"internal: {type(error).__name__}: {error}; this is a bug in outpour",
        "run it again with OUTPOUR_DEBUG=1 and report what it prints",
    )
    return EXIT_INTERNAL
