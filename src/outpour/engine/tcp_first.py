"""Lets uTP be tried where TCP reaches nobody.

With both, libtorrent connects over uTP and falls back to TCP. On a fast path uTP moves a twentieth
of what TCP does, and on any other there is no harm in trying TCP first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from outpour.engine.binding import lt
from outpour.engine.status import Status

ALONE_S = 10.0
"""How long a download may have candidates and no peer."""


class TcpFirst:
    """Turns on uTP for connections of our own, once and for all, when a download needs it."""

    def __init__(self) -> None:
        self._alone_since: dict[bytes, float] = {}
        self._is_on = False

    def look(self, statuses: Iterable[Status], session: lt.session) -> None:
        """Look at how torrents do, each second or so."""
        if self._is_on:
            return
        now = time.monotonic()
        for status in statuses:
            is_alone = status.state in ("downloading", "metadata") and not status.peers
            if not is_alone or not status.known_peers:
                self._alone_since.pop(status.infohash, None)
            elif now - self._alone_since.setdefault(status.infohash, now) > ALONE_S:
                self._is_on = True
                session.apply_settings({"enable_outgoing_utp": True})
                return
