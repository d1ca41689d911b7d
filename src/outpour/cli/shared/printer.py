"""The one place that prints: data to stdout; talk, progress and errors to stderr."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, TextIO, TypeAlias, cast

from outpour.base.errors import OutpourError
from outpour.base.event import Event
from outpour.base.text import is_unprintable, printable
from outpour.base.units import format_rate, format_size
from outpour.base.url_login import without_login
from outpour.cli.shared.env import Env
from outpour.cli.shared.standard_streams import NoStream, silence

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

Text: TypeAlias = "str | tuple[str, str]"
"""A piece of a line: plain, or (style, text)."""
Report: TypeAlias = Callable[[int, int], None]
"""Takes the bytes done and the bytes there are."""

PROGRESS_AFTER_S = 1.0
PROGRESS_LINE_S = 10.0
"""Between two lines of progress where no terminal is; short work writes none."""

_LEVELS = ("debug", "info", "warning", "error")
_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Printer:
    """Writes for one run of a command.

    Everything that goes through `data`, `talk` and `note` is foreign text and escaped, so a file
    name cannot drive the terminal.

    Attributes:
        env: The streams and what they can show.
        is_json: Talk is an object of JSON a line.
    """

    def __init__(self, env: Env) -> None:
        self.env = env
        self.is_json = False
        self._is_log = False
        self._level = "info"
        self._fit: Callable[[str, str | None], tuple[str, str | None]] | None = None

    def fit(self, how: Callable[[str, str | None], tuple[str, str | None]]) -> None:
        """Have errors and their hints told in the words of the command at hand."""
        self._fit = how

    def become_log(self, form: str = "human", level: str = "info") -> None:
        """Begin each line of talk with its time and level, where no person watches.

        Args:
            form: `human`, or `json` for an object a line, whoever watches.
            level: What is said at least: `debug`, `info`, `warning` or `error`.
        """
        self._is_log = not self.env.is_terminal
        self.speak(form, level)

    def speak(self, form: str | None, level: str | None) -> None:
        """Talk in JSON or as ever, and of so much; None leaves it as it is."""
        self.is_json = form == "json" or (form is None and self.is_json)
        self._level = level or self._level
        if self.is_json:
            # A bar is nothing that a program reads.
            self.env = replace(self.env, is_terminal=False, color_err=False)

    def outlast(
        self, missing: Callable[[int, str], str] | None = None, *, has_data: bool = False
    ) -> None:
        """Neither wait nor fail any more where a stream cannot be written: a service goes on.

        Args:
            missing: Makes the line that says how many are missing and why.
            has_data: A program may read stdout: it gets every line, or the command ends.
        """
        from outpour.base.lasting_stream import lasting

        say = missing or self._missing
        out: object = self.env.stdout
        if not has_data:
            is_closed = isinstance(out, NoStream)
            out = NoStream(fails=False) if is_closed else lasting(self.env.stdout, say) or out
        err = lasting(self.env.stderr, say)
        self.env = replace(
            self.env,
            stdout=cast("TextIO", out),
            stderr=cast("TextIO", err or self.env.stderr),
        )

    def data(self, *line: Text) -> None:
        """Write one line of the result."""
        self.env.stdout.write(_join(line, color=self.env.color_out) + "\n")

    def raw(self, content: bytes) -> None:
        """Write bytes of the result as they are."""
        self.env.stdout.flush()
        buffer = getattr(self.env.stdout, "buffer", None)
        if buffer is not None:
            buffer.write(content)
            buffer.flush()

    def binary(self) -> BinaryIO:
        """Where bytes of the result are written as they are."""
        self.env.stdout.flush()
        stream: BinaryIO = getattr(self.env.stdout, "buffer", None) or io.BytesIO()
        return stream

    def json(self, value: object) -> None:
        """Write the result for programs."""
        import json

        text = json.dumps(value, ensure_ascii=False, indent=2)
        if not text.isascii() or "\x7f" in text:
            text = "".join(
                f"\\u{ord(letter):04x}" if letter != "\n" and is_unprintable(letter) else letter
                for letter in text
            )
        self.env.stdout.write(text + "\n")

    def talk(self, *line: Text) -> None:
        """Tell a person what happens."""
        self._write("info", *line)

    def note(self, message: str) -> None:
        """Tell a person what is unwise."""
        if self.is_json:
            self.entry("warning", "note", {"message": message})
        else:
            self.warn(("yellow", "note:"), " ", message)

    def warn(self, *line: Text) -> None:
        """Tell a person what somebody should look at."""
        self._write("warning", *line)

    def error(self, message: str, hint: str | None = None) -> None:
        """Tell a person what failed, and the way out."""
        if self._fit is not None:
            message, hint = self._fit(message, hint)
        if self.is_json:
            self.entry("error", "error", {"message": message, "hint": hint})
            return
        self._write(None, ("red", "error:"), " ", message)
        if hint is not None:
            self._write(None, ("cyan", "hint:"), " ", hint)

    def event(self, event: Event, level: str | None = None) -> None:
        """Tell programs of something that happened, with all its values."""
        from outpour.cli.shared.json_lines import event_name, event_values

        usual = "warning" if event.is_trouble else "info"
        self.entry(level or usual, event_name(event), event_values(event))

    def entry(self, level: str, event: str, values: Mapping[str, object]) -> None:
        """Tell programs something: an object on a line of its own."""
        from outpour.cli.shared.json_lines import json_line

        if self._is_said(level):
            self._tell(json_line(level, event, values) + "\n")

    def _missing(self, count: int, why: str) -> str:
        from outpour.base.lasting_stream import lines_missing
        from outpour.cli.shared.json_lines import json_line

        if self.is_json:
            return json_line("warning", "lines_missing", {"count": count, "why": why}) + "\n"
        return lines_missing(count, why)

    def _is_said(self, level: str) -> bool:
        return _LEVELS.index(level) >= _LEVELS.index(self._level)

    def _write(self, level: str | None, *line: Text) -> None:
        if level is not None and not self._is_said(level):
            return
        if self.is_json:
            text = "".join(part if isinstance(part, str) else part[1] for part in line)
            self.entry(level or "error", "message", {"message": text.strip()})
            return
        # What ends the process is for whoever started it: two lines, the same everywhere.
        if self._is_log and level is not None:
            at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            line = (f"{at} {level} ", *line)
        self._tell(_join(line, color=self.env.color_err) + "\n")

    def _tell(self, text: str) -> None:
        with self._talking():
            # Torrents of strangers and of one's own hold them, and logs are read by others.
            self.env.stderr.write(without_login(text))

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError:
            # What a command comes to is not decided by whether its talk can be kept.
            silence(self.env.stderr)
            self.env = replace(self.env, stderr=cast("TextIO", NoStream(fails=False)))

    def fault(self, error: OutpourError) -> None:
        """Tell a person about a fault."""
        self.error(error.message, error.hint)

    @contextmanager
    def progress(self, label: str) -> Iterator[Report]:
        """Draw a bar with rate and time left, once the work has taken a second.

        Where no terminal is, a line says every ten seconds how far it is.

        Args:
            label: What is being done, such as `hashing`.
        """
        bar = _Bar(self.env, label) if self.env.is_terminal else _Lines(self, label)
        try:
            yield bar.update
        finally:
            bar.close()

    def flush(self) -> None:
        """Hand over what is still buffered."""
        self.env.stdout.flush()
        with self._talking():
            self.env.stderr.flush()


def _join(line: tuple[Text, ...], *, color: bool) -> str:
    parts: list[str] = []
    for part in line:
        style, text = ("", part) if isinstance(part, str) else part
        text = printable(text)
        parts.append(f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if style and color else text)
    return "".join(parts)


class _Lines:
    """Progress where it is read later, as in a log."""

    def __init__(self, printer: Printer, label: str) -> None:
        self._printer = printer
        self._label = label
        self._began = self._told = time.monotonic()

    def update(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told < PROGRESS_LINE_S or not total:
            return
        self._told = now
        rate = format_rate(done / (now - self._began))
        sizes = f"{format_size(done)} of {format_size(total)}"
        self._printer.talk(f"{self._label}: {done * 100 // total} %, {sizes}, {rate}")
        # A pipe is buffered, and whoever reads it wants to know now.
        self._printer.env.stderr.flush()

    def close(self) -> None:
        """Leave what is written."""


class _Bar:
    def __init__(self, env: Env, label: str) -> None:
        self._env = env
        self._label = label
        self._began = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def update(self, done: int, total: int) -> None:
        elapsed = time.monotonic() - self._began
        rate = format_rate(done / elapsed) if elapsed > 0 else ""
        if self._progress is None or self._task is None:
            if elapsed >= PROGRESS_AFTER_S:
                self._open(done, total, rate)
        else:
            self._progress.update(self._task, completed=done, total=total, rate=rate)

    def _open(self, done: int, total: int, rate: str) -> None:
        # rich takes a tenth of a second to import, which only long work can afford.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        console = Console(
            file=self._env.stderr, force_terminal=True, no_color=not self._env.color_err
        )
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._progress.start()
        self._task = self._progress.add_task(self._label, completed=done, total=total, rate=rate)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
