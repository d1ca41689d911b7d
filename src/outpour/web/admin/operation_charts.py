"""The history of the tracker as a whole, as charts: which numbers are shown together, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.line_chart import DAY_S, HOUR_S, LineChart, Series, Span, draw_lines
from outpour.web.admin.reasons import PREFIX, reason_of, refused, refused_by_reason

REASONS_SHOWN = 5
"""Reasons with a colour of their own; the others are one."""
COLOURS = ("c1", "c2", "c3", "c4", "c5", "c6")


@dataclass(frozen=True, slots=True)
class Range:
    """How much of history is shown.

    Attributes:
        key: In the URL.
        label: In the menu.
        length_s: Of it all.
        step_s: Of one point.
    """

    key: str
    label: str
    length_s: int
    step_s: int

    def span(self, now: float) -> Span:
        """Its stretches, up to now."""
        return Span.up_to(now, self.length_s, self.step_s)


RANGES = (
    Range("hour", "1 hour", HOUR_S, 60),
    Range("six-hours", "6 hours", 6 * HOUR_S, 120),
    Range("day", "24 hours", DAY_S, 600),
    Range("week", "7 days", 7 * DAY_S, HOUR_S),
    Range("month", "30 days", 30 * DAY_S, 4 * HOUR_S),
    Range("quarter", "90 days", 90 * DAY_S, 12 * HOUR_S),
    Range("year", "1 year", 364 * DAY_S, 2 * DAY_S),
)


def range_of(key: str) -> Range:
    """The range of a URL; a day if it names none."""
    return next((one for one in RANGES if one.key == key), RANGES[2])


Slots = Sequence[Moment | None]


def slots_of(span: Span, moments: Sequence[Moment]) -> Slots:
    """The moment of each stretch, None where nothing is known.

    Of moments longer than a stretch, the first stretch of each is known.
    """
    found: list[Moment | None] = [None] * span.count
    for moment in moments:
        at = (moment.at - span.began) // span.step_s
        if 0 <= at < span.count and moment.seconds > 0:
            found[at] = moment
    return found


def rates(slots: Slots, *names: str, per_s: float = 1) -> list[float | None]:
    """How often the named things happened, in so many seconds."""
    return [None if slot is None else slot.rate(*names) * per_s for slot in slots]


def means(slots: Slots, value: Callable[[Moment], float | None]) -> list[float | None]:
    """What each moment says."""
    return [None if slot is None else value(slot) for slot in slots]


def refusals_chart(span: Span, slots: Slots, marks: Sequence[tuple[float, str]] = ()) -> LineChart:
    """Refusals a minute by reason, one above the other."""
    sums: dict[str, float] = {}
    for slot in slots:
        for key, count in refused_by_reason(slot.counts).items() if slot else ():
            sums[key] = sums.get(key, 0) + count
    ordered = sorted(sums, key=lambda key: -sums[key])
    # A rest of one reason is better told by its name.
    some = REASONS_SHOWN + 1 if len(ordered) == REASONS_SHOWN + 1 else REASONS_SHOWN
    shown, rest = ordered[:some], ordered[some:]
    series = [
        Series(colour, reason_of(key).label, rates(slots, PREFIX + key, per_s=60))
        for key, colour in zip(shown, COLOURS, strict=False)
    ]
    if rest:
        names = [PREFIX + key for key in rest]
        series.append(Series(COLOURS[-1], "other reasons", rates(slots, *names, per_s=60)))
    if not series:
        series = [Series(COLOURS[0], "refused", means(slots, lambda one: refused(one.counts)))]
    return draw_lines("Refused", "a minute", span, series, is_stacked=True, top_min=1, marks=marks)


def requests_chart(span: Span, slots: Slots) -> LineChart:
    """What is answered a second, and what is not."""
    series = [
        Series("c1", "announces, UDP", rates(slots, "announces_udp")),
        Series("c2", "announces, HTTP", rates(slots, "announces_http")),
        Series("c3", "scrapes", rates(slots, "scrapes_http", "scrapes_udp")),
        Series("c4", "refused", means(slots, lambda one: refused(one.counts) / one.seconds)),
    ]
    return draw_lines("Requests", "a second", span, series, top_min=0.1)


def history_charts(span: Span, slots: Slots) -> list[LineChart]:
    """All charts of the history."""
    return [
        requests_chart(span, slots),
        refusals_chart(span, slots),
        _peers_chart(span, slots),
        _downloads_chart(span, slots),
        _traffic_chart(span, slots),
        *_seeder_charts(span, slots),
        draw_lines(
            "CPU", "percent of one core", span,
            [Series("c1", "this process", rates(slots, "cpu_s", per_s=100))], top_min=1,
        ),
        draw_lines(
            "Memory", "in use", span,
            [
                Series("c1", "this process", means(slots, _level("resident_bytes"))),
                Series("c2", "of it the swarms", means(slots, _level("store_bytes"))),
            ],
            is_size=True, top_min=1 << 20,
        ),
    ]  # fmt: skip


def _peers_chart(span: Span, slots: Slots) -> LineChart:
    series = [
        Series("c1", "seeders", means(slots, _level("seeders"))),
        Series("c2", "leechers", means(slots, _leechers)),
        Series("c3", "torrents with a swarm", means(slots, _level("torrents"))),
    ]
    return draw_lines("Swarms", "on average", span, series, top_min=1)


def _downloads_chart(span: Span, slots: Slots) -> LineChart:
    unit, per_s = ("a day", DAY_S) if span.step_s >= DAY_S else ("an hour", HOUR_S)
    series = [Series("c1", "finished", rates(slots, "downloads", per_s=per_s))]
    return draw_lines("Downloads", unit, span, series, top_min=1)


def _traffic_chart(span: Span, slots: Slots) -> LineChart:
    series = [
        Series("c1", "sent", rates(slots, "bytes_out_http", "bytes_out_udp")),
        Series("c2", "received", rates(slots, "bytes_in_http", "bytes_in_udp")),
    ]
    return draw_lines("Traffic of announces", "a second", span, series, is_size=True, top_min=1024)


def _seeder_charts(span: Span, slots: Slots) -> list[LineChart]:
    if not any(slot and "seeder_torrents" in slot.levels for slot in slots):
        return []
    series = [
        Series("c1", "sent to peers", rates(slots, "seeder_sent")),
        Series("c2", "received", rates(slots, "seeder_received")),
    ]
    return [draw_lines("Seeder", "a second", span, series, is_size=True, top_min=1024)]


def _level(name: str) -> Callable[[Moment], float]:
    return lambda one: one.levels.get(name, 0.0)


def _leechers(one: Moment) -> float:
    peers = one.levels.get("peers_v4", 0.0) + one.levels.get("peers_v6", 0.0)
    return max(0.0, peers - one.levels.get("seeders", 0.0))
