"""Histories of swarms in so few stretches that they can be drawn, kept from sample to sample.

What was summed up once is not read again: after a new sample only what came since is added.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outpour.tracker.figures import Extremes, Stretch

STEP_S = 60
OUTLINES_KEPT = 4096
"""Of as many swarms; some two kilobytes each."""

Outline = tuple[Stretch, ...]
Span = Callable[[bytes], tuple[int, int] | None]
Read = Callable[[bytes, int, int], Sequence[Stretch]]


@dataclass(frozen=True, slots=True)
class _Kept:
    version: int
    step_s: int
    outline: Outline


class Outlines:
    """Outlines of swarms, up to a number of them.

    Args:
        span: Tells the times of a swarm's first and last sample.
        read: Reads a swarm's stretches of some seconds after a time.
        parts_max: Stretches of an outline; there are more than half as many where the history is
            long enough.
        kept_max: Swarms.
    """

    def __init__(
        self, span: Span, read: Read, parts_max: int, *, kept_max: int = OUTLINES_KEPT
    ) -> None:
        self._span = span
        self._read = read
        self._parts_max = parts_max
        self._kept_max = kept_max
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def current(self, infohash: bytes, version: int) -> Outline | None:
        """What is known, None if samples came since; from any thread, and at once."""
        kept = self._kept.get(infohash)
        return kept.outline if kept is not None and kept.version == version else None

    def get(self, infohash: bytes, version: int, since: int) -> Outline:
        """Read what is new; from one thread.

        Args:
            infohash: The swarm.
            version: Changes with every sample taken.
            since: Unix time in seconds; what is older is left out.
        """
        kept = self._kept.get(infohash)
        if kept is None or not kept.outline:
            step_s, outline = self._begin(infohash)
        elif kept.version == version:
            self._kept.move_to_end(infohash)
            return kept.outline
        else:
            news = self._read(infohash, kept.step_s, kept.outline[-1].ended)
            step_s, outline = kept.step_s, joined((*kept.outline, *news), kept.step_s)
        outline = tuple(stretch for stretch in outline if stretch.ended >= since)
        while len(outline) > 1 and _parts(outline[0].began, outline[-1].ended, step_s) > (
            self._parts_max
        ):
            step_s *= 2
            outline = joined(outline, step_s)
        self._kept[infohash] = _Kept(version, step_s, outline)
        self._kept.move_to_end(infohash)
        while len(self._kept) > self._kept_max:
            self._kept.popitem(last=False)
        return outline

    def _begin(self, infohash: bytes) -> tuple[int, Outline]:
        span = self._span(infohash)
        step_s = STEP_S
        if span is None:
            return step_s, ()
        while _parts(*span, step_s) > self._parts_max:
            step_s *= 2
        return step_s, tuple(self._read(infohash, step_s, -1))


def _parts(began: int, ended: int, step_s: int) -> int:
    return ended // step_s - began // step_s + 1


def joined(stretches: Sequence[Stretch], step_s: int) -> Outline:
    """Join those that lie in one stretch of `step_s` seconds."""
    found: list[Stretch] = []
    for stretch in stretches:
        if found and found[-1].ended // step_s == stretch.began // step_s:
            last = found[-1]
            stretch = Stretch(
                last.began,
                stretch.ended,
                _together(last.complete, stretch.complete),
                _together(last.downloading, stretch.downloading),
                max(last.downloaded, stretch.downloaded),
                last.is_after_gap,
            )
            found[-1] = stretch
        else:
            found.append(stretch)
    return tuple(found)


def _together(earlier: Extremes, later: Extremes) -> Extremes:
    return Extremes(
        earlier.first,
        min(earlier.least, later.least),
        max(earlier.most, later.most),
        later.last,
    )
