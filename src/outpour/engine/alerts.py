"""Turns the alerts of libtorrent into events; alerts that nobody acts on become None."""

from __future__ import annotations

from outpour.base.host_port import format_host_port
from outpour.engine.binding import lt
from outpour.engine.engine_events import (
    Checked,
    ContentFault,
    EngineEvent,
    EventsLost,
    Finished,
    ListenFailed,
    MetadataArrived,
    PieceRefused,
    ResumeRefused,
    TrackerAnswered,
    TrackerFailed,
    WebSeedFailed,
)

ALERT_MASK = (
    lt.alert_category.error
    | lt.alert_category.status
    | lt.alert_category.storage
    | lt.alert_category.tracker
)


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
        case lt.file_error_alert():
            return _content_fault(infohash, alert.error, alert.filename())
        case lt.torrent_error_alert():
            return _content_fault(infohash, alert.error, "")
        case lt.fastresume_rejected_alert():
            return ResumeRefused(infohash, lowered(alert.error.message()))
        case _:
            return _network_event_of(alert, infohash)


def _network_event_of(alert: lt.alert, infohash: bytes | None) -> EngineEvent | None:
    match alert:
        case lt.tracker_reply_alert():
            return TrackerAnswered(infohash, alert.url, alert.num_peers)
        case lt.tracker_error_alert():
            message = alert.failure_reason() or lowered(alert.error.message())
            return TrackerFailed(infohash, alert.url, message, alert.times_in_row)
        case lt.url_seed_alert():
            message = alert.error_message() or lowered(alert.error.message())
            return WebSeedFailed(infohash, alert.server_url(), message)
        case lt.listen_failed_alert():
            address = format_host_port(alert.address, alert.port)
            return ListenFailed(infohash, address, lowered(alert.error.message()))
        case lt.alerts_dropped_alert():
            return EventsLost(infohash, sum(alert.dropped_alerts))
        case _:
            return None


def _content_fault(infohash: bytes | None, error: lt.error_code, path: str) -> ContentFault:
    is_system = error.category().name() in ("system", "generic")
    errno = error.value() if is_system else 0
    return ContentFault(infohash, lowered(error.message()), path, errno)


def lowered(message: str) -> str:
    """Write a message so that it can follow a colon."""
    return message[:1].lower() + message[1:] if message[1:2].islower() else message
