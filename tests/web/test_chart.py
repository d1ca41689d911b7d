"""Drawings that agree with the numbers beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from outpour.tracker.figures import Extremes, Stretch
from outpour.tracker.views.outlines import joined
from outpour.web.chart import Chart, Present, draw

NOW = 1_795_000_020
WIDTH, HEIGHT = 1000, 100


def outline(numbers: Sequence[tuple[int, int]], step_s: int = 60) -> Sequence[Stretch]:
    """Samples of seeders and leechers, a minute apart and up to now, in stretches."""
    began = NOW - 60 * len(numbers)
    return joined(
        [
            Stretch(at, at, Extremes(*[complete] * 4), Extremes(*[downloading] * 4))
            for at, (complete, downloading) in zip(range(began, NOW, 60), numbers, strict=True)
        ],
        step_s,
    )


def points(path: str) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in re.findall(r"(-?\d+) (-?\d+)", path)]


def drawn(stretches: Sequence[Stretch], complete: int, downloading: int) -> Chart:
    chart = draw(stretches, Present(NOW, complete, downloading), WIDTH, HEIGHT, is_snug=True)
    assert chart is not None
    return chart


@pytest.mark.parametrize("step_s", [60, 600, 7680])
def test_both_lines_end_with_the_numbers_of_now_and_begin_with_the_first_sample(step_s: int):
    # A swarm that was large, fell, and rose again a little within the last stretch.
    numbers = [(100, 50)] * 40 + [(90, 40), (10, 4)] * 30
    chart = drawn(outline(numbers, step_s), 25, 5)
    complete, downloading = points(chart.complete), points(chart.downloading)
    assert complete[0] == (0, 0)
    assert downloading[0] == (0, 50)
    assert complete[-1] == (WIDTH, 75)
    assert downloading[-1] == (WIDTH, 95)
    assert (chart.began, chart.ended) == (NOW - 6000, NOW)


@pytest.mark.parametrize("step_s", [60, 600, 7680])
def test_the_least_and_the_most_of_a_stretch_are_both_on_the_line(step_s: int):
    numbers = [(50, 5)] * 100
    numbers[37], numbers[61] = (100, 5), (0, 5)
    chart = drawn(outline(numbers, step_s), 50, 5)
    heights = {y for _, y in points(chart.complete)}
    assert {0, HEIGHT} <= heights
    assert chart.highest == (100, 5)
    assert "at most 100 complete" in chart.label
    assert "at most 100 complete" in chart.short_label


def test_what_was_level_is_drawn_by_its_ends():
    chart = drawn(outline([(7, 0)] * 500), 7, 0)
    assert points(chart.complete) == [(0, 0), (WIDTH, 0)]
    assert points(chart.downloading) == [(0, HEIGHT), (WIDTH, HEIGHT)]


def test_a_line_is_level_until_just_before_a_change():
    still = outline([(1, 0)])
    later = Stretch(NOW, NOW, Extremes(10, 10, 10, 10), Extremes(0, 0, 0, 0))
    began = NOW - 3600
    first = Stretch(began, began, still[0].complete, still[0].downloading)
    chart = drawn([first, later], 10, 0)
    assert points(chart.complete) == [(0, 90), (983, 90), (WIDTH, 0)]


def test_times_never_go_back_on_a_line():
    numbers = [(number * 7 % 31, number * 5 % 11) for number in range(400)]
    for step_s in (60, 240, 1920):
        chart = drawn(outline(numbers, step_s), 3, 3)
        across = [x for x, _ in points(chart.complete)]
        assert across == sorted(across)


def test_nothing_is_drawn_of_one_moment():
    now = Stretch(NOW, NOW, Extremes(1, 1, 1, 1), Extremes(0, 0, 0, 0))
    assert draw([], Present(NOW, 1, 0), WIDTH, HEIGHT) is None
    assert draw([now], Present(NOW, 1, 0), WIDTH, HEIGHT) is None
    earlier = draw([now], Present(NOW + 60, 1, 0), WIDTH, HEIGHT)
    assert earlier is not None


def test_a_time_of_which_nothing_is_known_is_no_line_and_no_area():
    def moment(at: int, count: int, *, is_after_gap: bool = False) -> Stretch:
        extremes = Extremes(*[count] * 4)
        return Stretch(at, at, extremes, extremes, is_after_gap=is_after_gap)

    began = NOW - 20_000
    stretches = [
        moment(began, 4), moment(began + 3600, 2), moment(NOW - 6000, 0, is_after_gap=True),
        moment(NOW - 3000, 4),
    ]  # fmt: skip
    chart = drawn(stretches, 4, 0)
    first, second = chart.complete.removeprefix("M").split("M")
    assert points(first)[0] == (0, 0)
    assert points(first)[-1] == (180, 50)
    assert points(second)[0] == (700, 100)
    assert points(second)[-1] == (1000, 0)
    assert chart.downloading.count("M") == 2
    assert [points(part)[-2:] for part in chart.area.split("Z")[:-1]] == [
        [(180, 100), (0, 100)], [(1000, 100), (700, 100)],
    ]  # fmt: skip
    # One whose last sample is hours old has a gap before now, and a mark for it.
    late = drawn(stretches[:2], 3, 0)
    assert late.complete.endswith("M1000 25L1001 25")
