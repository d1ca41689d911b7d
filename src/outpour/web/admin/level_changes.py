"""Where a rate has changed: finds the stretches of a series that have a level of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
    (Anscombe, 1948). The best cut is looked for in the whole and in ever smaller windows, so that
    a short rise shows as well, and the surest come first ("seeded binary segmentation": Kovács and
    others, 2023). A day of minutes takes some ten milliseconds.

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

    found = []
    for first, end in _windows(len(counts)):
        at, sureness = _best_cut(sums, first, end)
        if sureness >= SURENESS_MIN * scatter and _differ(mean(first, at), mean(at, end)):
            found.append((-sureness, end - first, at, first, end))
    edges = {0, len(counts)}
    for _, _, at, first, end in sorted(found):
        if len(edges) <= LEVELS_MAX and not any(first < edge < end for edge in edges):
            edges.add(at)
    return _merged([Level(a, b, mean(a, b)) for a, b in pairwise(sorted(edges))], mean)


def _windows(count: int) -> Iterator[tuple[int, int]]:
    """The whole, its halves, and so on; each with those that begin half a window later."""
    length = count
    while length >= 2:
        step = max(1, length // 2)
        for first in range(0, count - length + 1, step):
            yield first, first + length
        # What is left at the end is where it matters most.
        yield count - length, count
        length //= 2


def _best_cut(sums: Sequence[float], first: int, end: int) -> tuple[int, float]:
    length, before, all_of_it = end - first, sums[first], sums[end] - sums[first]
    best, largest = first + 1, 0.0
    for left in range(1, length):
        # The difference of the two means, times the root of the harmonic mean of their numbers.
        apart = (sums[first + left] - before) * length - all_of_it * left
        found = apart * apart / (left * (length - left))
        if found > largest:
            best, largest = first + left, found
    return best, sqrt(largest / length)


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
