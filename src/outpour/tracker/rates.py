"""What a running tracker asks of peers, and how much it lets them ask, as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from outpour.base.errors import UsageError
from outpour.tracker.settings import TrackerSettings

CHANGEABLE = (
    "interval_s",
    "min_interval_s",
    "peers_per_answer",
    "requests_per_address_per_s",
    "requests_per_address_burst",
)
"""Settings that can be changed while the tracker runs; a restart has them as they were."""


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

    def told_from(self, before: Rates) -> str:
        """What is other than before, in words."""
        old = asdict(before)
        return ", ".join(
            f"`{name}` {old[name]} to {value}"
            for name, value in asdict(self).items()
            if value != old[name]
        )
