"""Shows how torrents do: a line that moves on a terminal, lines now and then, or JSON."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Literal

from outpour.base.text import printable
from outpour.base.units import format_duration, format_rate, format_size
from outpour.cli.shared.printer import Printer
from outpour.engine import Status

Manner = Literal["line", "plain", "json"]

INTERVALS_S: dict[Manner, float] = {"line": 0.25, "plain": 10.0, "json": 1.0}
CLEAR = "\r\x1b[K"


def eta_s(status: Status) -> int | None:
    """Estimate the seconds until a download is complete, None when nothing comes."""
    if status.complete or status.down_rate <= 0:
        return None
    return (status.total - status.done) // status.down_rate


class Display:
    """Writes statuses in one of three manners.

    Args:
        printer: Takes the lines.
        as_json: One JSON object a line on stdout, and nothing else there.
    """

    def __init__(self, printer: Printer, *, as_json: bool) -> None:
        self._printer = printer
        self.manner: Manner = "json" if as_json else "line" if printer.env.is_terminal else "plain"
        self._shown_at = -1e9
        self._states: dict[bytes, str] = {}
        self._is_drawn = False

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def clear(self) -> None:
        """Take the moving line off the screen, so that something else can be said."""
        if self._is_drawn:
            self._printer.env.stderr.write(CLEAR)
            self._printer.env.stderr.flush()
            self._is_drawn = False

    def show(self, statuses: Sequence[Status]) -> None:
        """Show how torrents do, if it is time or one of them is in another state."""
        changed = [
            status for status in statuses if self._states.get(status.infohash) != status.state
        ]
        is_time = time.monotonic() - self._shown_at >= INTERVALS_S[self.manner]
        if not is_time and not (changed and self.manner == "json"):
            return
        self._states.update((status.infohash, status.state) for status in statuses)
        if is_time:
            self._shown_at = time.monotonic()
        match self.manner:
            case "line":
                self._draw(statuses)
            case "plain":
                for status in statuses:
                    if self._printer.is_json:
                        self._printer.entry("info", "status", status_object(status))
                    else:
                        self._printer.talk(_sentence(status))
                self._printer.flush()
            case "json":
                for status in statuses if is_time else changed:
                    self.event("status", status_object(status))

    def event(self, kind: str, values: dict[str, object]) -> None:
        """Write one JSON object on a line of its own."""
        self._printer.data(json.dumps({"event": kind, **values}))
        self._printer.flush()

    def _draw(self, statuses: Sequence[Status]) -> None:
        running = [status for status in statuses if not status.complete] or [*statuses]
        if not running:
            return
        text = _sentence(running[0]) if len(running) == 1 else _summary(statuses)
        width = shutil.get_terminal_size().columns - 1
        self._printer.env.stderr.write(CLEAR + printable(text)[:width])
        self._printer.env.stderr.flush()
        self._is_drawn = True


def status_object(status: Status) -> dict[str, object]:
    """A status under names that stay; bytes and bytes a second."""
    return {
        "infohash": status.infohash.hex(),
        "name": status.name,
        "state": status.state,
        "progress": round(status.progress, 4),
        "done": status.done,
        "total": status.total,
        "down_rate": status.down_rate,
        "up_rate": status.up_rate,
        "downloaded": status.downloaded,
        "uploaded": status.uploaded,
        "peers": status.peers,
        "seeds": status.seeds,
        "eta_s": eta_s(status),
        "error": status.error,
    }


def _sentence(status: Status) -> str:
    parts = [f"{status.name}:"]
    match status.state:
        case "metadata":
            parts.append("asking peers for the metadata")
        case "checking":
            parts.append(f"checking {status.progress:.0%}")
        case "downloading":
            done, total = format_size(status.done), format_size(status.total)
            share = status.done / status.total if status.total else 0.0
            parts.append(f"{share:.1%} ({done} of {total})")
        case _:
            parts.append(status.state)
    if status.down_rate or status.state == "downloading":
        parts.append(f"down {format_rate(status.down_rate)}")
    if status.up_rate or status.complete:
        parts.append(f"up {format_rate(status.up_rate)}")
    parts.append(f"{status.peers} peers" if status.peers != 1 else "1 peer")
    rest = eta_s(status)
    if rest is not None:
        parts.append(f"{format_duration(rest)} left")
    return "  ".join(parts)


def _summary(statuses: Sequence[Status]) -> str:
    done, total = sum(s.done for s in statuses), sum(s.total for s in statuses)
    share = done / total if total else 0.0
    complete = sum(status.complete for status in statuses)
    return "  ".join((
        f"{complete} of {len(statuses)} torrents complete",
        f"{share:.1%} ({format_size(done)} of {format_size(total)})",
        f"down {format_rate(sum(status.down_rate for status in statuses))}",
        f"up {format_rate(sum(status.up_rate for status in statuses))}",
        f"{sum(status.peers for status in statuses)} peers",
    ))  # fmt: skip
