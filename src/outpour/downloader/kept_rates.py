"""Holds an engine to a schedule of rates."""

from __future__ import annotations

import time
from datetime import datetime

from outpour.downloader.rate_schedule import Rates, RateSchedule
from outpour.engine import Engine

LOOK_S = 1.0
"""How often the clock on the wall is looked at."""


class KeptRates:
    """Sets the rates of an engine when the schedule has others.

    Args:
        engine: Is held to it.
        schedule: Says the rates; None leaves them alone.
    """

    def __init__(self, engine: Engine, schedule: RateSchedule | None) -> None:
        self._engine = engine
        self._schedule = schedule
        self._rates: Rates | None = None
        self._looked_at = -1e9

    def turn(self) -> None:
        """Look at the clock, if it is time."""
        if self._schedule is None or time.monotonic() - self._looked_at < LOOK_S:
            return
        self._looked_at = time.monotonic()
        rates = self._schedule.rates_at(datetime.now())
        if rates != self._rates:
            self._rates = rates
            self._engine.limit(download_rate=rates.down, upload_rate=rates.up)
