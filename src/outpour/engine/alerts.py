"""Turns the alerts of libtorrent into events; alerts that nobody acts on become None."""

from __future__ import annotations

from outpour.base.host_port import format_host_port
from outpour.base.http_route import UNTRUSTED
from outpour.engine.binding import lt
from outpour.engine.engine_events import (
    Checked,
    ContentFault,
    EngineEvent,
    EventsLost,
    Finished,
    ListenFailed,
    MetadataArrived,
    Moved,
    PieceRead,
    PieceRefused,
    ResumeRefused,
    TrackerAnswered,
    TrackerFailed,
    TrackerWarned,
    TrafficCounted,
    WebSeedFailed,
)
from outpour.engine.error_codes import errno_of, lowered, reason_of
from outpour.engine.foreign_text import text_of

_MASK = (
    lt.alert_category.error
    | lt.alert_category.status
    | lt.alert_category.storage
    | lt.alert_category.tracker
)


def alert_mask(*, own_content: bool) -> int:
    """What libtorrent is to tell of.

    Why a web seed fails is told of its connection; who seeds its own has none, and thousands of
    peers.
    """
    if own_content:
        return _MASK
    return _MASK | lt.alert_category.connect | lt.alert_category.peer


_FINISHED, _REDIRECTING = 98, 86
_WORDS = {
    87: "it answers with other bytes than were asked for",
    91: "its content differs from the torrent, so it is not asked again",
    93: "its content differs from the torrent",
    201: "it redirects to an address on the local network",
}
"""By libtorrent's error codes, whose own words are for its developers."""


def event_of(alert: lt.alert, infohash: bytes | None) -> EngineEvent | None:
    """Turn one alert into an event, or into None when nobody acts on its kind."""
    match alert:
        case lt.metadata_received_alert():
            return MetadataArrived(infohash)
        case lt.torrent_checked_alert():
            return Checked(infohash)
        case lt.torrent_finished_alert():
            return Finished(infohash)
        case lt.hash_failed_alert():
            return PieceRefused(infohash, alert.piece_index)
        case lt.read_piece_alert():
            fault = alert.error.value()
            data = None if fault else bytes(alert.buffer)
            why = lowered(reason_of(alert.error)) if fault else ""
            return PieceRead(infohash, alert.piece, data, why)
        case lt.file_error_alert():
            return _content_fault(infohash, alert.error, text_of(alert.filename))
        case lt.storage_moved_alert():
            return Moved(infohash)
        case lt.storage_moved_failed_alert():
            return _content_fault(infohash, alert.error, text_of(alert.file_path))
        case lt.torrent_error_alert():
            return _content_fault(infohash, alert.error, "")
        case lt.session_stats_alert():
            names = ("net.sent_payload_bytes", "net.recv_payload_bytes", "peer.num_peers_connected")
            return TrafficCounted(infohash, *(alert.values[name] for name in names))
        case lt.fastresume_rejected_alert():
            return ResumeRefused(infohash, lowered(reason_of(alert.error)))
        case _:
            return _network_event_of(alert, infohash)


def _network_event_of(alert: lt.alert, infohash: bytes | None) -> EngineEvent | None:
    match alert:
        case lt.tracker_reply_alert():
            return TrackerAnswered(infohash, text_of(lambda: alert.url), alert.num_peers)
        case lt.tracker_error_alert():
            message = text_of(alert.failure_reason) or lowered(reason_of(alert.error))
            url = text_of(lambda: alert.url)
            return TrackerFailed(infohash, url, message, alert.times_in_row)
        case lt.tracker_warning_alert():
            url, message = text_of(lambda: alert.url), text_of(alert.message)
            return TrackerWarned(infohash, url, message)
        case lt.url_seed_alert():
            message = text_of(alert.error_message) or web_seed_fault(alert.error) or "no answer"
            return WebSeedFailed(infohash, text_of(alert.server_url), message)
        case lt.listen_failed_alert():
            address = format_host_port(alert.address, alert.port)
            return ListenFailed(infohash, address, lowered(reason_of(alert.error)))
        case lt.alerts_dropped_alert():
            return EventsLost(infohash, sum(alert.dropped_alerts))
        case _:
            return None


def _content_fault(infohash: bytes | None, error: lt.error_code, path: str) -> ContentFault:
    return ContentFault(infohash, lowered(reason_of(error)), path, errno_of(error))


def web_seed_fault(error: lt.error_code) -> str | None:
    """Say why a web seed did not deliver, None when nothing went wrong."""
    is_own = error.category().name() == "libtorrent"
    if error.value() == 0 or (is_own and error.value() in (_FINISHED, _REDIRECTING)):
        return None
    if is_own and error.value() in _WORDS:
        return _WORDS[error.value()]
    message = lowered(reason_of(error))
    if message.startswith("certificate verify failed"):
        return UNTRUSTED
    return "the server hung up" if message.lower() == "end of file" else message
