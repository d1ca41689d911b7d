"""Says how fast torrents may go at which time of the day and the week."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from outpour.base.errors import UsageError
from outpour.base.units import parse_rate

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HINT = "as in `08:00-18:00 down=1MiB/s up=200KiB/s` or `sat,sun 00:00-24:00 down=0`"
_SPAN = re.compile(r"(\d{1,2}):(\d\d)-(\d{1,2}):(\d\d)\Z", re.ASCII)
_MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Rates:
    """Bytes a second, 0 for no limit."""

    down: int = 0
    up: int = 0


@dataclass(frozen=True, slots=True)
class RateRule:
    """What holds for a part of some days.

    Attributes:
        days: On which it begins, 0 for Monday.
        first: Minute of the day with which it begins.
        end: Minute of the day with which it ends; not after `first` when that is the next day's.
        down: Bytes a second, 0 for no limit, None for what holds anyway.
        up: The same.
    """

    days: frozenset[int]
    first: int
    end: int
    down: int | None
    up: int | None

    @classmethod
    def parse(cls, text: str) -> RateRule:
        """Read `[DAYS] HH:MM-HH:MM [down=RATE] [up=RATE]`.

        Args:
            text: Days are `mon` to `sun`, with commas and as `mon-fri`; without any it is all.

        Raises:
            UsageError: It is something else.
        """
        words = text.lower().split()
        days = frozenset(range(7))
        if words and not words[0][:1].isdigit():
            days = _days(words.pop(0), text)
        span = _SPAN.match(words.pop(0)) if words else None
        if span is None:
            raise _fault(text)
        first, end = (_minute(span[at], span[at + 1], text) for at in (1, 3))
        rates: dict[str, int] = {}
        for word in words:
            name, equals, value = word.partition("=")
            if name not in ("down", "up") or not equals or name in rates:
                raise _fault(text)
            rates[name] = parse_rate(value)
        if not rates or first in (end, _MINUTES_A_DAY):
            raise _fault(text)
        return cls(days, first, end, rates.get("down"), rates.get("up"))

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a moment, by the clock on the wall."""
        minute = at.hour * 60 + at.minute
        if self.first < self.end:
            return at.weekday() in self.days and self.first <= minute < self.end
        began_today = at.weekday() in self.days and minute >= self.first
        began_yesterday = (at.weekday() - 1) % 7 in self.days and minute < self.end
        return began_today or began_yesterday


@dataclass(frozen=True, slots=True)
class RateSchedule:
    """Rules, of which for each direction the first that says something holds.

    Attributes:
        rules: In the order in which they are asked.
        usual: What holds where no rule says anything.
    """

    rules: tuple[RateRule, ...]
    usual: Rates

    @classmethod
    def parse(cls, texts: Sequence[str], usual: Rates) -> RateSchedule:
        """Read rules; errors as for `RateRule.parse`."""
        return cls(tuple(map(RateRule.parse, texts)), usual)

    def rates_at(self, at: datetime) -> Rates:
        """What holds at a moment, by the clock on the wall."""
        holding = [rule for rule in self.rules if rule.holds(at)]
        down = next((rule.down for rule in holding if rule.down is not None), self.usual.down)
        up = next((rule.up for rule in holding if rule.up is not None), self.usual.up)
        return Rates(down, up)


def _days(text: str, whole: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise _fault(whole)
        begin, end = DAYS.index(first), DAYS.index(last if dash else first)
        found.update(day % 7 for day in range(begin, end + 1 if begin <= end else end + 8))
    return frozenset(found)


def _minute(hours: str, minutes: str, text: str) -> int:
    minute = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or minute > _MINUTES_A_DAY:
        raise _fault(text)
    return minute


def _fault(text: str) -> UsageError:
    return UsageError(f"`{text}`: not a rule of a schedule", hint=HINT)
