"""Ends a libtorrent session politely: trackers hear `stopped` before it goes."""

from __future__ import annotations

import threading
import time

from outpour.engine.binding import lt
from outpour.engine.local_reach import was_skipped

CLOSE_WAIT_S = 0.5


def say_goodbye(session: lt.session, running: int, timeout_s: float) -> None:
    """Pause a session and wait until its trackers have answered.

    Args:
        session: Takes part in torrents.
        running: How many of them are not paused.
        timeout_s: For the trackers.
    """
    # A session that is only dropped may forget to announce `stopped` and waits in vain.
    waiting = 0
    # Alerts of before would count as answers to what is only said now.
    session.pop_alerts()
    session.pause()
    deadline = time.monotonic() + timeout_s
    while (running > 0 or waiting > 0) and time.monotonic() < deadline:
        session.wait_for_alert(50)
        for alert in session.pop_alerts():
            match alert:
                case lt.torrent_paused_alert():
                    running -= 1
                case lt.tracker_announce_alert():
                    waiting += alert.event == lt.event_t.stopped
                case lt.tracker_error_alert() if was_skipped(alert):
                    pass
                case lt.tracker_reply_alert() | lt.tracker_error_alert():
                    waiting = max(0, waiting - 1)
                case _:
                    pass


def drop(session: lt.session) -> None:
    """Let go of a session; its destructor waits for trackers, and not in this thread."""
    # The destructor holds the lock of the interpreter while it waits.
    holder = [session]
    del session
    closing = threading.Thread(target=holder.clear, name="outpour-engine-close", daemon=True)
    closing.start()
    closing.join(CLOSE_WAIT_S)
