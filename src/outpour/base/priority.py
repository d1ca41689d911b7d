"""Who goes first where threads share a core."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

AHEAD = 5
"""Steps of niceness that the others are ahead, where the system lets them."""


def give_way() -> None:
    """Let the threads that run already go before this one and those that it starts.

    The workers of a tracker answer within microseconds; whatever Python does beside them on the
    same core, it may not keep them waiting. It is not to wait for every other program of the
    machine either, so its own niceness stays as it is. It is batch work to the system, which never
    takes a core from a thread that runs, and the others are put ahead of it where that is
    permitted. Only Linux has these for a single thread.
    """
    if not hasattr(os, "SCHED_BATCH"):
        return
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != threading.get_native_id():
            # Not all may have what is less than nice, and a thread may have ended.
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, int(task.name), niceness - AHEAD)
    be_batch()


def be_batch() -> None:
    """Have this thread, and those that it starts, never take a core from one that runs.

    It gets its share of the cores as before. Whoever is woken by each packet else pushes the
    server aside that sends the next one, where that is on the same machine.
    """
    # Only Linux has it, and a machine may forbid it.
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
