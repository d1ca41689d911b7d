"""`/admin/refusals`: why announces are refused, since when, and what happened then."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from outpour.tracker.event_log import Happening
from outpour.web.admin.admin_pages import Visit
from outpour.web.admin.console import Console
from outpour.web.admin.now_figures import duration
from outpour.web.admin.operation_charts import RANGES, range_of, refusals_chart, slots_of
from outpour.web.admin.reasons import reason_of
from outpour.web.admin.refusal_story import Episode, Story, shares_of
from outpour.web.admin.usage import Refusals

BEFORE_S, AFTER_S = 300, 90
"""Around the minute in which something changed: what came of an event may take as long."""
EVENTS_MAX = 12
TOP = 20
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Near:
    """An event near a change.

    Attributes:
        happening: The event.
        how_near: In words.
        is_likely: It is of a kind that brings about such refusals.
    """

    happening: Happening
    how_near: str
    is_likely: bool


@dataclass(frozen=True, slots=True)
class Chapter:
    """A time of refusals with what happened at its beginning."""

    episode: Episode
    nearby: tuple[Near, ...]


@dataclass(frozen=True, slots=True)
class TopTorrent:
    """A torrent that is refused, with its name where that was ever known."""

    infohash: str
    name: str | None
    reason: str
    count: int
    is_allowable: bool


async def refusals_page(visit: Visit) -> Response:
    """`GET /admin/refusals`: the page."""
    context, console = visit.context, visit.console
    chosen = range_of(visit.request.query_params.get("range", "day"))
    span = chosen.span(context.view.now())
    moments = await console.operation.moments(span.began, chosen.step_s)
    story = await console.story()
    chapters = [_chapter(console, episode) for episode in told_of(story)]
    marks = [(episode.began, clock_of(episode.began)) for episode in told_of(story)[:1]]
    chart = await context.thread.run(lambda: refusals_chart(span, slots_of(span, moments), marks))
    top = _top(console, story)
    values: dict[str, object] = {
        "can_change": context.admin is not None,
        "notice": console.notices.take(visit.request.query_params.get("said", "")),
        "ranges_all": RANGES,
        "chosen": chosen,
        "drawing": chart,
        "reason_of": reason_of,
        "shares": shares_of(moments),
        "story": story,
        "chapters": chapters,
        "top": top,
        "torrents": _torrents(console, top),
        "usage_since": None if top is None else _since(console, story),
    }
    return await visit.page("admin/refusals.html", values)


def told_of(story: Story) -> list[Episode]:
    """The episodes that a page tells of in full: those that go on."""
    present = [story.present] if story.present is not None else []
    return [*present, *story.hidden] or list(story.past[:1])


def clock_of(at: float) -> str:
    """A time of day."""
    return time.strftime("%H:%M", time.gmtime(at))


def since_of(at: float, now: float) -> str:
    """A time as one says it, with its day if that is not today."""
    days = int(now // DAY_S) - int(at // DAY_S)
    if days == 0:
        return clock_of(at)
    if days == 1:
        return f"{clock_of(at)} yesterday"
    return time.strftime("%d %b ", time.gmtime(at)).lstrip("0") + clock_of(at)


def _chapter(console: Console, episode: Episode) -> Chapter:
    if episode.before is None:
        return Chapter(episode, ())
    found = console.operation.log.between(
        episode.began - BEFORE_S, episode.began + AFTER_S, 10 * EVENTS_MAX
    )
    reason = episode.only or (episode.main.reason if episode.main else reason_of(""))
    near = [_near(one, episode.began, reason.kinds) for one in found]
    # What is likely first, and of that what is nearest.
    near.sort(key=lambda one: (not one.is_likely, abs(one.happening.at - episode.began)))
    return Chapter(episode, tuple(near[:EVENTS_MAX]))


def _near(one: Happening, began: float, kinds: Sequence[str]) -> Near:
    apart_s = one.at - began
    if 0 <= apart_s < 60:
        how = "in that minute"
    else:
        how = f"{duration(abs(apart_s))} {'before' if apart_s < 0 else 'after'}"
    return Near(one, how, one.kind in kinds)


def _since(console: Console, story: Story) -> float:
    now = console.operation.reading().at
    told = told_of(story)
    began = told[0].began if told else now - 3600
    return min(max(now - began, 600.0), float(DAY_S))


def _top(console: Console, story: Story) -> Refusals | None:
    if console.usage is None:
        return None
    return console.usage.refusals(_since(console, story), TOP)


def _torrents(console: Console, top: Refusals | None) -> list[TopTorrent]:
    return [
        TopTorrent(
            one.infohash.hex(),
            console.operation.name(one.infohash),
            reason_of(one.reason).label,
            one.count,
            one.reason == "torrent",
        )
        for one in (top.torrents if top is not None else ())
    ]
