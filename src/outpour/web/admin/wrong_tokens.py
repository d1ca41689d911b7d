"""Who gave a wrong token lately, and how long each has to wait before the next try."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

SITES_MAX = 1024
"""Addresses, or IPv6 /64, that are remembered: the latest."""
FREE_TRIES = 3
"""Slips of the hand that nobody waits for."""
WAIT_MAX_S = 60.0
FORGOTTEN_S = 900.0
"""After so long without a try an address begins anew."""


class TooSoonError(Exception):
    """An address that gave wrong tokens has to wait.

    Attributes:
        wait_s: For so many seconds.
    """

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"wait {wait_s:.0f} s")
        self.wait_s = max(1, round(wait_s + 0.5))


@dataclass(frozen=True, slots=True)
class _Tries:
    count: int
    last_s: float
    until_s: float


class WrongTokens:
    """Wrong tries by the address that they came from.

    Nobody waits here: who is too early is told so, and costs nothing more than that. The wait
    doubles with each wrong try, up to a minute.
    """

    def __init__(self) -> None:
        self._sites: OrderedDict[str, _Tries] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sites)

    def wait_s(self, site: str, now: float) -> float:
        """How long an address has to wait, 0 if it may try.

        Args:
            site: The address.
            now: Monotonic seconds.
        """
        tries = self._sites.get(site)
        return max(0.0, tries.until_s - now) if tries is not None else 0.0

    def failed(self, site: str, now: float) -> int:
        """Note a wrong try; returns how many there were in a row."""
        before = self._sites.pop(site, None)
        is_over = before is None or now - before.last_s > FORGOTTEN_S
        count = 1 if before is None or is_over else before.count + 1
        over = count - FREE_TRIES
        # Shifting by a large count would make a number of that many digits.
        wait_s = min(WAIT_MAX_S, float(1 << min(over, 10))) if over >= 0 else 0.0
        self._sites[site] = _Tries(count, now, now + wait_s)
        while len(self._sites) > SITES_MAX:
            self._sites.popitem(last=False)
        return count

    def succeeded(self, site: str) -> None:
        """Forget an address."""
        self._sites.pop(site, None)
