"""One torrent inside the engine: its handle, and what was heard of it last."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from outpour.engine.alerts import web_seed_fault
from outpour.engine.binding import lt
from outpour.engine.engine_events import WebSeedFailed
from outpour.engine.local_reach import LocalReach
from outpour.engine.order import Order
from outpour.engine.status import Fault, Status, status_of
from outpour.engine.web_seed_peer import web_seed_at

PEERS_TOLD_MAX = 1000
"""Peers of a torrent that are told again to a new handle of it."""


@dataclass(slots=True)
class Entry:
    """What the engine knows of a torrent.

    Attributes:
        handle: libtorrent's.
        order: What is to be done with it.
        keeps_info: Whether its resume data must hold the info dictionary.
        awaits_files: Whether it is a magnet link whose files nobody has chosen yet.
        web_seeds: URLs that libtorrent was given.
        peers: The latest that it was told to connect to.
        raw: libtorrent's status, as it was last.
        status: What was made of that; None when it is to be made anew.
        fault: Why it stands still.
        reach: How its trackers can be reached.
    """

    handle: lt.torrent_handle
    order: Order
    keeps_info: bool
    awaits_files: bool
    web_seeds: tuple[str, ...] = ()
    peers: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=PEERS_TOLD_MAX))
    raw: lt.torrent_status | None = None
    status: Status | None = None
    fault: Fault | None = None
    reach: LocalReach = field(default_factory=LocalReach)

    def forget_fault(self) -> None:
        """Let the torrent try again."""
        self.fault = self.status = None

    def note_fault(self, message: str, errno: int = 0) -> None:
        """Remember why it stands still; the first fault names the file, later ones do not."""
        self.fault, self.status = self.fault or Fault(message, errno), None

    def move(self, folder: Path) -> None:
        """Have its files moved to another folder, where none of them may be yet."""
        self.order = replace(self.order, save_path=folder)
        self.handle.move_storage(os.fsencode(folder), lt.move_flags_t.fail_if_exist)

    def name_sources(self, order: Order, tiers: Sequence[Sequence[str]], seeds: list[str]) -> None:
        """Ask other trackers and web seeds from now on; those that stay go on as they are."""
        self.order = order
        before = [(one["url"], one["tier"]) for one in self.handle.trackers()]
        now = [(url, level) for level, tier in enumerate(tiers) for url in tier]
        if before != now:
            self.handle.replace_trackers([_tracker(url, level) for url, level in now])
        for url in self.web_seeds:
            if url not in seeds:
                self.handle.remove_url_seed(url)
        for url in seeds:
            if url not in self.web_seeds:
                self.handle.add_url_seed(url)
        self.web_seeds = tuple(seeds)

    def is_news(self, alert: lt.torrent_alert) -> bool:
        """Tell whether an alert says something of the torrent that anybody should hear."""
        match alert:
            case lt.tracker_reply_alert():
                self.reach.note_answer(alert)
            case lt.tracker_error_alert():
                return self.reach.is_fault(alert)
            case lt.torrent_finished_alert() | lt.torrent_checked_alert():
                # Of no files at all everything is there at once.
                return not self.awaits_files
            case _:
                pass
        return True

    def web_seed_event(
        self, alert: lt.peer_disconnected_alert | lt.peer_error_alert
    ) -> WebSeedFailed | None:
        """Return why a web seed did not deliver, if the connection was to one."""
        url = web_seed_at(alert, self.web_seeds) if self.web_seeds else None
        message = web_seed_fault(alert.error)
        return WebSeedFailed(self.order.key, url, message) if url and message else None

    def look(self) -> Status:
        """Return how it is doing."""
        if self.status is None:
            if self.raw is None:
                self.raw = self.handle.status()
            self.status = status_of(
                self.raw,
                infohash=self.order.key,
                name=self.order.name,
                mode=self.order.mode,
                fault=self.fault,
                save_path=self.order.save_path,
                awaits_files=self.awaits_files,
            )
        return self.status


def _tracker(url: str, tier: int) -> lt.announce_entry:
    entry = lt.announce_entry(url)
    entry.tier = tier
    return entry
