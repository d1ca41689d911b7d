"""The outline of a swarm's history into the coordinates of an SVG drawing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outpour.tracker.figures import Extremes, Stretch
from outpour.web import text_format

STEP_S = 60
"""Between two samples of a swarm that changes; later ones follow a time without change."""
DENSE_S = 86_400
"""Older samples stand an hour apart, with nothing known between them."""

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines for one drawing, in its own coordinates with the origin at the top left.

    Attributes:
        width: Width of the drawing.
        height: Height of the drawing.
        complete: Path of the seeders.
        area: The same path, closed along the bottom.
        downloading: Path of the leechers.
        top: The count at the upper edge.
        began: Unix time in seconds at the left edge.
        ended: Unix time in seconds at the right edge.
        highest: Largest counts of seeders and leechers.
    """

    width: int
    height: int
    complete: str
    area: str
    downloading: str
    top: int
    began: int
    ended: int
    highest: tuple[int, int]

    @property
    def label(self) -> str:
        """What a large drawing says to who cannot see it."""
        complete, downloading = map(text_format.count, self.highest)
        return (
            f"From {text_format.minute(self.began)} to {text_format.minute(self.ended)}: at most "
            f"{complete} complete and {downloading} downloading"
        )

    @property
    def short_label(self) -> str:
        """The same of a small drawing."""
        complete, downloading = map(text_format.count, self.highest)
        return (
            f"{text_format.day(self.began)} to {text_format.day(self.ended)}: at most "
            f"{complete} complete, {downloading} downloading"
        )


@dataclass(frozen=True, slots=True)
class Present:
    """The end of both lines: the numbers that stand beside the drawing.

    Attributes:
        at: Unix time in seconds.
        complete: Seeders.
        downloading: Leechers.
    """

    at: int
    complete: int
    downloading: int


def draw(
    outline: Sequence[Stretch], present: Present, width: int, height: int, *, is_snug: bool = False
) -> Chart | None:
    """Draw both lines over time, None if there is nothing to connect.

    Of each stretch the lines show how it began, its least and most, and how it ended; they begin
    with the first sample and end with the present.

    Args:
        outline: Oldest first.
        present: Where the lines end.
        width: Width of the drawing.
        height: Height of the drawing.
        is_snug: Let the largest count touch the upper edge, instead of a round number.
    """
    if not outline:
        return None
    began, ended = outline[0].began, max(present.at, outline[-1].ended)
    if ended <= began:
        return None
    complete = [stretch.complete for stretch in outline]
    downloading = [stretch.downloading for stretch in outline]
    highest = (
        max(present.complete, *(numbers.most for numbers in complete)),
        max(present.downloading, *(numbers.most for numbers in downloading)),
    )
    top = max(*highest, 1) if is_snug else rounded_up(max(*highest, 1))

    def path(numbers: Sequence[Extremes], last: int) -> str:
        scaled = (
            (round((at - began) / (ended - began) * width), round(height - value / top * height))
            for at, value in _line(outline, numbers, ended, last)
        )
        return "M" + "L".join(f"{x} {y}" for x, y in plain(scaled))

    seeders = path(complete, present.complete)
    return Chart(
        width=width,
        height=height,
        complete=seeders,
        area=f"{seeders}L{width} {height}L0 {height}Z",
        downloading=path(downloading, present.downloading),
        top=top,
        began=began,
        ended=ended,
        highest=highest,
    )


def _line(
    outline: Sequence[Stretch], numbers: Sequence[Extremes], ended: int, last: int
) -> Iterator[Point]:
    dense = ended - DENSE_S
    held: Point | None = None
    for stretch, of in zip(outline, numbers, strict=True):
        yield from _held(held, stretch.began, dense)
        third_s = (stretch.ended - stretch.began) / 3
        yield stretch.began, of.first
        if third_s:
            yield from zip(
                (round(stretch.began + third_s), round(stretch.ended - third_s)),
                between(of),
                strict=True,
            )
            yield stretch.ended, of.last
        held = stretch.ended, of.last
    yield from _held(held, ended, dense)
    yield ended, last


def _held(before: Point | None, at: int, dense: int) -> Iterator[Point]:
    """Points are kept when something changed: until then the line is flat."""
    if before is not None and before[0] >= dense and at - before[0] > STEP_S:
        yield at - STEP_S, before[1]


def between(of: Extremes) -> tuple[int, int]:
    """The least and the most in the order in which a line through them is the shorter one."""
    rising = abs(of.first - of.least) + abs(of.most - of.last)
    falling = abs(of.first - of.most) + abs(of.least - of.last)
    return (of.least, of.most) if rising <= falling else (of.most, of.least)


def plain(points: Iterator[Point]) -> list[Point]:
    """Leave out what does not show: the same point again, and the middle of what is level."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and kept[-2][1] == kept[-1][1] == point[1]:
            kept.pop()
        kept.append(point)
    return kept


def rounded_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50, ...: an edge that people can read.

    Example:
        >>> rounded_up(3), rounded_up(17), rounded_up(200)
        (5, 20, 200)
    """
    step = 1
    while True:
        for factor in (1, 2, 5):
            if number <= factor * step:
                return factor * step
        step *= 10
