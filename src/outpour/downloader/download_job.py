"""Drives the engine until every torrent is complete, has seeded enough, or has failed."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from outpour.base.errors import OutpourError, WriteError
from outpour.base.units import format_size
from outpour.downloader.file_selection import select_files
from outpour.downloader.outcome import Completed, Failed, Note, Outcome
from outpour.downloader.unreachable import refuse_lonely, stalled
from outpour.engine import (
    ContentFault,
    Engine,
    EngineEvent,
    MetadataArrived,
    ResumeStore,
    Status,
    TrackerFailed,
    WebSeedFailed,
    disk_paths,
)
from outpour.torrent import bencode
from outpour.torrent.info import Info, read_info
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

SAVE_EVERY_S = 5.0
FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class SeedGoal:
    """How long to go on after a download.

    Attributes:
        ratio: Until this many bytes were sent for every byte of content; None for any number.
        time_s: For this long; None for ever.
    """

    ratio: float | None = None
    time_s: float | None = None

    def reached(self, status: Status) -> bool:
        """Whether a complete torrent has been seeded enough."""
        by_ratio = self.ratio is not None and status.ratio >= self.ratio
        return by_ratio or (self.time_s is not None and status.seeding_s >= self.time_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadOptions:
    """What a job does with its torrents.

    Attributes:
        folder: Where root files and folders go.
        files: Patterns or numbers of the files wanted; empty for all.
        trackers: More trackers, a tier of their own.
        web_seeds: More web seeds.
        peers: (host, port) of peers to connect to at once.
        seed: What to do when complete; None to stop.
        stall_s: Give up when nothing came for so long; 0 for never.
        discovers: Whether peers may be found without a tracker.
        check: Compare existing files with the torrent, whatever was kept of an earlier run.
    """

    folder: Path
    files: tuple[str, ...] = ()
    trackers: tuple[str, ...] = ()
    web_seeds: tuple[str, ...] = ()
    peers: tuple[tuple[str, int], ...] = ()
    seed: SeedGoal | None = None
    stall_s: float = 0.0
    discovers: bool = False
    check: bool = False


@dataclass(slots=True)
class _Item:
    name: str
    info: Info | None
    folder: Path
    root_name: str | None
    moved_at: float
    done: int = -1
    troubles: dict[str, str] = field(default_factory=dict)
    is_complete: bool = False
    is_over: bool = False


class Job:
    """Downloads torrents into one folder.

    Args:
        engine: Does the work; the caller closes it, after `close`.
        options: What to do.
        store: What earlier runs have kept, None to keep nothing.
    """

    def __init__(self, engine: Engine, options: DownloadOptions, store: ResumeStore | None) -> None:
        self._engine = engine
        self._options = options
        self._store = store
        self._items: dict[bytes, _Item] = {}
        self._saved_at = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether every torrent has reached its goal or failed."""
        return all(item.is_over for item in self._items.values())

    def add(
        self,
        source: Metainfo | Magnet,
        *,
        folder: Path | None = None,
        root_name: str | None = None,
    ) -> bytes:
        """Start a torrent; one that is there already is left alone.

        Args:
            source: What to download.
            folder: Where its root goes, if not where all others do.
            root_name: What the root is called on disk, if not as in the torrent.

        Returns:
            Its infohash.

        Raises:
            UsageError: No file matches what is wanted.
            NetworkError: Nobody can be asked for it.
            WriteError: The folder cannot be written, or has no room.
        """
        options = self._options
        info = source.info if isinstance(source, Metainfo) else None
        key = info.infohash if info else source.infohash  # type: ignore[union-attr]
        if key in self._items:
            return key
        folder = folder or options.folder
        refuse_lonely(
            source,
            trackers=options.trackers,
            web_seeds=options.web_seeds,
            peers=options.peers,
            discovers=options.discovers,
        )
        wanted = select_files(info, options.files) if info else None
        if info is not None:
            _refuse_too_large(info, folder, wanted, root_name)
        kept = self._store.load(key, folder) if self._store else None
        self._engine.add(
            source,
            folder,
            resume=kept.data if kept else None,
            recheck=options.check or (kept is not None and not kept.trusted),
            root_name=root_name,
            trackers=self._tiers(source),
            web_seeds=options.web_seeds,
            wanted=wanted if info else [] if options.files else None,
        )
        for host, port in options.peers:
            self._engine.connect_peer(key, host, port)
        name = info.name if info else source.name or key.hex()  # type: ignore[union-attr]
        self._items[key] = _Item(name, info, folder, root_name, time.monotonic())
        self._take_metadata(key)
        return key

    def drop(self, infohash: bytes) -> None:
        """Let go of a torrent, keeping what its next run needs; its files stay."""
        self._save(changed_only=True)
        self._engine.remove(infohash)
        del self._items[infohash]

    def turn(self) -> tuple[list[Status], list[Outcome]]:
        """Look once at the engine: how each torrent does, and what has come out since."""
        outcomes: list[Outcome] = []
        for event in self._engine.events():
            outcomes += self._take(event)
        statuses = [status for status in self._engine.statuses() if status.infohash in self._items]
        for status in statuses:
            outcomes += self._judge(status)
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self._save(changed_only=True)
            self._saved_at = time.monotonic()
        return statuses, outcomes

    def close(self) -> None:
        """Keep what the next run needs to go on."""
        # What was just claimed is in the files once the save, which flushes, has ended.
        self._save(changed_only=False)

    def _tiers(self, source: Metainfo | Magnet) -> Sequence[Sequence[str]] | None:
        if not self._options.trackers:
            return None
        return [*source.tiers, self._options.trackers]

    def _take(self, event: EngineEvent) -> Iterable[Outcome]:
        item = self._items.get(event.infohash or b"")
        if item is None or item.is_over or event.infohash is None:
            return
        match event:
            case MetadataArrived():
                try:
                    self._take_metadata(event.infohash)
                except OutpourError as error:
                    yield self._fail(event.infohash, error)
            case ContentFault():
                yield self._fail(event.infohash, _write_error(event, item.folder))
            case TrackerFailed() | WebSeedFailed():
                is_new = item.troubles.get(event.url) != event.message
                item.troubles[event.url] = event.message
                if is_new and not item.is_complete:
                    yield Note(event.infohash, item.name, f"`{event.url}`: {event.message}")
            case _:
                pass

    def _take_metadata(self, key: bytes) -> None:
        item = self._items[key]
        raw = self._engine.info(key) if item.info is None else None
        if raw is None:
            return
        root = bencode.decode(raw, strict=False)
        assert isinstance(root, dict)
        item.info = read_info(raw, root)
        item.name = item.info.name
        wanted = select_files(item.info, self._options.files)
        _refuse_too_large(item.info, item.folder, wanted, item.root_name)
        if wanted is not None:
            self._engine.want(key, wanted)

    def _judge(self, status: Status) -> Iterable[Outcome]:
        item = self._items[status.infohash]
        if item.is_over:
            return
        now = time.monotonic()
        if status.state == "error":
            fault = ContentFault(status.infohash, status.error or "stopped", "", 0)
            yield self._fail(status.infohash, _write_error(fault, item.folder))
        elif status.complete and item.info is not None and not self._awaits_files(status):
            if not item.is_complete:
                yield self._complete(status, item)
            goal = self._options.seed
            item.is_over = goal is None or goal.reached(status)
        elif status.done != item.done or status.state in ("checking", "paused"):
            item.done, item.moved_at = status.done, now
        elif self._options.stall_s and now - item.moved_at > self._options.stall_s:
            after_s, discovers = self._options.stall_s, self._options.discovers
            error = stalled(item.name, after_s, item.troubles, discovers=discovers)
            yield self._fail(status.infohash, error)

    def _awaits_files(self, status: Status) -> bool:
        # With a magnet link nothing is wanted until the files are known and chosen.
        return bool(self._options.files) and status.total == 0

    def _complete(self, status: Status, item: _Item) -> Completed:
        item.is_complete = True
        self._engine.flush()
        self._save(changed_only=False)
        assert item.info is not None
        path = item.folder / (item.root_name or item.info.name)
        return Completed(status.infohash, item.name, path, status.total)

    def _fail(self, key: bytes, error: OutpourError) -> Failed:
        item = self._items[key]
        item.is_over = True
        self._engine.pause(key)
        return Failed(key, item.name, error)

    def _save(self, *, changed_only: bool) -> None:
        if self._store is None:
            return
        for key, data in self._engine.save_resume(changed_only=changed_only).items():
            item = self._items.get(key)
            if item is None:
                continue
            files = disk_paths(item.info, item.root_name) if item.info else None
            is_final = item.is_complete and files is not None
            self._store.save(key, item.folder, data, files=files if is_final else None)


def _write_error(fault: ContentFault, folder: Path) -> WriteError:
    where = f"`{fault.path}`: " if fault.path else ""
    hint = None
    if fault.errno in FULL_DISK:
        hint = f"make room in `{folder}` and run it again: it goes on where it stopped"
    return WriteError(f"{where}{fault.message}", hint=hint)


def _refuse_too_large(
    info: Info, folder: Path, wanted: Sequence[int] | None, root_name: str | None
) -> None:
    lengths = [file.length for file in info.files if not file.is_padding]
    paths = disk_paths(info, root_name)
    missing = 0
    for index in range(len(lengths)) if wanted is None else wanted:
        missing += max(0, lengths[index] - _allocated(folder, paths[index]))
    try:
        free = shutil.disk_usage(_existing(folder)).free
    except OSError:
        return
    if missing > free:
        raise WriteError(
            f"`{folder}`: `{info.name}` needs {format_size(missing)}, and {format_size(free)} "
            "are free",
            hint="make room, or choose another folder with `-o DIR`",
        )


def _allocated(folder: Path, path: bytes) -> int:
    try:
        stat = os.stat(os.path.join(os.fsencode(folder), path))  # noqa: PTH116, PTH118 - bytes
    except OSError:
        return 0
    return min(stat.st_size, stat.st_blocks * 512)


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
