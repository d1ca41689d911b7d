"""From which of the local addresses the trackers of a torrent can be reached."""

from __future__ import annotations

from outpour.engine.binding import lt
from outpour.engine.foreign_text import text_of

ANNOUNCE_SKIPPED = 180
"""What libtorrent says of a tracker that an address cannot reach, as IPv4 from `::1`."""

LocalAddress = tuple[str, int]


class LocalReach:
    """Tells the failure of a tracker from that of one way to it.

    Each announce is made from each local address, and few trackers can be reached from all:
    one of IPv4 not from IPv6, one on loopback not from a network card.
    """

    __slots__ = ("_answered_at",)

    def __init__(self) -> None:
        self._answered_at: dict[str, LocalAddress] = {}

    def note_answer(self, alert: lt.tracker_reply_alert) -> None:
        """Remember which way a tracker answered."""
        self._answered_at[text_of(lambda: alert.url)] = alert.local_endpoint

    def is_fault(self, alert: lt.tracker_error_alert) -> bool:
        """Tell whether a tracker failed, rather than a way that it was never heard on."""
        if was_skipped(alert):
            return False
        url = text_of(lambda: alert.url)
        return self._answered_at.get(url, alert.local_endpoint) == alert.local_endpoint


def was_skipped(alert: lt.tracker_error_alert) -> bool:
    """Tell whether a tracker was not even asked from one of the local addresses."""
    error = alert.error
    return error.value() == ANNOUNCE_SKIPPED and error.category().name() == "libtorrent"
