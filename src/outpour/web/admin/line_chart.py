"""Series over time into the coordinates of a drawing, with ticks, gaps, and a table of the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from outpour.base.units import format_size
from outpour.web import text_format

WIDTH, HEIGHT = 1000, 200
NOT_KNOWN = "\N{EN DASH}"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
STEPS_S = (
    60, 300, 600, 900, 1800, HOUR_S, 2 * HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S,
    DAY_S, 2 * DAY_S, 7 * DAY_S, 14 * DAY_S, 28 * DAY_S, 56 * DAY_S,
)  # fmt: skip
"""Between two ticks of time."""
TICKS_MAX = 8
LINES_MAX = 4
"""Ticks of a value above zero."""


@dataclass(frozen=True, slots=True)
class Span:
    """What a chart covers: stretches of equal length.

    Attributes:
        began: Unix second at which the first begins.
        step_s: Length of each.
        count: How many.
    """

    began: int
    step_s: int
    count: int

    @classmethod
    def up_to(cls, now: float, length_s: int, step_s: int) -> Span:
        """The stretches of so long up to the one that is going on."""
        last = int(now) - int(now) % step_s
        count = length_s // step_s
        return cls(last - (count - 1) * step_s, step_s, count)

    @property
    def ended(self) -> int:
        """Unix second at which the last ends."""
        return self.began + self.count * self.step_s


@dataclass(frozen=True, slots=True)
class Series:
    """One line.

    Attributes:
        key: Names its colour.
        label: What it is, in a word or two.
        values: One a stretch; None where nothing is known.
    """

    key: str
    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Path:
    """A line or an area in the drawing."""

    key: str
    d: str
    is_area: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark at an edge of the drawing, with its place in percent from left or top.

    Attributes:
        anchor: Which end of its label is there: `start`, `middle` or `end`.
        is_minor: Left out where there is little room.
    """

    percent: str
    label: str
    anchor: str = "middle"
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: when, and each value as it is read."""

    iso: str
    when: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LineChart:
    """A drawing with all that stands around it."""

    title: str
    unit: str
    series: Sequence[Series]
    paths: tuple[Path, ...]
    times: tuple[Tick, ...]
    values: tuple[Tick, ...]
    marks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    label: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of any time."""
        return not self.paths


Format = Callable[[float], str]


def draw_lines(
    title: str,
    unit: str,
    span: Span,
    series: Sequence[Series],
    *,
    is_stacked: bool = False,
    is_size: bool = False,
    top_min: float = 0,
    marks: Sequence[tuple[float, str]] = (),
) -> LineChart:
    """Draw series over a span.

    Args:
        title: What is shown.
        unit: Of the values, such as `a second`.
        span: Its stretches are those of the series.
        series: The lines; of stacked ones the lowest first.
        is_stacked: Let each area stand on the one before.
        is_size: Values are bytes.
        top_min: The least value at the upper edge.
        marks: Unix times with what is to be read there.
    """
    tops = _stacked(series) if is_stacked else [one.values for one in series]
    highest = max((value for values in tops for value in values if value), default=0.0)
    step = _step(max(highest, top_min), is_size=is_size)
    top = step * max(1, -(-max(highest, top_min) // step))
    text = format_size_of if is_size else number

    def place(value: float) -> float:
        return round(HEIGHT - value / top * HEIGHT, 1)

    paths: list[Path] = []
    below: Sequence[float | None] = [0.0] * span.count
    for one, values in zip(series, tops, strict=True):
        if is_stacked:
            paths += _areas(one.key, below, values, span, place)
            below = values
        paths += _lines(one.key, values, span, place)
    lines = tuple(_table(span, series, text))
    return LineChart(
        title=title,
        unit=unit,
        series=series,
        paths=tuple(paths),
        times=tuple(_times(span)),
        values=tuple(
            Tick(_percent(1 - at * step / top), text(at * step))
            for at in range(round(top / step) + 1)
        ),
        marks=tuple(
            Tick(_percent((at - span.began) / (span.ended - span.began)), said, _anchor(at, span))
            for at, said in marks
            if span.began <= at <= span.ended
        ),
        lines=lines,
        label=_label(title, unit, span, series, text),
    )


def number(value: float) -> str:
    """A number as it is read: with three digits at least, where it has as many."""
    if value >= 99.5 or value == int(value):
        return text_format.count(round(value))
    return f"{value:.1f}" if value >= 9.95 else f"{value:.2f}".rstrip("0").rstrip(".")


def format_size_of(value: float) -> str:
    """Bytes as they are read."""
    return format_size(round(value))


def when(at: float, step_s: int) -> str:
    """A time of a stretch of some length."""
    moment = time.gmtime(at)
    if step_s >= DAY_S:
        return time.strftime("%Y-%m-%d", moment)
    return time.strftime("%Y-%m-%d %H:%M", moment)


def _stacked(series: Sequence[Series]) -> list[list[float | None]]:
    found: list[list[float | None]] = []
    for one in series:
        below = found[-1] if found else [0.0] * len(one.values)
        found.append(
            [
                None if value is None or under is None else value + under
                for value, under in zip(one.values, below, strict=True)
            ]
        )
    return found


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Neighbours that are known; between two runs there is a gap."""
    for is_known, run in groupby(enumerate(values), lambda pair: pair[1] is not None):
        if is_known:
            yield [(at, value) for at, value in run if value is not None]


def _x(at: float, span: Span) -> float:
    return round(at / span.count * WIDTH, 1)


def _lines(
    key: str, values: Sequence[float | None], span: Span, place: Callable[[float], float]
) -> Iterator[Path]:
    parts = []
    for run in _runs(values):
        points = [(_x(at + 0.5, span), place(value)) for at, value in run]
        if len(points) == 1:
            # What is known for one stretch alone is as wide as that.
            at, value = run[0]
            points = [(_x(at, span), place(value)), (_x(at + 1, span), place(value))]
        parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in _plain(points)))
    if parts:
        yield Path(key, "".join(parts), is_area=False)


def _areas(
    key: str,
    below: Sequence[float | None],
    values: Sequence[float | None],
    span: Span,
    place: Callable[[float], float],
) -> Iterator[Path]:
    parts = []
    for run in _runs(values):
        upper = [(_x(at + 0.5, span), place(value)) for at, value in run]
        lower = [(_x(at + 0.5, span), place(below[at] or 0)) for at, _ in run]
        outline = [*_plain(upper), *reversed(_plain(lower))]
        parts.append("M" + "L".join(f"{x:g} {y:g}" for x, y in outline) + "Z")
    if parts:
        yield Path(key, "".join(parts), is_area=True)


def _plain(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Leave out the middle of what is level."""
    kept: list[tuple[float, float]] = []
    for point in points:
        if len(kept) > 1 and kept[-2][1] == kept[-1][1] == point[1]:
            kept.pop()
        kept.append(point)
    return kept


def _step(highest: float, *, is_size: bool) -> float:
    """Between two ticks of a value: 1, 2 or 5 times a power of ten, or a power of two of bytes."""
    step = 1.0
    if is_size:
        while highest > step * LINES_MAX:
            step *= 2
        return step
    while highest <= step and step > 1e-3:
        step /= 10
    while True:
        for factor in (1, 2, 5):
            if highest <= factor * step * LINES_MAX:
                return factor * step
        step *= 10


def _times(span: Span) -> Iterator[Tick]:
    length = span.ended - span.began
    step = next((step for step in STEPS_S if length / step <= TICKS_MAX), STEPS_S[-1])
    first = -(-span.began // step) * step
    for number_of, at in enumerate(range(first, span.ended, step)):
        yield Tick(
            _percent((at - span.began) / length),
            _tick_text(at, step),
            _anchor(at, span),
            bool(number_of % 2),
        )


def _tick_text(at: int, step: int) -> str:
    moment = time.gmtime(at)
    if step >= DAY_S or (step >= 6 * HOUR_S and at % DAY_S == 0):
        return f"{moment.tm_mday} {time.strftime('%b', moment)}"
    return time.strftime("%H:%M", moment)


def _anchor(at: float, span: Span) -> str:
    share = (at - span.began) / (span.ended - span.began)
    return "start" if share < 0.04 else "end" if share > 0.96 else "middle"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _table(span: Span, series: Sequence[Series], text: Format) -> Iterator[Line]:
    for at in range(span.count):
        began = span.began + at * span.step_s
        values = [one.values[at] for one in series]
        yield Line(
            text_format.iso(began),
            when(began, span.step_s),
            tuple(NOT_KNOWN if value is None else text(value) for value in values),
        )


def _label(title: str, unit: str, span: Span, series: Sequence[Series], text: Format) -> str:
    parts = []
    for one in series:
        known = [value for value in one.values if value is not None]
        if known:
            parts.append(f"{one.label} {text(min(known))} to {text(max(known))}")
    said = "; ".join(parts) or "nothing is known of this time"
    began, ended = when(span.began, span.step_s), when(span.ended, span.step_s)
    return f"{title} {unit} from {began} to {ended}: {said}"
