"""The peer engine: torrents in, pieces moved, frozen statuses and events out.

`settings` says how an engine behaves and `session` is the engine; `status`, `events` and `alerts`
turn what libtorrent reports into frozen values, and `resume` into files.
Only `session` imports libtorrent.
"""

from __future__ import annotations

from outpour.engine.events import (
    Checked,
    ContentFault,
    Event,
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
from outpour.engine.resume import ResumeStore
from outpour.engine.session import Engine
from outpour.engine.settings import EngineSettings
from outpour.engine.status import Status

__all__ = [
    "Checked",
    "ContentFault",
    "Engine",
    "EngineSettings",
    "Event",
    "EventsLost",
    "Finished",
    "ListenFailed",
    "MetadataArrived",
    "PieceRefused",
    "ResumeRefused",
    "ResumeStore",
    "Status",
    "TrackerAnswered",
    "TrackerFailed",
    "WebSeedFailed",
]
