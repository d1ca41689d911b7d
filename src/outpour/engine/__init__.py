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
    PieceRead,
    PieceRefused,
    ResumeRefused,
    TrackerAnswered,
    TrackerFailed,
    TrackerWarned,
    TrafficCounted,
    WebSeedFailed,
)
from outpour.engine.engine_settings import Encryption, EngineSettings
from outpour.engine.kept_torrent import metainfo_of
from outpour.engine.order import Urgency
from outpour.engine.resume import FileTimes, Resume, ResumeStore
from outpour.engine.session import Engine
from outpour.engine.source_address import (
    check_interface,
    connecting_hosts,
    interface_names,
    own_host,
)
from outpour.engine.status import Status
from outpour.engine.tuning import PROFILES, Profile

__all__ = [
    "PROFILES",
    "Checked",
    "ContentFault",
    "Encryption",
    "Engine",
    "EngineEvent",
    "EngineSettings",
    "EventsLost",
    "FileTimes",
    "Finished",
    "ListenFailed",
    "MetadataArrived",
    "Moved",
    "PieceRead",
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
    "Urgency",
    "WebSeedFailed",
    "check_interface",
    "connecting_hosts",
    "disk_paths",
    "interface_names",
    "locate",
    "metainfo_of",
    "own_host",
    "paths_found",
    "root_of",
]
