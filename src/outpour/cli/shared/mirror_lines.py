"""What a mirror says, as lines: one by one while they are few, then a sum."""

from __future__ import annotations

import time
from contextlib import ExitStack

from outpour.base.event import Event
from outpour.base.units import count, format_rate, format_size
from outpour.cli.shared.alike_lines import AlikeLines
from outpour.cli.shared.fitting_hint import fitting
from outpour.cli.shared.printer import Printer, Report
from outpour.cli.shared.publish_lines import PublishLines
from outpour.mirror.mirror_events import (
    Begun,
    Disbelieved,
    Fetching,
    Followed,
    Mirrored,
    RegistrationChanged,
    Renewed,
    SourceFailed,
)
from outpour.publisher.publish_events import Settled, Turned

FETCHING_S = 30.0
"""Between two words on how far fetching is, where nobody sees a bar."""


class MirrorLines:
    """Says events as lines, and draws a bar while something is fetched.

    Args:
        printer: Where to.
        flags: What the command has: a hint that names another one helps nobody.
    """

    def __init__(self, printer: Printer, flags: frozenset[str]) -> None:
        self._printer = printer
        self._flags = flags
        self._others = PublishLines(printer, flags)
        self._alike = AlikeLines(printer.talk)
        self._bar = ExitStack()
        self._report: Report | None = None
        self._told_at = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Say one event."""
        if self._printer.is_json:
            self._write_down(event)
            return
        match event:
            case Fetching():
                self._fetching(event)
                return
            case Turned():
                self._alike.flush()
            case Begun():
                self._close_bar()
                size = format_size(event.length)
                line = (("dim", "fetching"), f" {event.name} ({size})")
                self._alike.say("fetching", "torrents", "", event.name, line)
                return
            case Mirrored():
                self._close_bar()
                how = "fetched" if event.fetched else "here already"
                text = f" {event.name} ({format_size(event.length)}, {how}) "
                whole = (("green", "mirrored"), text, ("dim", event.infohash.hex()))
                self._alike.say("mirrored", "torrents", how, event.name, whole)
                return
            case Renewed():
                self._close_bar()
                line = (("dim", "renewed"), f" {event.name}: its .torrent names other sources")
                self._alike.say("renewed", "torrents", "", event.name, line)
                return
            case Followed() | RegistrationChanged():
                self._talk(("bold", str(event)))
                return
            case Disbelieved() | SourceFailed():
                self._close_bar()
                self._alike.flush()
                self._printer.note(str(event))
                hint = event.hint if isinstance(event, SourceFailed) else None
                if hint := fitting(hint, self._flags):
                    self._printer.talk(("cyan", "hint:"), f" {hint}")
                return
            case Settled():
                self._close_bar()
                self._alike.flush()
                if event.published:
                    size = format_size(event.length)
                    self._talk(f"{count(event.published, 'torrent')} ({size}) here already")
                return
            case _:
                self._close_bar()
                self._alike.flush()
        self._others(event)

    def close(self) -> None:
        """Take the bar away, and say what was held back."""
        self._close_bar()
        self._alike.flush()
        self._others.close()

    def _write_down(self, event: Event) -> None:
        match event:
            case Fetching():
                now = time.monotonic()
                if now - self._told_at >= 1.0:
                    self._told_at = now
                    self._printer.event(event, "debug")
            case Disbelieved() | SourceFailed():
                self._printer.event(event, "warning")
            case Begun() | Mirrored() | Renewed() | Followed() | RegistrationChanged():
                self._printer.event(event)
            case _:
                self._others(event)

    def _talk(self, *line: str | tuple[str, str]) -> None:
        self._close_bar()
        self._alike.flush()
        self._printer.talk(*line)

    def _fetching(self, event: Fetching) -> None:
        if self._printer.env.is_terminal:
            if self._report is None:
                self._report = self._bar.enter_context(self._printer.progress("fetching"))
            self._report(event.done, event.total)
            return
        now = time.monotonic()
        if now - self._told_at >= FETCHING_S and event.rate:
            self._told_at = now
            sizes = f"{format_size(event.done)} of {format_size(event.total)}"
            self._printer.talk(
                ("dim", "fetching"),
                f" {count(event.torrents, 'torrent')}: {sizes}, {format_rate(event.rate)}",
            )

    def _close_bar(self) -> None:
        self._bar.close()
        self._report = None
