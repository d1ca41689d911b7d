"""A screen of lines in a terminal, for the clients that had one; `q` ends it."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from outpour.base.text import printable
from outpour.cli.classic.status_block import (
    amount_of,
    percent,
    rate_of,
    share_of,
    short_size,
    time_left,
)
from outpour.engine import Status

if TYPE_CHECKING:
    import curses

_BAR_WIDTH = 50


def has_screen() -> bool:
    """Whether there is a terminal that curses can draw on."""
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        return False
    try:
        import curses

        curses.setupterm()
    except Exception:
        # A Python without curses, or a terminal that it does not know.
        return False
    return True


class Screen:
    """Owns the terminal while it is open."""

    def __init__(self) -> None:
        self._window: curses.window | None = None

    def __enter__(self) -> Screen:
        import curses

        self._window = curses.initscr()
        curses.noecho()
        curses.cbreak()
        self._window.nodelay(True)
        self._window.keypad(True)
        try:
            curses.curs_set(0)
        except curses.error:
            # Some terminals cannot hide it.
            return self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        import curses

        curses.nocbreak()
        curses.echo()
        curses.endwin()
        self._window = None

    def draw(self, rows: list[str]) -> bool:
        """Show lines in place of those before; True when the person wants to leave."""
        import curses

        window = self._window
        assert window is not None
        height, width = window.getmaxyx()
        window.erase()
        for number, row in enumerate(rows[:height]):
            try:
                window.addnstr(number, 0, printable(row), max(0, width - 1))
            except curses.error:
                # The terminal has become smaller since it was measured.
                break
        window.refresh()
        return window.getch() in (ord("q"), ord("Q"))


def rows_of_one(status: Status, path: str, errors: list[str]) -> list[str]:
    """Lay out one torrent."""
    filled = int(share_of(status) * _BAR_WIDTH)
    rows = [
        f"file:     {status.name}",
        f"size:     {status.total:,} ({short_size(status.total)})",
        f"dest:     {path}",
        f"progress: {'#' * filled}{'_' * (_BAR_WIDTH - filled)} {percent(status)}%",
        f"status:   {time_left(status)}",
        f"speed:    {rate_of(status.down_rate)} down - {rate_of(status.up_rate)} up",
        f"totals:   {amount_of(status.downloaded)} down - {amount_of(status.uploaded)} up",
        f"peers:    {status.peers} connected, {status.seeds} of them seeds",
        "",
    ]
    if errors:
        rows += ["error(s):", *errors]
    return rows


def rows_of_many(named: list[tuple[str, Status]], messages: list[str]) -> list[str]:
    """Lay out a folder of torrents, for 80 columns; long names are cut at their beginning."""
    rows = [f"{'name':<26} {'done':>6} {'down':>13} {'up':>13} {'peers':>5}  state"]
    for name, status in named:
        speeds = [rate_of(rate) for rate in (status.down_rate, status.up_rate)]
        rows.append(
            f"{name[-26:]:<26} {percent(status):>5}% {speeds[0]:>13} {speeds[1]:>13}"
            f" {status.peers:>5}  {status.state}"
        )
    down, up = sum(s.down_rate for _, s in named), sum(s.up_rate for _, s in named)
    rows += ["", f"{'All':<26} {'':>6} {rate_of(down):>13} {rate_of(up):>13}", "", *messages]
    return rows
