"""What a running tracker asks of peers, and how much it lets them ask, as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from outpour.base.errors import UsageError
from outpour.tracker.settings import TrackerSettings

CHANGEABLE = (
    "interval_s",
    "min_interval_s",
    "peers_per_answer",
    "requests_per_address_per_s",
    "requests_per_address_burst",
)
"""Settings that can be changed while the tracker runs."""
SEEDER_RATES = ("upload_rate", "download_rate")
"""Bytes a second that the seeder of a publisher sends and takes at most; 0 for no limit."""
RATE_MAX = (1 << 31) - 1
"""Bytes a second that the peer engine takes at most."""


def bounds(name: str) -> tuple[int, int]:
    """The least and the most that a rate may be.

    Raises:
        KeyError: There is no such rate.
    """
    if name in SEEDER_RATES:
        return 0, RATE_MAX
    if name not in CHANGEABLE:
        raise KeyError(name)
    least, most = 0, RATE_MAX
    for limit in TrackerSettings.model_fields[name].metadata:
        least = getattr(limit, "ge", least)
        most = getattr(limit, "le", most)
    return least, most


def is_within(name: str, value: object) -> bool:
    """Whether this is a rate within its bounds."""
    if name not in (*CHANGEABLE, *SEEDER_RATES) or not isinstance(value, int):
        return False
    least, most = bounds(name)
    return not isinstance(value, bool) and least <= value <= most


@dataclass(frozen=True, slots=True)
class Rates:
    """Values of the settings of these names, as they are in force."""

    interval_s: int
    min_interval_s: int
    peers_per_answer: int
    requests_per_address_per_s: int
    requests_per_address_burst: int

    @classmethod
    def of(cls, settings: TrackerSettings) -> Rates:
        """Those that a tracker begins with."""
        return cls(**{name: getattr(settings, name) for name in CHANGEABLE})

    def changed(self, wishes: Mapping[str, int], settings: TrackerSettings) -> Rates:
        """These with some others.

        Raises:
            UsageError: They do not go with what cannot be changed now.
        """
        rates = replace(self, **wishes)
        silence_s = settings.peer_timeout_in_effect_s
        if rates.interval_s >= silence_s:
            raise UsageError(
                f"`interval_s` ({rates.interval_s}): peers are dropped after {silence_s} s of "
                "silence; it must be below that"
            )
        if rates.peers_per_answer > settings.peers_per_answer_max:
            raise UsageError(
                f"`peers_per_answer` ({rates.peers_per_answer}): must not be above "
                f"`peers_per_answer_max` ({settings.peers_per_answer_max})"
            )
        return rates


def told(before: Mapping[str, int | None], after: Mapping[str, int | None]) -> str:
    """What is other than before, in words."""
    return ", ".join(
        f"`{name}` {before[name]} to {value}"
        for name, value in after.items()
        if value != before[name]
    )
