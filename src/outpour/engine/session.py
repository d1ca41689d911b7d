"""The engine itself: owns a libtorrent session, takes torrents in, gives frozen values out."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from outpour.base.errors import FormatError, NetworkError, OutpourError, WriteError, reason
from outpour.engine.alerts import ALERT_MASK, event_of
from outpour.engine.binding import lt
from outpour.engine.engine_events import (
    ContentFault,
    EngineEvent,
    EventsLost,
    ListenFailed,
    ResumeRefused,
)
from outpour.engine.engine_settings import EngineSettings, settings_pack
from outpour.engine.local_reach import LocalReach, was_skipped
from outpour.engine.parameters import (
    file_priorities,
    flags_of,
    key_of,
    layers_of,
    name_of,
    params_of,
    read_kept,
    renamed_files,
)
from outpour.engine.status import Mode, Status, status_of
from outpour.engine.utf8_names import require_utf8
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

EVENTS_MAX = 20_000
LISTEN_WAIT_S = 5.0
STATUS_WAIT_S = 2.0
GLOBAL_CLASS = 1 << 0
"""Bit of the peer class that the global rate limits apply to."""


@dataclass(slots=True)
class _Entry:
    handle: lt.torrent_handle
    mode: Mode
    name: str
    save_path: Path
    keeps_info: bool
    raw: lt.torrent_status | None = None
    fault: str | None = None
    reach: LocalReach = field(default_factory=LocalReach)


class Engine:
    """Moves pieces between files, peers and web seeds.

    Example:
        >>> from outpour.engine import Engine, EngineSettings
        >>> with Engine(EngineSettings().isolated()) as engine:
        ...     engine.statuses()
        ()
    """

    def __init__(self, settings: EngineSettings | None = None) -> None:
        require_utf8()
        self._settings = settings or EngineSettings()
        self._lock = threading.RLock()
        self._entries: dict[bytes, _Entry] = {}
        self._keys: dict[lt.torrent_handle, bytes] = {}
        self._events: deque[EngineEvent] = deque(maxlen=EVENTS_MAX)
        self._lost = 0
        self._addresses: list[tuple[str, int]] = []
        self._resume: dict[bytes, bytes] = {}
        self._resume_pending: set[bytes] = set()
        self._flush_pending: set[bytes] = set()
        self._updates = 0
        params = lt.session_params()
        pack: Any = settings_pack(self._settings, alert_mask=ALERT_MASK)
        params.settings = pack
        self._session: lt.session | None = lt.session(params)
        self._limit_all_peers(self._session)
        try:
            self._await_listening()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self._entries

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where peers can connect, as (host, port)."""
        return tuple(self._addresses)

    def add(
        self,
        source: Metainfo | Magnet,
        save_path: Path,
        *,
        mode: Mode = "download",
        trust: bool = True,
        resume: bytes | None = None,
        recheck: bool = False,
        root_name: str | None = None,
        trackers: Sequence[Sequence[str]] | None = None,
        web_seeds: Sequence[str] = (),
        wanted: Collection[int] | None = None,
    ) -> bytes:
        """Take a torrent in and start it.

        Args:
            source: What to move.
            save_path: The folder that holds, or shall hold, the root file or folder.
            mode: `seed` never writes: a torrent whose content is not all there is in error.
            trust: With `seed`, take the content to be right; pieces are checked as they are
                first asked for. Without, all of it is checked before the first byte is sent.
            resume: What `save_resume` returned in an earlier run.
            recheck: Keep the counters of `resume` and compare the files with the torrent.
            root_name: What the root file or folder is called on disk, if not as in the torrent.
            trackers: Tiers of announce URLs in place of the torrent's.
            web_seeds: URLs (BEP 19) on top of the torrent's.
            wanted: Indices of the files to download; None for all.

        Returns:
            The infohash by which to speak of the torrent: v1, else v2 cut to 20 bytes.

        Raises:
            WriteError: The folder cannot be made or written to.
            MetainfoError: The torrent is beyond what the peer engine accepts.
            OutpourError: The torrent is there already.
        """
        key = key_of(source)
        if key in self._entries:
            raise OutpourError(f"`{name_of(source)}`: added already")
        if mode == "download":
            _make_writable(save_path)
        kept = self._kept(key, resume)
        params = params_of(source, kept, recheck=recheck)
        params.save_path = os.fsencode(save_path.absolute())  # type: ignore[assignment]
        params.flags = flags_of(mode, trust=trust and kept is None)
        if trackers is not None:
            params.trackers = [url for tier in trackers for url in tier]
            params.tracker_tiers = [level for level, tier in enumerate(trackers) for _ in tier]
        params.url_seeds = [*dict.fromkeys([*params.url_seeds, *web_seeds])]
        if isinstance(source, Metainfo) and params.ti is not None:
            params.renamed_files = renamed_files(params.ti, source, root_name)  # type: ignore[assignment]
        if wanted is not None and params.ti is not None:
            params.file_priorities = file_priorities(params.ti, wanted)
        elif wanted is not None:
            params.flags |= lt.torrent_flags.default_dont_download
        with self._lock:
            handle = self._open.add_torrent(params)
            self._keys[handle] = key
            self._entries[key] = _Entry(
                handle, mode, name_of(source), save_path, isinstance(source, Magnet)
            )
        return key

    def remove(self, infohash: bytes) -> None:
        """Let go of a torrent; its files stay."""
        with self._lock:
            entry = self._entry(infohash)
            del self._entries[infohash], self._keys[entry.handle]
            self._open.remove_torrent(entry.handle)

    def pause(self, infohash: bytes) -> None:
        """Let a torrent stand still, peers disconnected."""
        self._entry(infohash).handle.pause()

    def unpause(self, infohash: bytes) -> None:
        """Let a paused torrent go on; one in error tries again."""
        entry = self._entry(infohash)
        entry.fault = None
        entry.handle.clear_error()
        entry.handle.resume()

    def want(self, infohash: bytes, wanted: Collection[int]) -> None:
        """Choose the files to download by their indices; metadata must be there."""
        handle = self._entry(infohash).handle
        info = handle.torrent_file()
        if info is None:
            raise OutpourError(f"`{infohash.hex()}`: its files are not known yet")
        handle.prioritize_files(file_priorities(info, wanted))

    def connect_peer(self, infohash: bytes, host: str, port: int) -> None:
        """Connect to a peer that no tracker named."""
        self._entry(infohash).handle.connect_peer((host, port))

    def reannounce(self, infohash: bytes) -> None:
        """Announce to all trackers now."""
        flag = lt.torrent_handle.ignore_min_interval
        self._entry(infohash).handle.force_reannounce(0, -1, flag)

    def limit(self, *, download_rate: int | None = None, upload_rate: int | None = None) -> None:
        """Limit the rates anew, in bytes a second, 0 for no limit, None to leave one as it is."""
        if download_rate is not None:
            self._open.apply_settings({"download_rate_limit": download_rate})
        if upload_rate is not None:
            self._open.apply_settings({"upload_rate_limit": upload_rate})

    def info(self, infohash: bytes) -> bytes | None:
        """Return the bytes of the info dictionary, None while a magnet link waits for them."""
        info = self._entry(infohash).handle.torrent_file()
        return info.info_section() if info else None

    def piece_layers(self, infohash: bytes) -> dict[bytes, bytes] | None:
        """Return the hashes of pieces (BEP 52) by pieces root; None while some have not come.

        Torrents without v2 have none. Peers send them as content comes.
        """
        if self._entry(infohash).handle.torrent_file() is None:
            return None
        data = self.save_resume().get(infohash)
        return layers_of(data) if data is not None else None

    def statuses(self) -> tuple[Status, ...]:
        """Return how each torrent is doing, in the order they were added."""
        with self._lock:
            seen = self._updates
            self._open.post_torrent_updates()
            deadline = time.monotonic() + STATUS_WAIT_S
            while self._updates == seen and time.monotonic() < deadline:
                self._open.wait_for_alert(100)
                self._pump()
            return tuple(self._status(key, entry) for key, entry in self._entries.items())

    def status(self, infohash: bytes) -> Status:
        """Return how one torrent is doing."""
        with self._lock:
            entry = self._entry(infohash)
            entry.raw = entry.handle.status()
            # In this order: the alert that names the file at fault is older than the status.
            self._pump()
            return self._status(infohash, entry)

    def events(self) -> list[EngineEvent]:
        """Return what has happened since the last call."""
        with self._lock:
            if self._session is not None:
                self._pump()
            events = [*self._events]
            self._events.clear()
            if self._lost:
                events.insert(0, EventsLost(None, self._lost))
                self._lost = 0
            return events

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something happens; True when an event waits."""
        deadline = time.monotonic() + timeout_s
        while not self._events:
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            self._open.wait_for_alert(max(1, int(rest * 1000)))
            with self._lock:
                self._pump()
        return True

    def save_resume(
        self, *, changed_only: bool = False, timeout_s: float = 5.0
    ) -> dict[bytes, bytes]:
        """Return what each torrent needs to go on in a later run without hashing again.

        Args:
            changed_only: Leave out torrents that have not changed since the last call.
            timeout_s: Torrents whose disk is slower than this are left out.
        """
        flags = lt.save_resume_flags_t.flush_disk_cache
        if changed_only:
            flags |= lt.save_resume_flags_t.only_if_modified
        with self._lock:
            self._resume.clear()
            self._resume_pending = {*self._entries}
            for entry in self._entries.values():
                keep = lt.save_resume_flags_t.save_info_dict if entry.keeps_info else 0
                entry.handle.save_resume_data(flags | keep)
            deadline = time.monotonic() + timeout_s
            while self._resume_pending and time.monotonic() < deadline:
                self._open.wait_for_alert(50)
                self._pump()
            return dict(self._resume)

    def flush(self, *, timeout_s: float = 60.0) -> bool:
        """Wait until every byte received is in its file; False when the disk is slower.

        A torrent is complete as soon as its last hash matched, which may be in memory.
        """
        with self._lock:
            self._flush_pending = {*self._entries}
            for entry in self._entries.values():
                entry.handle.flush_cache()
            deadline = time.monotonic() + timeout_s
            while self._flush_pending and time.monotonic() < deadline:
                self._open.wait_for_alert(50)
                self._pump()
            return not self._flush_pending

    def close(self) -> None:
        """Say goodbye to trackers and stop, within `stop_timeout_s` and half a second."""
        with self._lock:
            session, self._session = self._session, None
            if session is None:
                return
            self._say_goodbye(session)
            self._entries.clear()
            self._keys.clear()
        # The session's destructor waits for the trackers, and holds the lock of the interpreter.
        holder = [session]
        del session
        closing = threading.Thread(target=holder.clear, name="outpour-engine-close", daemon=True)
        closing.start()
        closing.join(0.5)

    def _say_goodbye(self, session: lt.session) -> None:
        # A session that is only dropped may forget to announce `stopped` and waits in vain.
        paused = lt.torrent_flags.paused
        running = sum(not entry.handle.flags() & paused for entry in self._entries.values())
        waiting = 0
        # Alerts of before would count as answers to what is only said now.
        session.pop_alerts()
        session.pause()
        deadline = time.monotonic() + self._settings.stop_timeout_s
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

    @property
    def _open(self) -> lt.session:
        if self._session is None:
            raise OutpourError("engine: closed already")
        return self._session

    def _entry(self, infohash: bytes) -> _Entry:
        try:
            return self._entries[infohash]
        except KeyError:
            raise OutpourError(f"`{infohash.hex()}`: no such torrent") from None

    def _status(self, key: bytes, entry: _Entry) -> Status:
        if entry.raw is None:
            entry.raw = entry.handle.status()
        return status_of(
            entry.raw,
            infohash=key,
            name=entry.name,
            mode=entry.mode,
            fault=entry.fault,
            save_path=entry.save_path,
        )

    def _kept(self, key: bytes, resume: bytes | None) -> lt.add_torrent_params | None:
        try:
            return read_kept(resume, key) if resume is not None else None
        except FormatError as error:
            self._remember(ResumeRefused(key, error.message))
            return None

    def _limit_all_peers(self, session: lt.session) -> None:
        # libtorrent has the local network in a class of its own without limits, and a limit that
        # holds for some peers only is a surprise.
        everyone = lt.ip_filter()
        everyone.add_rule("0.0.0.0", "255.255.255.255", GLOBAL_CLASS)  # noqa: S104
        everyone.add_rule("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", GLOBAL_CLASS)
        session.set_peer_class_filter(everyone)

    def _await_listening(self) -> None:
        deadline = time.monotonic() + LISTEN_WAIT_S
        failures: list[ListenFailed] = []
        while not self._addresses and not failures and time.monotonic() < deadline:
            self._open.wait_for_alert(50)
            # A call that the network thread answers: whatever it does to open sockets is done.
            self._open.listen_port()
            self._pump()
            failures = [event for event in self._events if isinstance(event, ListenFailed)]
        if self._addresses and not any("in use" in failure.message for failure in failures):
            return
        first = failures[0] if failures else ListenFailed(None, self._settings.listen[0], "timeout")
        raise NetworkError(
            f"`{first.address}`: cannot listen: {first.message}",
            hint="choose another port, or 0 to let the system choose",
        )

    def _pump(self) -> None:
        for alert in self._open.pop_alerts():
            match alert:
                case lt.state_update_alert():
                    self._take_updates(alert)
                case lt.listen_succeeded_alert():
                    self._take_address(alert)
                case lt.save_resume_data_alert() | lt.save_resume_data_failed_alert():
                    self._take_resume(alert)
                case lt.cache_flushed_alert():
                    self._flush_pending.discard(self._keys.get(alert.handle, b""))
                case lt.torrent_alert():
                    key = self._keys.get(alert.handle)
                    # A torrent that was removed may still be spoken of for a moment.
                    if key is not None and self._is_news(alert, self._entries[key].reach):
                        self._remember(event_of(alert, key))
                case _:
                    self._remember(event_of(alert, None))

    @staticmethod
    def _is_news(alert: lt.torrent_alert, reach: LocalReach) -> bool:
        match alert:
            case lt.tracker_reply_alert():
                reach.note_answer(alert)
            case lt.tracker_error_alert():
                return reach.is_fault(alert)
            case _:
                pass
        return True

    def _take_updates(self, alert: lt.state_update_alert) -> None:
        self._updates += 1
        for raw in alert.status:
            key = self._keys.get(raw.handle)
            if key is not None:
                self._entries[key].raw = raw

    def _take_address(self, alert: lt.listen_succeeded_alert) -> None:
        if alert.socket_type == lt.socket_type_t.tcp:
            self._addresses.append((alert.address, alert.port))

    def _take_resume(
        self, alert: lt.save_resume_data_alert | lt.save_resume_data_failed_alert
    ) -> None:
        key = self._keys.get(alert.handle)
        if key is None:
            return
        self._resume_pending.discard(key)
        if isinstance(alert, lt.save_resume_data_alert):
            self._resume[key] = lt.write_resume_data_buf(alert.params)

    def _remember(self, event: EngineEvent | None) -> None:
        if event is None:
            return
        if isinstance(event, ContentFault) and event.infohash in self._entries:
            entry = self._entries[event.infohash]
            where = f"`{event.path}`: " if event.path else ""
            # The first fault names the file, what follows from it does not.
            entry.fault = entry.fault or f"{where}{event.message}"
        if len(self._events) == EVENTS_MAX:
            self._lost += 1
        self._events.append(event)


def _make_writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"`{folder}`: {reason(error)}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise WriteError(f"`{folder}`: not writable")
