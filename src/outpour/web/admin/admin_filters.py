"""What templates of the operator's pages call to turn values into words."""

from __future__ import annotations

import time

from outpour.web.admin.line_chart import number
from outpour.web.admin.now_figures import duration
from outpour.web.admin.refusals_page import clock_of, since_of
from outpour.web.text_format import count


def rounded(value: float) -> str:
    """A large number without what nobody asks for."""
    return count(round(value)) if value >= 10 or value == int(value) else number(value)


def second(at: float) -> str:
    """A time of day to the second."""
    return time.strftime("%H:%M:%S", time.gmtime(at))


def moment(at: float, now: float) -> str:
    """A time of today to the second, of another day to the minute."""
    if int(at // 86_400) == int(now // 86_400):
        return second(at)
    return time.strftime("%d %b %H:%M", time.gmtime(at)).lstrip("0")


def percent(share: float) -> str:
    """A share as it is said: never all of it, or none, unless that is so."""
    if 99 < share < 100:
        return "over 99 %"
    return "under 1 %" if 0 < share < 1 else f"{round(share)} %"


FILTERS = {
    "clock": clock_of,
    "duration": duration,
    "moment": moment,
    "number": number,
    "percent": percent,
    "rounded": rounded,
    "second": second,
    "since": since_of,
}
