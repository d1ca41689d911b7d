"""Charts of the operator's pages: scales, ticks, gaps and the table beside them."""

from __future__ import annotations

import pytest

from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.line_chart import (
    LINES_MAX,
    TICKS_MAX,
    LineChart,
    Series,
    Span,
    draw_lines,
    number,
)
from outpour.web.admin.operation_charts import RANGES, history_charts, refusals_chart, slots_of

NOON = 1_795_003_200
SPAN = Span(NOON, 60, 4)


def drawn(*values: float | None, **more: object) -> LineChart:
    span = Span(NOON, 60, len(values))
    return draw_lines("Peers", "now", span, [Series("c1", "peers", values)], **more)  # type: ignore[arg-type]


def test_a_gap_is_a_gap_and_what_stands_alone_is_seen():
    (line,) = drawn(1, 1, None, 2).paths
    assert line.d == "M125 100L375 100M750 0L1000 0"
    assert not drawn(None, None).paths
    assert drawn(None, None).is_empty


def test_what_is_level_is_drawn_with_two_points():
    (line,) = drawn(*[3] * 500).paths
    assert line.d.count("L") == 1


@pytest.mark.parametrize(
    ("highest", "top"),
    [(0, 1), (0.03, 0.03), (1, 1), (3, 3), (7, 8), (1234, 1500), (99_000, 100_000), (4e9, 4e9)],
)
def test_the_upper_edge_is_a_round_number_with_few_lines_below_it(highest: float, top: float):
    chart = drawn(highest, top_min=0.01 if 0 < highest < 1 else 1)
    *_, last = chart.values
    assert last.label == number(top)
    assert last.percent == "0.00%"
    assert 1 <= len(chart.values) - 1 <= LINES_MAX


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (3.996, "4"),
        (3.2, "3.2"),
        (9.96, "10.0"),
        (0.004, "0"),
        (41.26, "41.3"),
        (5e4, "50,000"),
    ],
)
def test_a_number_never_ends_in_its_point(value: float, text: str):
    assert number(value) == text


def test_bytes_have_lines_at_powers_of_two():
    chart = drawn(300_000, is_size=True)
    assert [tick.label for tick in chart.values] == ["0 B", "128 KiB", "256 KiB", "384 KiB"]


@pytest.mark.parametrize("chosen", RANGES, ids=lambda one: one.key)
def test_every_range_has_some_ticks_of_time_within_it(chosen: object):
    span = chosen.span(NOON + 1234.5)  # type: ignore[attr-defined]
    assert span.ended >= NOON + 1234
    assert span.ended - span.step_s <= NOON + 1234
    chart = draw_lines("a", "b", span, [Series("c1", "d", [1.0] * span.count)])
    assert 2 <= len(chart.times) <= TICKS_MAX
    assert len({tick.label for tick in chart.times}) == len(chart.times)
    assert all(0 <= float(tick.percent[:-1]) <= 100 for tick in chart.times)


def test_areas_stand_on_each_other():
    series = [Series("c1", "a", [1.0, 2.0]), Series("c2", "b", [3.0, 2.0])]
    chart = draw_lines("r", "a minute", Span(NOON, 60, 2), series, is_stacked=True)
    assert [path.key for path in chart.paths if path.is_area] == ["c1", "c2"]
    assert chart.paths[-1].d == "M250 0L750 0"


def test_the_table_says_what_the_lines_show():
    chart = drawn(1.5, None, 12345)
    assert [line.texts for line in chart.lines] == [("1.5",), ("\N{EN DASH}",), ("12,345",)]
    assert chart.lines[0].when == "2026-11-18 12:00"
    assert chart.label == (
        "Peers now from 2026-11-18 12:00 to 2026-11-18 12:03: peers 1.5 to 12,345"
    )


def test_a_mark_outside_is_left_out():
    chart = drawn(1, 2, marks=[(NOON - 1, "early"), (NOON + 60, "12:01"), (NOON + 999, "late")])
    assert [(mark.label, mark.percent) for mark in chart.marks] == [("12:01", "50.00%")]


def moment(at: int, **counts: float) -> Moment:
    return Moment(at, 60.0, counts, {}, {})


def test_reasons_beyond_a_handful_are_one():
    few = {f"refused_r{at}": 100.0 - at for at in range(6)}
    chart = refusals_chart(SPAN, slots_of(SPAN, [moment(NOON, **few)]))
    assert len(chart.series) == 6
    many = {f"refused_r{at}": 100.0 - at for at in range(9)}
    chart = refusals_chart(SPAN, slots_of(SPAN, [moment(NOON, **many)]))
    assert [one.label for one in chart.series][-1] == "other reasons"
    assert chart.series[-1].values[0] == sum(100 - at for at in range(5, 9))
    assert refusals_chart(SPAN, slots_of(SPAN, [moment(NOON)])).series[0].label == "refused"


def test_moments_fall_into_the_stretch_that_they_begin_in():
    found = slots_of(SPAN, [moment(NOON - 1), moment(NOON), moment(NOON + 125), moment(NOON + 999)])
    assert [slot.at if slot else None for slot in found] == [NOON, None, NOON + 125, None]


def test_all_charts_of_a_history_without_a_moment_are_empty():
    assert all(chart.is_empty for chart in history_charts(SPAN, slots_of(SPAN, [])))
