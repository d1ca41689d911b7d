"""Draws how torrents do on a terminal: one with a map of its pieces, or a row for each of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from outpour.base.text import printable
from outpour.base.units import count, format_duration, format_rate, format_size
from outpour.cli.shared.transfer_words import eta_s, fitted, percent, share_of, summary
from outpour.engine import Status

ROWS_MAX = 20
"""Rows of torrents; the others are summed up."""
WIDE = 120
"""Columns from which on there is room for all figures."""
NARROW = 50
NAME_MIN = 12
"""Columns that a name needs beside its figures."""
SHADES = " ░▒▓█"
SHADES_ASCII = " .:+#"
BAR_WIDE, BAR_NARROW = 24, 10

Pieces = Callable[[bytes], Sequence[bool]]
"""Takes an infohash; of each piece whether it is there."""


class TransferScreen:
    """Makes lines that fit into a terminal.

    Args:
        pieces: For the map of a torrent.
        encoding: Of the terminal, which may know no shades.
    """

    def __init__(self, pieces: Pieces, encoding: str) -> None:
        self._pieces = pieces
        self._shades = SHADES
        try:
            SHADES.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            self._shades = SHADES_ASCII

    def lines(self, statuses: Sequence[Status], columns: int, rows: int) -> list[str]:
        """What to show; no line is wider than the terminal, and there are fewer than `rows`."""
        columns = max(1, columns - 1)
        if len(statuses) == 1:
            lines = self._one(statuses[0], columns)
        else:
            lines = self._many(statuses, columns, max(1, min(ROWS_MAX, rows - 3)))
        return [cut(line, columns).rstrip() for line in lines[: max(1, rows - 1)]]

    def _one(self, status: Status, columns: int) -> list[str]:
        size = format_size(status.total) if status.total else "size unknown"
        head = spread(printable(status.name), size, columns)
        rest = eta_s(status)
        right = f"{format_duration(rest)} left" if rest is not None else _word(status)
        figures = [(0, f"down {format_rate(status.down_rate)}")]
        figures.append((1, f"up {format_rate(status.up_rate)}"))
        figures.append((2, f"{count(status.peers, 'peer')} ({count(status.seeds, 'seed')})"))
        figures.append((3, f"ratio {status.ratio:.2f}"))
        left = fitted(figures, columns - len(right) - 2)
        if status.state == "metadata":
            return [head, spread("asking peers for the metadata", left, columns)]
        share = status.progress if status.state == "checking" else share_of([status])
        text = f"{percent(share):>6} "
        if columns >= NARROW and status.state != "checking":
            done = f" {format_size(status.done)}"
        else:
            done = ""
        room = columns - len(text) - len(done) - 2
        if status.state == "checking":
            bar = self._bar(share, room)
        else:
            bar = self._map(status.infohash, room)
        return [head, f"{text}[{bar}]{done}", spread(left, right, columns)]

    def _many(self, statuses: Sequence[Status], columns: int, rows: int) -> list[str]:
        shown = sorted(statuses, key=_rank)[:rows]
        lines = [summary(statuses, columns)]
        lines += [self._row(status, columns) for status in shown]
        hidden = len(statuses) - len(shown)
        if hidden:
            lines.append(f"and {count(hidden, 'other')}")
        return lines

    def _row(self, status: Status, columns: int) -> str:
        share = status.progress if status.state == "checking" else share_of([status])
        is_wide = columns >= WIDE
        bar = self._bar(share, BAR_WIDE if is_wide else BAR_NARROW)
        head = f"{percent(share):>6} [{bar}] "
        rest = eta_s(status)
        tail = [f"{format_rate(status.down_rate if not status.complete else status.up_rate):>12}"]
        if is_wide:
            sizes = f"{format_size(status.done)} of {format_size(status.total)}"
            tail = [f"{sizes:>22}", f"{'down ' + format_rate(status.down_rate):>17}",
                    f"{'up ' + format_rate(status.up_rate):>15}"]  # fmt: skip
        tail.append(f"{count(status.peers, 'peer'):>9}")
        word = format_duration(rest) if rest is not None else _word(status)
        tail.append(f"{word:>13}")
        text = " ".join(tail)
        room = columns - len(head) - len(text)
        if room < NAME_MIN:
            # What it is and when it is there matters more than how it looks.
            head, text = f"{percent(share):>6} ", f"{word:>14}"
            room = columns - len(head) - len(text)
        if room < NAME_MIN and columns < NARROW:
            text, room = "", columns - len(head)
        return head + padded(printable(status.name), room) + text

    def _bar(self, share: float, width: int) -> str:
        cells = max(1, width)
        full = round(cells * min(1.0, share))
        return self._shades[4] * full + self._shades[0] * (cells - full)

    def _map(self, infohash: bytes, width: int) -> str:
        """A cell for as many pieces as there is room for: the darker the more of them are there."""
        cells = max(1, width)
        has = self._pieces(infohash)
        if not has:
            return " " * cells
        shades: list[str] = []
        for cell in range(cells):
            first = cell * len(has) // cells
            end = max(first + 1, (cell + 1) * len(has) // cells)
            share = sum(has[first:end]) / (end - first)
            shades.append(self._shades[4 if share == 1 else -(-int(share * 300) // 100)])
        return "".join(shades)


def _rank(status: Status) -> int:
    """What moves comes first, what has ended last."""
    return {"error": 4, "paused": 3, "seeding": 2, "finished": 2}.get(
        status.state, 0 if status.down_rate else 1
    )


def _word(status: Status) -> str:
    return {"downloading": "waiting", "metadata": "asking"}.get(status.state, status.state)


def spread(left: str, right: str, columns: int) -> str:
    """Two texts at both ends of a line; the right one is left out where it does not fit."""
    room = columns - len(right) - 1
    if room < 8:
        return left
    return padded(left, room) + " " + right


def padded(text: str, columns: int) -> str:
    """Text on so many columns: cut, or with spaces behind."""
    from rich.cells import cell_len, set_cell_size

    if columns < 1:
        return ""
    if cell_len(text) > columns:
        return set_cell_size(text, columns - 1) + "…"
    return set_cell_size(text, columns)


def cut(text: str, columns: int) -> str:
    """Text on so many columns at the most."""
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= columns else set_cell_size(text, columns)
