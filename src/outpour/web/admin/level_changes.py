"""Where a rate has changed: finds the stretches of a series that have a level of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import sqrt
from statistics import median

RATIO_MIN = 1.5
"""A level that is less than this many times another is not told apart from it."""
SURENESS_MIN = 6.0
"""How many times the usual scatter two levels differ by."""
LEVELS_MAX = 24


@dataclass(frozen=True, slots=True)
class Level:
    """A stretch of a series with about the same numbers.

    Attributes:
        first: Index of its first number.
        end: Index behind its last.
        mean: Of its numbers.
    """

    first: int
    end: int
    mean: float


def levels(counts: Sequence[float]) -> list[Level]:
    """Cut a series of counts into stretches, each with a level of its own.

    The root of a count scatters equally, be it large or small, so all are compared by their roots
    (Anscombe, 1948); where the difference is surest, the series is cut in two, and each part again.

    Args:
        counts: How often something happened in each of equal stretches of time.
    """
    if not counts:
        return []
    roots = [2 * sqrt(max(count, 0) + 0.375) for count in counts]
    steps = [abs(after - before) for before, after in pairwise(roots)]
    # Of numbers that scatter alone, the median step is about this much of their deviation.
    scatter = max(1.0, median(steps) / 0.954) if steps else 1.0
    sums = [0.0, *accumulate(roots)]
    totals = [0.0, *accumulate(counts)]

    def mean(first: int, end: int) -> float:
        return (totals[end] - totals[first]) / (end - first)

    pending, edges = [(0, len(counts))], {0, len(counts)}
    while pending and len(edges) <= LEVELS_MAX:
        first, end = pending.pop(0)
        at, sureness = _best_cut(sums, first, end)
        if sureness < SURENESS_MIN * scatter or not _differ(mean(first, at), mean(at, end)):
            continue
        edges.add(at)
        pending += [(first, at), (at, end)]
    return _merged([Level(a, b, mean(a, b)) for a, b in pairwise(sorted(edges))], mean)


def _best_cut(sums: Sequence[float], first: int, end: int) -> tuple[int, float]:
    best, sureness = first, 0.0
    for at in range(first + 1, end):
        left, right = at - first, end - at
        difference = (sums[end] - sums[at]) / right - (sums[at] - sums[first]) / left
        found = abs(difference) * sqrt(left * right / (left + right))
        if found > sureness:
            best, sureness = at, found
    return best, sureness


def _differ(one: float, other: float) -> bool:
    low, high = sorted((one, other))
    return high >= RATIO_MIN * low and high - low >= 1


def _merged(found: list[Level], mean: Callable[[int, int], float]) -> list[Level]:
    """Join neighbours that a cut between others has left alike."""
    kept = found[:1]
    for level in found[1:]:
        if _differ(kept[-1].mean, level.mean):
            kept.append(level)
        else:
            first = kept.pop().first
            kept.append(Level(first, level.end, mean(first, level.end)))
    return kept
