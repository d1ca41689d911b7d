"""Who goes first where threads share a core."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

WAY_GIVEN = 10
"""Steps of niceness: what is left of a full core is then a tenth, enough for the page to live."""


def give_way() -> None:
    """Let all other threads go before this one and those that it starts.

    The workers of a tracker answer within microseconds; whatever Python does beside them on the
    same core, it may not keep them waiting. Only Linux knows the niceness of a thread.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            niceness = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, 0, niceness + WAY_GIVEN)
