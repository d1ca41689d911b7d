"""How much of a swarm's history a chart shows, and how fine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from outpour.web import text_format

HOUR_S = 3600
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class ChartRange:
    """A length of time that a chart shows.

    Attributes:
        key: Its name in URLs.
        label: What visitors read.
        span_s: Seconds from its left to its right edge.
        step_s: Seconds of a stretch of it: a multiple of what the history keeps of that age.
        ticks: Where its axis is marked, as Unix seconds with what stands there.
    """

    key: str
    label: str
    span_s: int
    step_s: int
    ticks: Callable[[int, int], Iterator[tuple[int, str]]]

    def named(self, at: int) -> str:
        """A time of the chart as people read it, to the minute or the day."""
        return text_format.day(at) if self.step_s >= DAY_S else text_format.minute(at)


def _hours(began: int, ended: int) -> Iterator[tuple[int, str]]:
    for at in range(-(-began // (3 * HOUR_S)) * 3 * HOUR_S, ended, 3 * HOUR_S):
        yield at, time.strftime("%H:%M", time.gmtime(at))


def _days(began: int, ended: int) -> Iterator[tuple[int, str]]:
    for at in range(-(-began // DAY_S) * DAY_S, ended, DAY_S):
        yield at, _short(at, "%a {day}")


def _fortnights(began: int, ended: int) -> Iterator[tuple[int, str]]:
    for at in range(-(-began // DAY_S) * DAY_S, ended, DAY_S):
        if time.gmtime(at).tm_mday in (1, 15):
            yield at, _short(at, "{day} %b")


def _months(began: int, ended: int) -> Iterator[tuple[int, str]]:
    for at in range(-(-began // DAY_S) * DAY_S, ended, DAY_S):
        if (moment := time.gmtime(at)).tm_mday == 1:
            yield at, _short(at, "%b" if moment.tm_mon > 1 else "%Y")


def _short(at: int, form: str) -> str:
    moment = time.gmtime(at)
    return time.strftime(form, moment).replace("{day}", str(moment.tm_mday))


RANGES = (
    ChartRange("24h", "24 hours", DAY_S, 360, _hours),
    ChartRange("7d", "7 days", 7 * DAY_S, HOUR_S, _days),
    ChartRange("90d", "90 days", 90 * DAY_S, 8 * HOUR_S, _fortnights),
    ChartRange("1y", "a year", 366 * DAY_S, DAY_S, _months),
)
DEFAULT = RANGES[1]


def range_named(key: str) -> ChartRange:
    """The range of a URL; one that there is not counts as not given."""
    return next((one for one in RANGES if one.key == key), DEFAULT)
