"""The engine itself: owns a libtorrent session, takes torrents in, gives frozen values out."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from outpour.base.errors import FormatError, OutpourError
from outpour.engine.alert_inbox import AlertInbox
from outpour.engine.binding import lt
from outpour.engine.disk_layout import make_writable
from outpour.engine.disk_threads import LOOK_S, DiskThreads
from outpour.engine.engine_events import EngineEvent, ListenFailed, ResumeRefused, TrackerFailed
from outpour.engine.engine_settings import EngineSettings, request_bytes
from outpour.engine.entry import Entry
from outpour.engine.goodbye import drop, say_goodbye
from outpour.engine.kept_torrent import layers_of
from outpour.engine.opening import block, cannot_listen, open_session
from outpour.engine.order import Order, Urgency
from outpour.engine.parameters import (
    in_ascii,
    info_of,
    params_of,
    place_files,
    read_kept,
    web_seeds_of,
)
from outpour.engine.status import Mode, Status
from outpour.engine.tcp_first import TcpFirst
from outpour.engine.tracker_guard import guard
from outpour.engine.utf8_names import require_utf8
from outpour.torrent.info import Info
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

LISTEN_WAIT_S = 5.0
STATUS_WAIT_S = 2.0


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
        self._inbox = AlertInbox(self._release_unasked)
        self._tcp_first = TcpFirst()
        self._disk_threads = DiskThreads()
        self._disk_asked_at = -1e9
        self._entries = self._inbox.entries
        self._keys = self._inbox.keys
        self._session: lt.session | None = open_session(self._settings)
        try:
            self._await_listening()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, infohash: bytes) -> bool:
        return infohash in self._entries

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Where peers can connect, as (host, port)."""
        return tuple(self._inbox.addresses)

    def add(
        self,
        source: Metainfo | Magnet,
        save_path: Path,
        *,
        mode: Mode = "download",
        trust: bool = True,
        resume: bytes | None = None,
        recheck: bool = False,
        held: bool = False,
        paths: Sequence[bytes] | None = None,
        trackers: Sequence[Sequence[str]] | None = None,
        web_seeds: Sequence[str] = (),
        wanted: Collection[int] | None = None,
        urgency: Mapping[int, Urgency] | None = None,
        sequential: bool = False,
        known_as: bytes | None = None,
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
            held: Write nothing before `unpause`, which may follow `Checked`; of a magnet link
                nothing before `release`, which may follow `MetadataArrived`.
            paths: Where files lie below `save_path`, padding left out; None as `disk_paths` says.
            trackers: Tiers of announce URLs in place of the torrent's.
            web_seeds: URLs (BEP 19) on top of the torrent's; pure v2 torrents use none.
            wanted: Indices of the files to download; None for all.
            urgency: By the same indices which files come before or after the others.
            sequential: Ask for pieces in their order.
            known_as: The infohash by which to speak of the torrent, if it has several.

        Returns:
            The infohash by which to speak of the torrent: v1, else v2 cut to 20 bytes.

        Raises:
            WriteError: The folder cannot be made or written to.
            MetainfoError: The torrent is beyond what the peer engine accepts.
            OutpourError: The torrent is there already.
        """
        order = Order(
            source=source, save_path=save_path, mode=mode, trust=trust, recheck=recheck, held=held,
            paths=paths, trackers=trackers, web_seeds=web_seeds, wanted=wanted, urgency=urgency,
            sequential=sequential, known_as=known_as,
        )  # fmt: skip
        if order.key in self._entries:
            raise OutpourError(f"`{order.name}`: added already")
        if mode == "download":
            make_writable(save_path)
        order = self._guarded(order)
        params = params_of(order, self._kept(order.key, resume))
        keeps_info = isinstance(source, Magnet) or known_as is not None
        with self._lock:
            self._enter(order, params, keeps_info=keeps_info)
        return order.key

    def _guarded(self, order: Order) -> Order:
        order, refused, needs_leave = guard(order, self._settings)
        for url, why in refused.items():
            self._inbox.remember(TrackerFailed(order.key, url, why, 1))
        if needs_leave:
            self._open.apply_settings({"ssrf_mitigation": False})
        return order

    def release(
        self,
        infohash: bytes,
        info: Info,
        *,
        wanted: Collection[int] | None = None,
        urgency: Mapping[int, Urgency] | None = None,
        held: bool = False,
        paths: Sequence[bytes] | None = None,
    ) -> None:
        """Choose the files of a magnet link whose metadata has come, and let them come.

        Args:
            infohash: The torrent.
            info: What came, read.
            wanted: Indices of the files to download; None for all.
            urgency: By the same indices which files come before or after the others.
            held: Check the files first, and write nothing before `unpause`.
            paths: Where files lie below `save_path`, padding left out; None as `disk_paths` says.
        """
        with self._lock:
            entry = self._entry(infohash)
            files = entry.handle.torrent_file()
            if files is None:
                raise OutpourError(f"`{infohash.hex()}`: its files are not known yet")
            order = replace(entry.order, wanted=wanted, urgency=urgency, held=held, paths=paths)
            self._begin_anew(entry, order, files, info)

    def _begin_anew(self, entry: Entry, order: Order, files: lt.torrent_info, info: Info) -> None:
        # Not in place: to rename a file of a running torrent moves whatever lies under the name
        # that libtorrent would have given it.
        params = params_of(order, None)
        params.ti = files
        params.flags &= ~lt.torrent_flags.default_dont_download
        known = [peer.ip for peer in entry.handle.get_peer_info()]
        params.peers = [*dict.fromkeys([*params.peers, *entry.peers, *known])]
        place_files(params, files, info, order)
        del self._keys[entry.handle]
        # Without trackers it does not tell them that it stops, which might be heard last.
        entry.handle.replace_trackers([])
        self._open.remove_torrent(entry.handle)
        self._enter(order, params, keeps_info=entry.keeps_info)

    def _enter(self, order: Order, params: lt.add_torrent_params, *, keeps_info: bool) -> None:
        params.upload_limit = self._settings.torrent_upload_rate
        params.download_limit = self._settings.torrent_download_rate
        if self._settings.torrent_connections:
            params.max_connections = self._settings.torrent_connections
        handle = self._open.add_torrent(params)
        self._keys[handle] = order.key
        self._entries[order.key] = Entry(
            handle, order, keeps_info, params.ti is None, web_seeds=tuple(params.url_seeds)
        )

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
        """Let a paused or held torrent go on; one in error tries again."""
        entry = self._entry(infohash)
        entry.forget_fault()
        entry.handle.unset_flags(lt.torrent_flags.stop_when_ready)
        entry.handle.clear_error()
        entry.handle.resume()

    def move(self, infohash: bytes, folder: Path) -> None:
        """Have the files of a torrent moved to another folder; `Moved` or `ContentFault` tells."""
        self._entry(infohash).move(folder)

    def recheck(self, infohash: bytes) -> None:
        """Compare all files with the torrent again."""
        entry = self._entry(infohash)
        entry.forget_fault()
        entry.handle.force_recheck()

    def pieces(self, infohash: bytes) -> list[bool]:
        """Return of each piece whether it is on disk and matched its hash."""
        return self._entry(infohash).handle.status(lt.torrent_handle.query_pieces).pieces

    def read_piece(self, infohash: bytes, piece: int) -> None:
        """Have a piece told of as a `PieceRead`, as soon as it is there; it comes before others."""
        flag = lt.torrent_handle.alert_when_available
        self._entry(infohash).handle.set_piece_deadline(piece, 0, flag)

    def name_sources(
        self,
        infohash: bytes,
        source: Metainfo,
        trackers: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """Ask from now on what a torrent names that was written anew under the same infohash.

        Args:
            infohash: The torrent.
            source: As it is now.
            trackers: Tiers of announce URLs in place of the torrent's.
        """
        entry = self._entry(infohash)
        order = self._guarded(replace(entry.order, source=source, trackers=trackers))
        tiers = source.tiers if order.trackers is None else order.trackers
        ascii_tiers = [[in_ascii(url) for url in tier] for tier in tiers]
        entry.name_sources(order, ascii_tiers, web_seeds_of(order, source.info))

    def block(self, ranges: Iterable[tuple[str, str]]) -> None:
        """Have nothing to do with addresses, given as the first and the last of each range."""
        block(self._open, ranges)

    def connect_peer(self, infohash: bytes, host: str, port: int) -> None:
        """Connect to a peer that no tracker named."""
        entry = self._entry(infohash)
        entry.peers.append((host, port))
        entry.handle.connect_peer((host, port))

    def give(self, infohash: bytes, piece: int, data: bytes) -> None:
        """Hand over a piece that came by another way; it is checked as any other."""
        self._entry(infohash).handle.add_piece(piece, data, 0)

    def retry_web_seed(self, infohash: bytes, url: str) -> None:
        """Ask a web seed again that did not deliver; libtorrent gives most up after one answer."""
        handle = self._entry(infohash).handle
        handle.remove_url_seed(url)
        handle.add_url_seed(url)

    def reannounce(self, infohash: bytes) -> None:
        """Announce to all trackers now."""
        flag = lt.torrent_handle.ignore_min_interval
        self._entry(infohash).handle.force_reannounce(0, -1, flag)

    @property
    def download_rate(self) -> int:
        """Bytes a second that may be received, 0 for no limit."""
        return self._settings.download_rate

    def limit(self, *, download_rate: int | None = None, upload_rate: int | None = None) -> None:
        """Limit the rates anew, in bytes a second, 0 for no limit, None to leave one as it is."""
        if download_rate is not None:
            self._settings = replace(self._settings, download_rate=download_rate)
        if upload_rate is not None:
            self._settings = replace(self._settings, upload_rate=upload_rate)
        settings = self._settings
        self._open.apply_settings(
            {
                "download_rate_limit": settings.download_rate,
                "upload_rate_limit": settings.upload_rate,
                "urlseed_max_request_bytes": request_bytes(settings),
            }
        )

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

    def statuses(self, infohashes: Collection[bytes] | None = None) -> tuple[Status, ...]:
        """Return how torrents are doing, in the order they were added; None is all of them."""
        with self._lock:
            seen = self._inbox.updates
            self._open.post_torrent_updates()
            deadline = time.monotonic() + STATUS_WAIT_S
            while self._inbox.updates == seen and time.monotonic() < deadline:
                self._open.wait_for_alert(100)
                self._pump()
            found = tuple(self._entries[key].look() for key in self._chosen(infohashes))
            if self._settings.utp:
                self._tcp_first.look(found, self._open)
            return found

    def status(self, infohash: bytes) -> Status:
        """Return how one torrent is doing."""
        with self._lock:
            entry = self._entry(infohash)
            entry.raw, entry.status = entry.handle.status(), None
            # In this order: the alert that names the file at fault is older than the status.
            self._pump()
            return entry.look()

    def events(self) -> list[EngineEvent]:
        """Return what has happened since the last call."""
        with self._lock:
            if self._session is not None:
                self._pump()
                self._look_at_disk()
            return self._inbox.drain()

    def _look_at_disk(self) -> None:
        counters, self._inbox.counters = self._inbox.counters, None
        if counters is not None and self._disk_threads.take(counters):
            self._open.apply_settings({"aio_threads": self._disk_threads.count})
        if time.monotonic() - self._disk_asked_at > LOOK_S:
            self._disk_asked_at = time.monotonic()
            self._open.post_session_stats()

    def count_traffic(self) -> None:
        """Have it told soon what was sent and received: a `TrafficCounted` is among the events."""
        self._open.post_session_stats()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until something happens; True when an event waits."""
        deadline = time.monotonic() + timeout_s
        while not self._inbox.events:
            rest = deadline - time.monotonic()
            if rest <= 0:
                return False
            self._open.wait_for_alert(max(1, int(rest * 1000)))
            with self._lock:
                self._pump()
        return True

    def save_resume(
        self,
        infohashes: Collection[bytes] | None = None,
        *,
        changed_only: bool = False,
        timeout_s: float = 5.0,
    ) -> dict[bytes, bytes]:
        """Return what torrents need to go on in a later run without hashing again.

        Args:
            infohashes: The torrents; None for all.
            changed_only: Leave out torrents that have not changed since the last call.
            timeout_s: Torrents whose disk is slower than this are left out.
        """
        flags = lt.save_resume_flags_t.flush_disk_cache
        if changed_only:
            flags |= lt.save_resume_flags_t.only_if_modified
        with self._lock:
            self._inbox.resume.clear()
            self._inbox.resume_pending = {*self._chosen(infohashes)}
            for key in self._inbox.resume_pending:
                entry = self._entries[key]
                keep = lt.save_resume_flags_t.save_info_dict if entry.keeps_info else 0
                entry.handle.save_resume_data(flags | keep)
            deadline = time.monotonic() + timeout_s
            while self._inbox.resume_pending and time.monotonic() < deadline:
                self._open.wait_for_alert(50)
                self._pump()
            return dict(self._inbox.resume)

    def flush(
        self, infohashes: Collection[bytes] | None = None, *, timeout_s: float = 60.0
    ) -> bool:
        """Wait until every byte received is in its file; False when the disk is slower.

        A torrent is complete as soon as its last hash matched, which may be in memory.

        Args:
            infohashes: The torrents; None for all.
            timeout_s: How long to wait.
        """
        with self._lock:
            self._inbox.flush_pending = {*self._chosen(infohashes)}
            for key in self._inbox.flush_pending:
                self._entries[key].handle.flush_cache()
            deadline = time.monotonic() + timeout_s
            while self._inbox.flush_pending and time.monotonic() < deadline:
                self._open.wait_for_alert(50)
                self._pump()
            return not self._inbox.flush_pending

    def _chosen(self, infohashes: Collection[bytes] | None) -> list[bytes]:
        return [*filter(self.__contains__, self._entries if infohashes is None else infohashes)]

    def close(self) -> None:
        """Say goodbye to trackers and stop, within `stop_timeout_s` and half a second."""
        with self._lock:
            session, self._session = self._session, None
            if session is None:
                return
            paused = lt.torrent_flags.paused
            running = sum(not entry.handle.flags() & paused for entry in self._entries.values())
            say_goodbye(session, running, self._settings.stop_timeout_s)
            self._entries.clear()
            self._keys.clear()
        drop(session)

    @property
    def _open(self) -> lt.session:
        if self._session is None:
            raise OutpourError("engine: closed already")
        return self._session

    def _entry(self, infohash: bytes) -> Entry:
        try:
            return self._entries[infohash]
        except KeyError:
            raise OutpourError(f"`{infohash.hex()}`: no such torrent") from None

    def _kept(self, key: bytes, resume: bytes | None) -> lt.add_torrent_params | None:
        try:
            return read_kept(resume, key) if resume is not None else None
        except FormatError as error:
            self._inbox.remember(ResumeRefused(key, error.message))
            return None

    def _await_listening(self) -> None:
        if self._settings.proxy is not None:
            return  # Nobody connects to a machine that is seen as its proxy.
        deadline = time.monotonic() + LISTEN_WAIT_S
        failures: list[ListenFailed] = []
        while not self._inbox.addresses and not failures and time.monotonic() < deadline:
            self._open.wait_for_alert(50)
            # A call that the network thread answers: whatever it does to open sockets is done.
            self._open.listen_port()
            self._pump()
            failures = [event for event in self._inbox.events if isinstance(event, ListenFailed)]
        if self._inbox.addresses and not any("in use" in failure.message for failure in failures):
            return
        raise cannot_listen([*failures, ListenFailed(None, self._settings.listen[0], "timeout")][0])

    def _pump(self) -> None:
        self._inbox.pump(self._open)

    def _release_unasked(self, entry: Entry) -> None:
        files, order = entry.handle.torrent_file(), entry.order
        if order.held or files is None:
            return
        try:
            info = info_of(files)
        except OutpourError as error:
            entry.note_fault(error.message)
            return
        self.release(order.key, info, wanted=order.wanted, urgency=order.urgency, paths=order.paths)
