"""The peer engine: torrents in, pieces moved, frozen statuses and events out.

`settings` says how an engine behaves and `session` is the engine; `status`, `events` and `alerts`
turn what libtorrent reports into frozen values, and `resume` into files.
`layout` knows where files lie, and only `binding` imports libtorrent.
"""

from __future__ import annotations

from outpour.engine.disk_layout import disk_paths, locate, paths_found, root_of
from outpour.engine.engine_events import (
    Checked,
    ContentFault,
    EngineEvent,
    EventsLost,
    Finished,
    ListenFailed,
    MetadataArrived,
    Moved,
    PieceRefused,
    ResumeRefused,
    TrackerAnswered,
    TrackerFailed,
    TrackerWarned,
    TrafficCounted,
    WebSeedFailed,
)
from outpour.engine.engine_settings import Encryption, EngineSettings, Profile
from outpour.engine.kept_torrent import metainfo_of
from outpour.engine.resume import Resume, ResumeStore
from outpour.engine.session import Engine
from outpour.engine.status import Status

__all__ = [
    "Checked",
    "ContentFault",
    "Encryption",
    "Engine",
    "EngineEvent",
    "EngineSettings",
    "EventsLost",
    "Finished",
    "ListenFailed",
    "MetadataArrived",
    "Moved",
    "PieceRefused",
    "Profile",
    "Resume",
    "ResumeRefused",
    "ResumeStore",
    "Status",
    "TrackerAnswered",
    "TrackerFailed",
    "TrackerWarned",
    "TrafficCounted",
    "WebSeedFailed",
    "disk_paths",
    "locate",
    "metainfo_of",
    "paths_found",
    "root_of",
]
