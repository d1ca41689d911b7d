"""Says each second that something long is still going on, where it cannot say so itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from outpour.cli.shared.printer import Printer

EVERY_S = 1.0


@contextmanager
def saying_so(printer: Printer, what: str, every_s: float = EVERY_S) -> Iterator[None]:
    """Say what goes on, and for how long, as long as the block runs.

    Args:
        printer: Where to.
        what: Such as `reading torrents`.
        every_s: Seconds between two lines, and before the first.
    """
    ended = threading.Event()
    began = time.monotonic()

    def say() -> None:
        while not ended.wait(every_s):
            printer.talk(f"{what}, {time.monotonic() - began:.0f} s so far")
            printer.flush()

    saying = threading.Thread(target=say, name="outpour-waiting", daemon=True)
    saying.start()
    try:
        yield
    finally:
        ended.set()
        saying.join()
