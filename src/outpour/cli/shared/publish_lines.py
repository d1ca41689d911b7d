"""What a publisher says, as lines: one by one while they are few, then a sum."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack

from outpour.base.event import Event
from outpour.base.units import count, format_size
from outpour.cli.shared.alike_lines import AlikeLines
from outpour.cli.shared.fitting_hint import fitting
from outpour.cli.shared.printer import Printer, Report
from outpour.publisher.publish_events import (
    CopyFound,
    CopyLies,
    CopyMissing,
    Hashing,
    Noted,
    Published,
    Serving,
    Settled,
    Skipped,
    Stopped,
    Turned,
    Waiting,
    Withdrawn,
)

LARGE_BYTES = 64 << 20
"""What is smaller is hashed in the time it takes to read about it."""
HASHING_S = 1.0
"""Between two words on how far hashing is, where programs read them."""
WAITING_MIN = 25
"""With fewer torrents, their own lines tell enough."""
_SUBJECT = re.compile(r"`[^`]*`")


class PublishLines:
    """Says events as lines, and draws a bar while something large is hashed.

    Args:
        printer: Where to.
        flags: What the command has: a hint that names another one helps nobody.
    """

    def __init__(self, printer: Printer, flags: frozenset[str]) -> None:
        self._printer = printer
        self._flags = flags
        self._alike = AlikeLines(printer.talk)
        self._bar = ExitStack()
        self._report: Report | None = None
        self._hashing: dict[str, tuple[int, int]] = {}
        self._serving: Serving | None = None
        self._told_hashing = 0.0

    def __call__(self, event: Event) -> None:
        """Say one event."""
        if self._printer.is_json:
            self._write_down(event)
            return
        if isinstance(event, Hashing):
            self._progress(event.name, event.done, event.total)
            return
        if isinstance(event, Turned):
            self._alike.flush()
            self._printer.flush()
            return
        if isinstance(event, Waiting):
            self._waiting(event)
            return
        self._close_bar()
        match event:
            case Serving():
                self._begin(event)
            case Settled():
                self._sum_up(event)
            case Noted():
                self._printer.note(event.message)
            case Stopped():
                self._alike.flush()
                self._printer.talk("stopped; everything is saved")
            case Published() | Withdrawn() | Skipped():
                self._torrent(event)
            case CopyFound() | CopyMissing() | CopyLies():
                self._copy(event)
            case _:
                self._printer.talk(str(event))

    def _write_down(self, event: Event) -> None:
        """Give programs each event with its values; how far hashing is, once in a while."""
        match event:
            case Turned():
                self._printer.flush()
            case Hashing():
                now = time.monotonic()
                if now - self._told_hashing >= HASHING_S:
                    self._told_hashing = now
                    self._printer.event(event, "debug")
            case Waiting():
                self._printer.event(event, "debug")
            case Skipped() | Noted():
                self._printer.event(event, "warning")
            case _:
                self._printer.event(event)

    def close(self) -> None:
        """Take the bar away, and say what was held back."""
        self._close_bar()
        self._alike.flush()

    def _torrent(self, event: Published | Withdrawn | Skipped) -> None:
        match event:
            case Published():
                self._hashing.pop(event.name, None)
                how = "unchanged" if event.reused else "hashed"
                files = count(event.files, "file")
                self._alike.say(
                    "published", "torrents", "", event.name,
                    (
                        ("green", "published"),
                        f" {event.name} ({format_size(event.length)}, {files}, {how}) ",
                        ("dim", event.infohash.hex()),
                    ),
                )  # fmt: skip
            case Withdrawn():
                line = (("yellow", "withdrawn"), f" {event.name}: {event.why}")
                self._alike.say("withdrawn", "torrents", event.why, event.name, line)
            case Skipped():
                self._hashing.pop(event.name, None)
                self._skipped(event)

    def _copy(self, event: CopyFound | CopyMissing | CopyLies) -> None:
        # Thousands are looked at after one another, and most of them say the same.
        match event:
            case CopyFound():
                line = (("green", "copy"), f" {event.name}: good at {event.seed}")
                self._alike.say("good", "copies", "", event.name, line)
            case CopyMissing():
                line = (("yellow", "no copy"), f" {event.name}: {event.why}; looked for again")
                why = _SUBJECT.sub("…", event.why).removeprefix("…: ")
                self._alike.say("missing", "copies", why, event.name, line)
            case CopyLies():
                line = (("red", "another copy"), f" {event.name}: {event.why}; not named")
                why = _SUBJECT.sub("…", event.why).removeprefix("…: ")
                self._alike.say("not those published", "copies", why, event.name, line)

    def _skipped(self, event: Skipped) -> None:
        line = (("yellow", "skipped"), f" {event.name}: {event.message}")
        hint = fitting(event.hint, self._flags)
        # What lines have in common is what they say about their subjects.
        why = _SUBJECT.sub("…", event.message).removeprefix("…: ")
        more = [(("cyan", "hint:"), f" {hint}")] if hint else []
        self._alike.say("skipped", "entries", why, event.name, line, *more)

    def _begin(self, event: Serving) -> None:
        self._serving = event
        self._printer.talk(("bold", "serving"), f" {event.url}")
        if event.local_url != event.url:
            self._printer.talk(f"  on this machine: {event.local_url}")
        port = event.peer_port
        seeding = "by web seed only" if port is None else f"at port {port}"
        self._printer.talk(("dim", f"  seeding {seeding}; state in {event.state}"))

    def _waiting(self, event: Waiting) -> None:
        if event.total >= WAITING_MIN and not self._hashing:
            self._alike.forget("published")
            self._printer.talk(f"published {event.published} of {event.total} so far")

    def _sum_up(self, event: Settled) -> None:
        if event.published >= WAITING_MIN:
            self._alike.forget("published")
        self._alike.flush()
        url = self._serving.url if self._serving else ""
        skipped = f", {event.skipped} skipped" if event.skipped else ""
        self._printer.talk(
            ("bold", "ready:"),
            f" {url} serves {count(event.published, 'torrent')} "
            f"({format_size(event.length)}){skipped}; Ctrl-C ends it",
        )

    def _progress(self, name: str, done: int, total: int) -> None:
        if total < LARGE_BYTES:
            return
        if name not in self._hashing:
            self._close_bar()
            self._printer.talk(("dim", "hashing"), f" {name} ({format_size(total)})")
        self._hashing[name] = (done, total)
        if done == total:
            del self._hashing[name]
        if self._report is None:
            self._report = self._bar.enter_context(self._printer.progress("hashing"))
        sums = [sum(column) for column in zip(*self._hashing.values(), strict=True)]
        if sums:
            self._report(*sums)

    def _close_bar(self) -> None:
        self._bar.close()
        self._report = None
