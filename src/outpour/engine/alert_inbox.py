"""Takes what libtorrent tells, keeps what somebody waits for, and makes events of the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from outpour.engine.alerts import event_of
from outpour.engine.binding import lt
from outpour.engine.engine_events import ContentFault, EngineEvent, EventsLost
from outpour.engine.entry import Entry

EVENTS_MAX = 20_000


class AlertInbox:
    """What was heard of a session.

    Args:
        on_metadata: Called when the files of a magnet link are known.

    Attributes:
        entries: The torrents, by infohash.
        keys: Their infohashes, by libtorrent's handles.
        events: What nobody has asked for yet.
        addresses: Where the session listens, as (host, port).
        updates: How often statuses came.
        resume: Resume data that came.
        resume_pending: Torrents whose resume data is awaited.
        flush_pending: Torrents whose files are being written.
        counters: libtorrent's own, as they came last; None once somebody has taken them.
    """

    def __init__(self, on_metadata: Callable[[Entry], None]) -> None:
        self._on_metadata = on_metadata
        self._lost = 0
        self.entries: dict[bytes, Entry] = {}
        self.keys: dict[lt.torrent_handle, bytes] = {}
        self.events: deque[EngineEvent] = deque(maxlen=EVENTS_MAX)
        self.addresses: list[tuple[str, int]] = []
        self.updates = 0
        self.resume: dict[bytes, bytes] = {}
        self.resume_pending: set[bytes] = set()
        self.flush_pending: set[bytes] = set()
        self.counters: dict[str, int] | None = None

    def pump(self, session: lt.session) -> None:
        """Take everything that waits."""
        for alert in session.pop_alerts():
            match alert:
                case lt.state_update_alert():
                    self._take_updates(alert)
                case lt.listen_succeeded_alert():
                    self._take_address(alert)
                case lt.save_resume_data_alert() | lt.save_resume_data_failed_alert():
                    self._take_resume(alert)
                case lt.cache_flushed_alert():
                    self.flush_pending.discard(self.keys.get(alert.handle, b""))
                case lt.session_stats_alert():
                    self.counters = alert.values
                    self.remember(event_of(alert, None))
                case lt.torrent_alert():
                    self._take_of_torrent(alert)
                case _:
                    self.remember(event_of(alert, None))

    def drain(self) -> list[EngineEvent]:
        """Hand the events over."""
        events = [*self.events]
        self.events.clear()
        if self._lost:
            events.insert(0, EventsLost(None, self._lost))
            self._lost = 0
        return events

    def remember(self, event: EngineEvent | None) -> None:
        """Keep an event until it is asked for."""
        if event is None:
            return
        if isinstance(event, ContentFault) and event.infohash in self.entries:
            self.entries[event.infohash].note_fault(event.sentence, event.errno)
        if len(self.events) == EVENTS_MAX:
            self._lost += 1
        self.events.append(event)

    def _take_of_torrent(self, alert: lt.torrent_alert) -> None:
        key = self.keys.get(alert.handle)
        # A torrent that was removed may still be spoken of for a moment.
        if key is None:
            return
        entry = self.entries[key]
        if isinstance(alert, lt.peer_disconnected_alert | lt.peer_error_alert):
            self.remember(entry.web_seed_event(alert))
        elif entry.is_news(alert):
            self.remember(event_of(alert, key))
            if isinstance(alert, lt.metadata_received_alert):
                self._on_metadata(entry)

    def _take_updates(self, alert: lt.state_update_alert) -> None:
        self.updates += 1
        for raw in alert.status:
            key = self.keys.get(raw.handle)
            if key is not None:
                entry = self.entries[key]
                entry.raw, entry.status = raw, None

    def _take_address(self, alert: lt.listen_succeeded_alert) -> None:
        if alert.socket_type == lt.socket_type_t.tcp:
            self.addresses.append((alert.address, alert.port))

    def _take_resume(
        self, alert: lt.save_resume_data_alert | lt.save_resume_data_failed_alert
    ) -> None:
        key = self.keys.get(alert.handle)
        if key is None:
            return
        self.resume_pending.discard(key)
        if isinstance(alert, lt.save_resume_data_alert):
            self.resume[key] = lt.write_resume_data_buf(alert.params)
