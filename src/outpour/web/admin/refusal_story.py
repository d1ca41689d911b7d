"""Why announces are refused, and since when: the history of refusals in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from outpour.tracker.state.operation_tiers import Moment
from outpour.web.admin.level_changes import RATIO_MIN, Level, levels
from outpour.web.admin.reasons import PREFIX, Reason, reason_of, refused, refused_by_reason

NOTABLE = 1.0
"""Refusals a minute that anybody has to know of."""
MINUTE_S = 60
SEEN_MIN_S = 5.0
LATELY = 5
"""Minutes that tell how many are refused now."""
TOGETHER_S = 120
"""What changed within so long changed together."""
Count = Callable[[Mapping[str, float]], float]
EPISODES_MAX = 4


@dataclass(frozen=True, slots=True)
class Share:
    """A reason's part in refusals."""

    reason: Reason
    count: float
    percent: float


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which refusals had a level of their own.

    Attributes:
        began: Unix second, to the minute.
        ended: Unix second, None if it goes on.
        per_minute: How many were refused.
        lately: How many at its end.
        before: How many a minute before it, None if that is not known.
        shares: By reason, the largest first.
        only: The one reason whose refusals changed, where those of others hide it in the sum.
    """

    began: int
    ended: int | None
    per_minute: float
    lately: float
    before: float | None
    shares: tuple[Share, ...]
    only: Reason | None = None

    @property
    def has_changed(self) -> bool:
        """Whether it was another number at its end."""
        low, high = sorted((self.per_minute, self.lately))
        return high > RATIO_MIN * low

    @property
    def main(self) -> Share | None:
        """The reason of most of them."""
        return self.shares[0] if self.shares else None


@dataclass(frozen=True, slots=True)
class Story:
    """What there is to tell of the refusals of a time.

    Attributes:
        present: What goes on now, None if next to nothing is refused.
        hidden: Changes of single reasons that the sum does not show, going on now.
        past: What was and is over, the latest first.
        began: Unix second at which what is known begins.
    """

    present: Episode | None
    hidden: tuple[Episode, ...]
    past: tuple[Episode, ...]
    began: int | None


def tell_story(moments: Sequence[Moment]) -> Story:
    """Tell of refusals.

    Args:
        moments: One a minute, oldest first; those in which the tracker did not run lack.
    """
    # A minute that has just begun tells little of a rate.
    seen = [moment for moment in moments if moment.seconds >= SEEN_MIN_S]
    if not seen:
        return Story(None, (), (), None)
    found = levels([_per_minute(moment, refused) for moment in seen])
    present, first = None, len(found)
    if _mean(seen[found[-1].first :][-LATELY:], refused) >= NOTABLE:
        first = _beginning(found)
        present = _episode(seen, found, first, len(found) - 1, refused)
    past = [_episode(seen, found, *run, refused) for run in _risen(found[:first])]
    return Story(
        present,
        _hidden(seen, present) if present is not None else (),
        tuple(past[: -EPISODES_MAX - 1 : -1]),
        seen[0].at,
    )


def _beginning(found: Sequence[Level]) -> int:
    """The first of the levels that go on until now: what was even more before it belongs to it."""
    first = len(found) - 1
    while first and found[first - 1].mean * RATIO_MIN >= found[-1].mean:
        first -= 1
    return first


def _risen(found: Sequence[Level]) -> list[tuple[int, int]]:
    """Levels that stood out from those around them, as first and last, in the order of time."""
    runs: list[tuple[int, int]] = []
    free = set(range(len(found)))
    for top in sorted(free, key=lambda at: -found[at].mean):
        if top not in free or found[top].mean < NOTABLE:
            continue
        first = last = top
        enough = found[top].mean / RATIO_MIN
        while first - 1 in free and found[first - 1].mean >= enough:
            first -= 1
        while last + 1 in free and found[last + 1].mean >= enough:
            last += 1
        free -= set(range(first, last + 1))
        if first and found[first - 1].mean < enough:
            runs.append((first, last))
    return sorted(runs)


def _hidden(seen: Sequence[Moment], present: Episode) -> tuple[Episode, ...]:
    """Reasons that began to be many while the sum of all hardly moved."""
    found = []
    keys = {key for moment in seen for key in refused_by_reason(moment.counts)}
    for key in sorted(keys):

        def of_reason(counts: Mapping[str, float], key: str = key) -> float:
            return counts.get(PREFIX + key, 0.0)

        own = levels([_per_minute(moment, of_reason) for moment in seen])
        first = _beginning(own)
        episode = _episode(seen, own, first, len(own) - 1, of_reason, reason_of(key))
        is_told = present.before is not None and (
            abs(present.began - episode.began) <= TOGETHER_S or present.began > episode.began
        )
        if first and own[-1].mean >= NOTABLE and not is_told:
            found.append(episode)
    return tuple(sorted(found, key=lambda one: -one.per_minute))


def _episode(
    seen: Sequence[Moment],
    found: Sequence[Level],
    first: int,
    last: int,
    count: Count,
    only: Reason | None = None,
) -> Episode:
    inside = seen[found[first].first : found[last].end]
    return Episode(
        began=inside[0].at,
        ended=None if inside[-1] is seen[-1] else inside[-1].at + MINUTE_S,
        per_minute=_mean(inside, count),
        lately=_mean(inside[-LATELY:], count),
        before=found[first - 1].mean if first else None,
        shares=shares_of(inside),
        only=only,
    )


def shares_of(moments: Sequence[Moment]) -> tuple[Share, ...]:
    """The reasons of refusals, the most frequent first."""
    sums: dict[str, float] = {}
    for moment in moments:
        for key, count in refused_by_reason(moment.counts).items():
            sums[key] = sums.get(key, 0) + count
    total = sum(sums.values())
    ordered = sorted(sums.items(), key=lambda pair: -pair[1])
    return tuple(Share(reason_of(key), count, 100 * count / total) for key, count in ordered)


def _per_minute(moment: Moment, count: Count) -> float:
    return count(moment.counts) * MINUTE_S / moment.seconds


def _mean(moments: Sequence[Moment], count: Count) -> float:
    """How many a minute, over the time that was seen."""
    seen_s = sum(moment.seconds for moment in moments)
    return sum(count(one.counts) for one in moments) * MINUTE_S / max(seen_s, 1e-3)
