"""Samples of a swarm into the coordinates of an SVG drawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outpour.tracker.figures import Sample
from outpour.web.limits import CHART_POINTS_MAX


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
        highest: Largest counts of seeders and leechers drawn.
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


def draw(
    samples: Sequence[Sample],
    width: int,
    height: int,
    *,
    points_max: int = CHART_POINTS_MAX,
    is_snug: bool = False,
) -> Chart | None:
    """Draw both lines over time, None if there is nothing to connect.

    Args:
        samples: Oldest first.
        width: Width of the drawing.
        height: Height of the drawing.
        points_max: Points of a line.
        is_snug: Let the largest count touch the upper edge, instead of a round number.
    """
    points = thinned(samples, points_max)
    if len(points) < 2 or points[-1].at <= points[0].at:
        return None
    highest = max(point.complete for point in points), max(point.downloading for point in points)
    top = max(*highest, 1) if is_snug else rounded_up(max(*highest, 1))
    began, ended = points[0].at, points[-1].at

    def path(value: Callable[[Sample], int]) -> str:
        steps = [
            f"{(point.at - began) / (ended - began) * width:.0f} "
            f"{height - value(point) / top * height:.0f}"
            for point in points
        ]
        return "M" + "L".join(steps)

    complete = path(lambda point: point.complete)
    return Chart(
        width=width,
        height=height,
        complete=complete,
        area=f"{complete}L{width} {height}L0 {height}Z",
        downloading=path(lambda point: point.downloading),
        top=top,
        began=began,
        ended=ended,
        highest=highest,
    )


def thinned(samples: Sequence[Sample], points_max: int) -> list[Sample]:
    """Keep at most so many samples: of equal stretches of time the one with the most peers."""
    if len(samples) <= points_max:
        return list(samples)
    began, span = samples[0].at, max(1, samples[-1].at - samples[0].at)
    best: dict[int, Sample] = {}
    for sample in samples:
        stretch = min(points_max - 1, (sample.at - began) * points_max // span)
        kept = best.get(stretch)
        if kept is None or sample.complete + sample.downloading >= kept.complete + kept.downloading:
            best[stretch] = sample
    return list(best.values())


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
