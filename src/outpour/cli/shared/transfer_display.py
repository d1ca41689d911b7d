"""Shows how torrents do: lines that move on a terminal, lines now and then, or JSON."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Literal, TextIO

from outpour.cli.shared.printer import Printer
from outpour.cli.shared.transfer_screen import Pieces, TransferScreen
from outpour.cli.shared.transfer_words import (
    sentence,
    share_of,
    status_object,
    summary,
    total_object,
)
from outpour.engine import Status

Manner = Literal["screen", "plain", "json"]

INTERVALS_S: dict[Manner, float] = {"screen": 0.25, "plain": 10.0, "json": 1.0}
STILL_S = 60.0
"""How often a line is said where progress is read later and nothing moves."""
STEP = 0.01
SENTENCES_MAX = 4
"""Torrents of which each has a line of its own where progress is read later."""


class Display:
    """Writes statuses in one of three manners.

    Args:
        printer: Takes the lines.
        as_json: JSON objects on stdout, one a line, and nothing else there.

    Attributes:
        manner: Which of them.
    """

    def __init__(self, printer: Printer, *, as_json: bool) -> None:
        self._printer = printer
        self.manner: Manner = (
            "json" if as_json else "screen" if printer.env.is_terminal else "plain"
        )
        self._screen = TransferScreen(lambda _: (), "ascii")
        self._shown_at = -1e9
        self._told_at = -1e9
        self._told_share = -1.0
        self._states: dict[bytes, str] = {}
        self._last: dict[bytes, Status] = {}
        self._drawn = 0

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def draw_pieces_of(self, pieces: Pieces) -> None:
        """Know where to ask which pieces are there."""
        encoding = getattr(self._printer.env.stderr, "encoding", None) or "ascii"
        self._screen = TransferScreen(pieces, encoding)

    def clear(self) -> None:
        """Take the moving lines off the screen, so that something else can be said."""
        if self._drawn:
            self._printer.env.stderr.write(_above(self._drawn) + "\x1b[J")
            self._printer.env.stderr.flush()
            self._drawn = 0

    def show(self, statuses: Sequence[Status]) -> None:
        """Show how torrents do, if it is time or one of them is in another state."""
        is_time = time.monotonic() - self._shown_at >= INTERVALS_S[self.manner]
        changed: list[Status] = []
        if self.manner == "json":
            changed = [one for one in statuses if self._states.get(one.infohash) != one.state]
            self._states.update((one.infohash, one.state) for one in changed)
        if not is_time and not changed:
            return
        if is_time:
            self._shown_at = time.monotonic()
        match self.manner:
            case "screen":
                self._draw(statuses)
            case "plain":
                self._say(statuses)
            case "json":
                self._write(statuses, changed, is_time=is_time)

    def event(self, kind: str, values: dict[str, object]) -> None:
        """Write one JSON object on a line of its own."""
        self._printer.data(json.dumps({"event": kind, **values}))
        self._printer.flush()

    def _write(
        self, statuses: Sequence[Status], changed: Sequence[Status], *, is_time: bool
    ) -> None:
        if is_time and len(statuses) > 1:
            self.event("total", total_object(statuses))
            # Of a thousand that stand still nobody wants a thousand lines a second.
            changed = [one for one in statuses if self._last.get(one.infohash) is not one]
        elif is_time:
            changed = statuses
        for status in changed:
            self._last[status.infohash] = status
            self.event("status", status_object(status))

    def _say(self, statuses: Sequence[Status]) -> None:
        now, share = time.monotonic(), share_of(statuses)
        is_still = abs(share - self._told_share) < STEP
        if not statuses or (is_still and now - self._told_at < STILL_S):
            return
        self._told_at, self._told_share = now, share
        running = [status for status in statuses if not status.complete] or [*statuses]
        if self._printer.is_json:
            for status in running[:SENTENCES_MAX]:
                self._printer.entry("info", "status", status_object(status))
            if len(statuses) > 1:
                self._printer.entry("info", "total", total_object(statuses))
        elif len(statuses) > SENTENCES_MAX:
            self._printer.talk(summary(statuses))
        else:
            for status in running:
                self._printer.talk(sentence(status))
        self._printer.flush()

    def _draw(self, statuses: Sequence[Status]) -> None:
        if not statuses:
            return
        size = size_of(self._printer.env.stderr)
        lines = self._screen.lines(statuses, size.columns, size.lines)
        text = _above(self._drawn) if self._drawn else ""
        # Each line is cleared behind its text, so that nothing flickers.
        text += "\n".join(f"{line}\x1b[K" for line in lines) + "\x1b[J"
        self._printer.env.stderr.write(text)
        self._printer.env.stderr.flush()
        self._drawn = len(lines)


def size_of(terminal: TextIO) -> os.terminal_size:
    """Columns and rows of the terminal that is drawn on; standard output may go elsewhere."""
    try:
        found = os.get_terminal_size(terminal.fileno())
    except (OSError, ValueError):
        found = os.terminal_size((0, 0))
    # Some, as of serial lines, do not know.
    return found if all(found) else shutil.get_terminal_size()


def _above(lines: int) -> str:
    """Go to the beginning of the first of so many lines, from the end of the last."""
    return "\r" + (f"\x1b[{lines - 1}A" if lines > 1 else "")
