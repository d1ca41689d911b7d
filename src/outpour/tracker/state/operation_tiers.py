"""What the tracker as a whole did, in stretches of time that grow coarser as they grow old.

A moment is what was counted in a stretch, and the levels that were seen in it. Each is added to
its stretch of every tier at once, so that nothing has to be summed up later, and a tier holds no
more stretches than it keeps: some ten thousand altogether, whatever the tracker does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

DAY_S = 86_400
NAMES_MAX = 512
"""Numbers of one moment; there are about sixty."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One fineness of history.

    Attributes:
        step_s: Length of a stretch in seconds.
        kept_s: How long stretches are kept.
    """

    step_s: int
    kept_s: int


TIERS = (
    Tier(60, 2 * DAY_S),
    Tier(600, 14 * DAY_S),
    Tier(3600, 100 * DAY_S),
    Tier(DAY_S, 3660 * DAY_S),
)
"""The finest first; each step is a multiple of the one before."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened in a stretch of time.

    Attributes:
        at: Unix second at which the stretch begins.
        seconds: How much of it the tracker ran.
        counts: How often things happened in it, by name; without those that did not.
        levels: Means of what rises and falls, over the time that the tracker ran.
        highest: The most of each level.
    """

    at: int
    seconds: float = 0.0
    counts: Mapping[str, float] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)
    highest: Mapping[str, float] = field(default_factory=dict)

    def rate(self, *names: str) -> float:
        """How often a second the named things happened together."""
        return sum(self.counts.get(name, 0) for name in names) / self.seconds


def joined(at: int, first: Moment, second: Moment) -> Moment:
    """Two moments as one that begins at `at`."""
    seconds = first.seconds + second.seconds
    counts = dict(first.counts)
    for name, count in second.counts.items():
        counts[name] = counts.get(name, 0) + count
    levels, highest = dict(first.levels), dict(first.highest)
    for name, level in second.levels.items():
        before = levels.get(name)
        if before is not None and seconds > 0:
            levels[name] = (before * first.seconds + level * second.seconds) / seconds
        else:
            levels[name] = level
    for name, level in second.highest.items():
        highest[name] = max(level, highest.get(name, level))
    return Moment(at, seconds, counts, levels, highest)


def stretched(moments: list[Moment], step_s: int) -> list[Moment]:
    """Moments in the order of time, those of one step joined; steps that nothing is known of lack.

    Args:
        moments: Oldest first.
        step_s: Length of the stretches; they begin at multiples of it.
    """
    found: list[Moment] = []
    for moment in moments:
        at = moment.at - moment.at % step_s
        if found and found[-1].at == at:
            found[-1] = joined(at, found[-1], moment)
        else:
            found.append(joined(at, Moment(at), moment))
    return found


def text_of(moment: Moment) -> str:
    """The numbers of a moment as they are kept."""
    levels = {
        name: number if moment.highest.get(name, number) == number
        else [number, moment.highest[name]]
        for name, number in _short(moment.levels).items()
    }  # fmt: skip
    found = {"s": round(moment.seconds, 3), "c": _short(moment.counts), "l": levels}
    return json.dumps(found, separators=(",", ":"))


def moment_of(at: int, text: str) -> Moment:
    """Read what `text_of` wrote.

    Raises:
        ValueError: It is not that.
    """
    try:
        found = json.loads(text)
        levels, highest = {}, {}
        for name, level in found["l"].items():
            mean, most = level if isinstance(level, list) else (level, level)
            levels[name], highest[name] = float(mean), float(most)
        counts = {name: float(count) for name, count in found["c"].items()}
        return Moment(at, float(found["s"]), counts, levels, highest)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("not the numbers of a moment") from error


def tier_for(now: float, since: float, step_s: int) -> Tier:
    """The finest tier that reaches back to `since`, of those that are as fine as asked for.

    Where none reaches as far, the one that reaches farthest.
    """
    fitting = [tier for tier in TIERS if tier.step_s <= step_s] or [TIERS[0]]
    reaching = [tier for tier in fitting if tier.kept_s >= now - since]
    return reaching[-1] if reaching else fitting[-1]


def _short(numbers: Mapping[str, float]) -> dict[str, float | int]:
    found: dict[str, float | int] = {}
    for name, number in list(numbers.items())[:NAMES_MAX]:
        # Nobody reads a fourth digit behind the point, or any of a large number.
        rounded = round(number, 3) if abs(number) < 1000 else round(number)
        if rounded:
            found[name] = int(rounded) if rounded == int(rounded) else rounded
    return found
