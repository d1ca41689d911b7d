"""The outline of a swarm's history into the coordinates of an SVG drawing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from outpour.tracker.figures import Extremes, Stretch
from outpour.web import text_format

STEP_S = 60
"""Between two samples of a swarm that changes; later ones follow a time without change."""
DENSE_S = 86_400
"""Older samples stand an hour apart, with nothing known between them."""
SILENT_S = 3900
"""A running tracker samples every swarm each hour, perhaps some minutes late: what is silent for
longer has a gap before now."""

Point = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines for one drawing, in its own coordinates with the origin at the top left.

    Attributes:
        width: Width of the drawing.
        height: Height of the drawing.
        complete: Path of the seeders, anew after each gap in which nothing is known.
        area: The same path, each part of it closed along the bottom.
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
    with the first sample, end with the present, and are not drawn through gaps.

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

    runs = _runs(outline)

    def parts(lines: Iterator[list[Point]]) -> list[list[Point]]:
        return [
            plain(
                (
                    round((at - began) / (ended - began) * width),
                    round(height - value / top * height),
                )
                for at, value in line
            )
            for line in lines
        ]

    of_seeders = [[one.complete for one in run] for run in runs]
    of_leechers = [[one.downloading for one in run] for run in runs]
    seeders = parts(_lines(runs, of_seeders, ended, present.complete))
    leechers = parts(_lines(runs, of_leechers, ended, present.downloading))
    return Chart(
        width=width,
        height=height,
        complete="".join(map(_path, seeders)),
        area="".join(
            f"{_path(part)}L{part[-1][0]} {height}L{part[0][0]} {height}Z" for part in seeders
        ),
        downloading="".join(map(_path, leechers)),
        top=top,
        began=began,
        ended=ended,
        highest=highest,
    )


def _path(points: Sequence[Point]) -> str:
    # A single moment is a line too, as short as can be seen.
    shown = points if len(points) > 1 else [*points, (points[0][0] + 1, points[0][1])]
    return "M" + "L".join(f"{x} {y}" for x, y in shown)


def _runs(outline: Sequence[Stretch]) -> list[list[Stretch]]:
    """The stretches between gaps."""
    runs: list[list[Stretch]] = []
    for stretch in outline:
        if not runs or stretch.is_after_gap:
            runs.append([])
        runs[-1].append(stretch)
    return runs


def _lines(
    runs: Sequence[Sequence[Stretch]],
    numbers: Sequence[Sequence[Extremes]],
    ended: int,
    last: int,
) -> Iterator[list[Point]]:
    """A line for each run, the last of which goes on to the present."""
    dense = ended - DENSE_S
    for run, of in zip(runs, numbers, strict=True):
        line = [*_line(run, of, dense)]
        is_last = run is runs[-1]
        if is_last and ended - run[-1].ended <= SILENT_S:
            line += [*_held(line[-1], ended, dense), (ended, last)]
        yield line
        if is_last and ended - run[-1].ended > SILENT_S:
            yield [(ended, last)]


def _line(run: Sequence[Stretch], numbers: Sequence[Extremes], dense: int) -> Iterator[Point]:
    held: Point | None = None
    for stretch, of in zip(run, numbers, strict=True):
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


def _held(before: Point | None, at: int, dense: int) -> Iterator[Point]:
    """Points are kept when something changed: until then the line is flat."""
    if before is not None and before[0] >= dense and at - before[0] > STEP_S:
        yield at - STEP_S, before[1]


def between(of: Extremes) -> tuple[int, int]:
    """The least and the most in the order in which a line through them is the shorter one."""
    rising = abs(of.first - of.least) + abs(of.most - of.last)
    falling = abs(of.first - of.most) + abs(of.least - of.last)
    return (of.least, of.most) if rising <= falling else (of.most, of.least)


def plain(points: Iterable[Point]) -> list[Point]:
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
