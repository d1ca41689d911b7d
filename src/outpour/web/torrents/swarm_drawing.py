"""The history of a swarm into a drawing with axes, empty where nothing is known.

Two panels share one axis of time: seeders and leechers above, downloads below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from outpour.tracker.figures import Extremes, Stretch
from outpour.web import text_format
from outpour.web.chart import Point, Present, between, plain, rounded_up
from outpour.web.torrents.chart_range import DAY_S, ChartRange

WIDTH = 1440
HEIGHT = 400
DOWNLOADS_HEIGHT = 120
"""In units of the drawings, two for each pixel on a plain screen."""
STEP_S = 60
"""Between two samples of a swarm that changes; later ones follow a time without change."""
EDGE = 3.0
"""Per cent of the width at each edge in which no label has room."""
KNOWN_MIN_S = 180
"""Of a torrent that has just appeared there is nothing to connect."""
LAST_TO_NOW_S = 4200
"""A swarm that is there now was there since its last sample, unless that is older than this."""

PointRow = tuple[int, int, int, int, int, int, int, int]
"""Of a stretch: began, ended, least, most and last seeders, most and last leechers, downloads."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place on an axis, in per cent from the left or the top, and what stands there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class SwarmDrawing:
    """What the drawing of a swarm is made of.

    Attributes:
        began: Unix second at the left edge.
        ended: Unix second at the right edge.
        complete: Path of the seeders.
        area: The same closed along the bottom; of days, what lies between their least and most.
        downloading: Path of the leechers.
        downloads: Path of the downloads since the left edge.
        gaps: Left edge and width of each time of which nothing is known, in units of the drawing.
        times: Marks on the axis of time.
        counts: Marks on the axis of seeders and leechers.
        downloaded: How many downloads there were since the left edge.
        downloads_top: Downloads at the upper edge of their panel.
        points: What the drawing says of each stretch, oldest first.
        label: What it says to who cannot see it.
    """

    began: int
    ended: int
    complete: str
    area: str
    downloading: str
    downloads: str
    gaps: tuple[tuple[int, int], ...]
    times: tuple[Mark, ...]
    counts: tuple[Mark, ...]
    downloaded: int
    downloads_top: int
    points: tuple[PointRow, ...]
    label: str


def draw_swarm(
    stretches: Sequence[Stretch], of: ChartRange, now: int, present: Present | None, downloaded: int
) -> SwarmDrawing | None:
    """Draw what is known of a swarm, None if that is nothing.

    Args:
        stretches: Oldest first, in steps of the range.
        of: What is shown.
        now: Unix second of the right edge.
        present: The numbers of now; None of a swarm that is there no more.
        downloaded: Downloads of now.
    """
    began = now - of.span_s
    shown = [stretch for stretch in stretches if stretch.ended >= began]
    if not shown or max(now, shown[-1].ended) - shown[0].began < KNOWN_MIN_S:
        return None
    runs = _runs(shown)
    is_there = present is not None and now - shown[-1].ended <= max(LAST_TO_NOW_S, of.step_s)
    ending = present if is_there else None
    top = rounded_up(max(1, *(max(one.complete.most, one.downloading.most) for one in shown)))
    if ending is not None:
        top = rounded_up(max(top, ending.complete, ending.downloading))
    first, last = shown[0].downloaded, shown[-1].downloaded
    last = max(downloaded, last) if ending is not None else last
    gained = max(0, last - first)

    is_daily = of.step_s >= DAY_S

    def path(numbers: Callable[[Stretch], Extremes], end: int | None) -> list[list[Point]]:
        draw = _ends if is_daily else _line
        lines = [list(draw(run, numbers)) for run in runs]
        if end is not None:
            lines[-1] += _held(lines[-1][-1], now, end)
        return [_scaled(line, began, of.span_s, top, HEIGHT) for line in lines]

    complete = path(lambda one: one.complete, ending.complete if ending else None)
    downloading = path(lambda one: one.downloading, ending.downloading if ending else None)
    downloads_top = rounded_up(max(1, gained))
    return SwarmDrawing(
        began=began,
        ended=now,
        complete=_joined(complete),
        area=_joined([_scaled(line, began, of.span_s, top, HEIGHT) for line in map(_band, runs)])
        if is_daily
        else "".join(map(_closed, complete)),
        downloading=_joined(downloading),
        downloads=_joined(
            [
                _scaled(line, began, of.span_s, downloads_top, DOWNLOADS_HEIGHT)
                for line in _download_lines(runs, first, last, now if ending else None)
            ]
        ),
        gaps=tuple(_gaps(runs, began, now, of.span_s, is_there=is_there)),
        times=tuple(_times(of, began, now)),
        counts=tuple(
            Mark(100 * (1 - part / 2), text_format.count(top * part // 2))
            for part in ((0, 1, 2) if top % 2 == 0 else (0, 2))
        ),
        downloaded=gained,
        downloads_top=downloads_top,
        points=tuple(_point(one, first) for one in shown),
        label=_label(shown, of, began, now, gained),
    )


def _runs(shown: Sequence[Stretch]) -> list[list[Stretch]]:
    """Stretches without a gap between them."""
    runs: list[list[Stretch]] = []
    for stretch in shown:
        if not runs or stretch.is_after_gap:
            runs.append([])
        runs[-1].append(stretch)
    return runs


def _line(run: Sequence[Stretch], numbers: Callable[[Stretch], Extremes]) -> Iterator[Point]:
    held: Point | None = None
    for stretch in run:
        of = numbers(stretch)
        if held is not None and stretch.began - held[0] > STEP_S:
            yield stretch.began - STEP_S, held[1]
        yield stretch.began, of.first
        third_s = (stretch.ended - stretch.began) / 3
        if third_s and (of.least < min(of.first, of.last) or of.most > max(of.first, of.last)):
            low, high = between(of)
            yield round(stretch.began + third_s), low
            yield round(stretch.ended - third_s), high
        yield stretch.ended, of.last
        held = stretch.ended, of.last


def _ends(run: Sequence[Stretch], numbers: Callable[[Stretch], Extremes]) -> Iterator[Point]:
    """What a swarm was at the same hour of each day; the rest of it is in the band."""
    yield run[0].began, numbers(run[0]).first
    for stretch in run:
        yield stretch.ended, numbers(stretch).last


def _band(run: Sequence[Stretch]) -> list[Point]:
    """Round what lies between the least and the most seeders of each day."""
    days = [(run[0].began, run[0].complete), *((one.ended, one.complete) for one in run)]
    upper = [(at, of.most) for at, of in days]
    return upper + [(at, of.least) for at, of in reversed(days)]


def _held(last: Point, now: int, value: int) -> Iterator[Point]:
    if now - last[0] > STEP_S:
        yield now - STEP_S, last[1]
    yield now, value


def _download_lines(
    runs: Sequence[Sequence[Stretch]], first: int, last: int, now: int | None
) -> Iterator[list[Point]]:
    """Downloads since the left edge; those in a gap are counted, and drawn where it ends."""
    for number, run in enumerate(runs):
        # A stretch knows what was counted up to its end.
        line = [(one.ended, max(0, one.downloaded - first)) for one in run]
        line.insert(0, (run[0].began, line[0][1]))
        if now is not None and number == len(runs) - 1:
            line += _held(line[-1], now, last - first)
        yield line


def _scaled(line: Sequence[Point], began: int, span_s: int, top: int, height: int) -> list[Point]:
    return plain(
        (
            round(min(max((at - began) / span_s, 0), 1) * WIDTH),
            round(height - min(value, top) / top * height),
        )
        for at, value in line
    )


def _joined(lines: Sequence[Sequence[Point]]) -> str:
    return "".join("M" + "L".join(f"{x} {y}" for x, y in line) for line in lines)


def _closed(line: Sequence[Point]) -> str:
    return f"{_joined([line])}L{line[-1][0]} {HEIGHT}L{line[0][0]} {HEIGHT}Z"


def _gaps(
    runs: Sequence[Sequence[Stretch]], began: int, now: int, span_s: int, *, is_there: bool
) -> Iterator[tuple[int, int]]:
    # What was before the first that is known is no gap: mostly there was no torrent yet.
    edges = [(one[-1].ended, other[0].began) for one, other in pairwise(runs)]
    if not is_there:
        edges.append((runs[-1][-1].ended, now))
    for left, right in edges:
        x = round(max(left - began, 0) / span_s * WIDTH)
        width = round((right - began) / span_s * WIDTH) - x
        if width > 1:
            yield x, width


def _times(of: ChartRange, began: int, now: int) -> Iterator[Mark]:
    for at, label in of.ticks(began, now):
        place = 100 * (at - began) / of.span_s
        yield Mark(round(place, 2), label if EDGE <= place <= 100 - EDGE else "")


def _point(one: Stretch, first: int) -> PointRow:
    complete, downloading = one.complete, one.downloading
    return (
        one.began,
        one.ended,
        complete.least,
        complete.most,
        complete.last,
        downloading.most,
        downloading.last,
        max(0, one.downloaded - first),
    )


def _label(shown: Sequence[Stretch], of: ChartRange, began: int, now: int, gained: int) -> str:
    most = text_format.count(max(one.complete.most for one in shown))
    leechers = text_format.count(max(one.downloading.most for one in shown))
    gaps = sum(one.is_after_gap for one in shown[1:])
    said = (
        f"From {of.named(began)} to {of.named(now)}: at most {most} seeders and {leechers} "
        f"leechers, {text_format.count(gained)} downloads"
    )
    if gaps:
        said += f"; {gaps} times of which nothing is known" if gaps > 1 else "; one gap"
    return said
