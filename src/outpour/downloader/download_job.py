"""Drives the engine until every torrent is complete, has seeded enough, or has failed."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable
from pathlib import Path

from outpour.base.errors import NetworkError, NoRoomError, OutpourError, UsageError, WriteError
from outpour.base.http_route import UNTRUSTED
from outpour.downloader.download_item import DownloadItem
from outpour.downloader.download_options import DownloadOptions
from outpour.downloader.file_selection import numbered_files, select_files, urgency_of
from outpour.downloader.free_space import refuse_too_large
from outpour.downloader.kept_downloads import KeptDownloads
from outpour.downloader.outcome import Completed, Failed, Note, Outcome
from outpour.downloader.parts_file import fetch_back, stow
from outpour.downloader.present_files import (
    refuse_foreign,
    suspects_of,
)
from outpour.downloader.stream_output import StreamOutput
from outpour.downloader.tree_fetch import TreeFetch
from outpour.downloader.unreachable import is_dead, refuse_lonely, stalled, unheard
from outpour.downloader.web_seed_retries import WebSeedRetries
from outpour.downloader.written_roots import WrittenRoots
from outpour.engine import (
    Checked,
    ContentFault,
    Engine,
    EngineEvent,
    FileTimes,
    MetadataArrived,
    PieceRead,
    ResumeStore,
    Status,
    TrackerAnswered,
    TrackerFailed,
    TrackerWarned,
    WebSeedFailed,
    metainfo_of,
    paths_found,
)
from outpour.torrent import bencode
from outpour.torrent.info import read_info
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

FULL_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


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
        self._items: dict[bytes, DownloadItem] = {}
        self._roots = WrittenRoots()
        self._notes: list[Note] = []
        self._kept = KeptDownloads(engine, store, self._items, self._notes)
        self._retries = WebSeedRetries(engine)
        self._trees = TreeFetch(engine, options.route)
        self._streams: dict[bytes, StreamOutput] = {}

    @property
    def is_over(self) -> bool:
        """Whether every torrent has reached its goal or failed."""
        return all(item.is_over for item in self._items.values())

    @property
    def is_streaming(self) -> bool:
        """Whether a file is to be written to a stream."""
        return self._options.stream is not None

    def ended(self) -> dict[bytes, bool]:
        """Of each torrent of which nothing is left to do whether it is complete."""
        return {key: item.is_complete for key, item in self._items.items() if item.is_over}

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
            WriteError: The folder cannot be written, has no room, or holds another's files.
        """
        options = self._options
        key = source.info.infohash if isinstance(source, Metainfo) else source.infohash
        if key in self._items:
            return key
        folder = folder or options.folder
        refuse_lonely(source, options.reach)
        kept = self._store.load(key, folder, root_name) if self._store else None
        known: Metainfo | Magnet = source
        if isinstance(source, Magnet) and kept and kept.data:
            # What an earlier run was sent needs no peer to send it again.
            known = metainfo_of(kept.data) or source
        info = known.info if isinstance(known, Metainfo) else None
        name = known.info.name if isinstance(known, Metainfo) else known.name or key.hex()
        item = DownloadItem(source, name, info, folder, root_name, [], kept, time.monotonic())
        self._examine(key, item)
        is_doubtful = kept is not None and not kept.trusted
        # Known before the engine has it, so that what the next run needs is kept of it also where
        # this one is interrupted in between.
        self._items[key] = item
        try:
            self._engine.add(
                known,
                folder,
                resume=kept.data if kept else None,
                recheck=options.check or bool(item.suspects) or is_doubtful,
                held=info is None or bool(item.suspects),
                paths=item.paths or None,
                trackers=[*source.tiers, *([options.trackers] if options.trackers else [])],
                web_seeds=options.web_seeds,
                wanted=item.wanted,
                urgency=item.urgency,
                sequential=options.sequential,
                known_as=key,
            )
        except OutpourError:
            del self._items[key]
            raise
        for host, port in options.peers:
            self._engine.connect_peer(key, host, port)
        self._settle(key, item)
        return key

    def name_sources(self, source: Metainfo) -> None:
        """Ask from now on what a torrent names that was written anew under the same infohash."""
        key = source.info.infohash
        item = self._items[key]
        item.source = source
        item.troubles.clear()
        more = [self._options.trackers] if self._options.trackers else []
        self._engine.name_sources(key, source, [*source.tiers, *more])
        if item.info is not None and item.info.version == "v2" and not item.is_over:
            self._trees.forget(key)
            self._trees.follow(key, item.info, self._web_seeds_of(item), item.writes)

    def drop(self, infohash: bytes) -> None:
        """Let go of a torrent, keeping what its next run needs; its files stay."""
        self._kept.save([infohash], changed_only=True)
        self._trees.forget(infohash)
        self._engine.remove(infohash)
        self._roots.forget(infohash, self._items.pop(infohash))

    def leave(self, infohash: bytes) -> None:
        """Let go of a complete torrent, with which the engine goes on."""
        item = self._items.pop(infohash)
        self._trees.forget(infohash)
        self._roots.forget(infohash, item)
        if self._store is not None:
            self._store.forget(infohash, item.folder, item.root_name)

    def turn(
        self, events: Iterable[EngineEvent] | None = None
    ) -> tuple[list[Status], list[Outcome]]:
        """Look once at the engine: how each torrent does, and what has come out since.

        Args:
            events: What the engine told since the last turn; None asks it.
        """
        outcomes: list[Outcome] = [*self._notes]
        self._notes.clear()
        told = self._engine.events() if events is None else events
        for event in (*told, *self._trees.troubles()):
            outcomes += self._take(event)
        self._retries.turn()
        statuses = [*self._engine.statuses(self._items)]
        complete: list[Status] = []
        for status in statuses:
            outcomes += self._judge(status, complete)
        outcomes += self._complete(complete)
        if self._options.deadline and self._options.deadline.is_over:
            outcomes += self._end()
        self._kept.turn()
        return statuses, outcomes

    def close(self) -> list[Note]:
        """Keep what the next run needs to go on; returns what could not be said before."""
        self._trees.close()
        for stream in self._streams.values():
            stream.close()
        # What was just claimed is in the files once the save, which flushes, has ended.
        self._kept.finish()
        for item in self._items.values():
            if item.is_complete and item.info is not None and item.wanted is not None:
                stow(item.info, item.folder, self._store)
        return self._notes

    def _examine(self, key: bytes, item: DownloadItem) -> None:
        """Find out, once the files are known, which are wanted and which are there already."""
        info = item.info
        if info is None:
            return
        item.name = info.name
        options = self._options
        item.wanted = select_files(info, options.files, skip=options.skip)
        item.urgency = urgency_of(info, options.first, options.last)
        if item.wanted is None and isinstance(item.source, Magnet):
            item.wanted = numbered_files(info, item.source.selected)
        item.paths = paths_found(info, item.folder, item.root_name, whole=True)
        refuse_too_large(info, item.folder, item.wanted, item.paths)
        self._roots.refuse_shared(item)
        item.suspects = suspects_of(
            info, item.folder, item.paths, item.writes, item.kept,
            overwrite=options.overwrite,
        )  # fmt: skip
        fetch_back(info, item.folder, self._store)
        if item.root.name.startswith("."):
            self._notes.append(Note(key, info.name, f"`{item.root}`: the name is hidden by `ls`"))

    def _settle(self, key: bytes, item: DownloadItem) -> None:
        """Take the files for ours, so that the next run knows them, however this one ends."""
        if item.info is None:
            return
        self._roots.take(key, item)
        if item.suspects:
            return
        if item.info.version == "v2":
            # libtorrent must not have the web seeds of such a torrent.
            self._trees.follow(key, item.info, self._web_seeds_of(item), item.writes)
        self._kept.own(key, item)
        self._begin_stream(key, item)

    def _begin_stream(self, key: bytes, item: DownloadItem) -> None:
        info, stream = item.info, self._options.stream
        if info is None or stream is None or key in self._streams:
            return
        files = [file for file in info.files if not file.is_padding]
        if len(item.writes) != 1:
            raise UsageError(
                f"`{info.name}`: has {len(item.writes)} files, and one can be streamed",
                hint="choose it with `--only PATTERN`; `--list` names them",
            )
        file = files[item.writes[0]]
        self._streams[key] = StreamOutput(self._engine, key, info, file, stream)

    def _web_seeds_of(self, item: DownloadItem) -> list[str]:
        return [*dict.fromkeys((*item.source.web_seeds, *self._options.web_seeds))]

    def _take(self, event: EngineEvent) -> Iterable[Outcome]:
        key = event.infohash or b""
        item = self._items.get(key)
        if item is None or item.is_over:
            return
        match event:
            case MetadataArrived() | Checked():
                try:
                    if item.info is None:
                        self._take_metadata(key, item)
                    elif item.suspects and isinstance(event, Checked):
                        self._judge_files(key, item)
                except OutpourError as error:
                    yield self._fail(key, error)
            case PieceRead() if key in self._streams:
                self._streams[key].take(event)
            case ContentFault():
                yield self._fail(key, _write_error(event.sentence, event.errno, item.folder))
            case TrackerAnswered():
                item.troubles.pop(event.url, None)
            case TrackerWarned() if event.message not in item.warnings:
                item.warnings.add(event.message)
                yield Note(key, item.name, f"`{event.url}`: {event.message}")
            case TrackerFailed() | WebSeedFailed():
                is_new = item.troubles.get(event.url) != event.message
                item.troubles[event.url] = event.message
                is_tree = item.info is not None and item.info.version == "v2"
                if isinstance(event, WebSeedFailed) and not item.is_complete and not is_tree:
                    self._retries.note_failure(key, event.url)
                if is_new and not item.is_complete:
                    is_unknown = event.message.startswith(UNTRUSTED)
                    hint = self._options.route.trust_hint if is_unknown else None
                    yield Note(key, item.name, f"`{event.url}`: {event.message}", hint)
            case _:
                pass

    def _take_metadata(self, key: bytes, item: DownloadItem) -> None:
        raw = self._engine.info(key)
        if raw is None:
            return
        root = bencode.decode(raw, strict=False)
        assert isinstance(root, dict)
        item.info = read_info(raw, root)
        self._examine(key, item)
        self._engine.release(
            key,
            item.info,
            wanted=item.wanted,
            urgency=item.urgency,
            held=bool(item.suspects),
            paths=item.paths,
        )
        self._settle(key, item)

    def _judge_files(self, key: bytes, item: DownloadItem) -> None:
        """Go on, when what is there has been checked and has something of the torrent."""
        assert item.info is not None
        has = self._engine.pieces(key)
        refuse_foreign(item.info, item.folder, item.paths, item.suspects, has)
        item.suspects = []
        self._settle(key, item)
        self._engine.unpause(key)

    def _judge(self, status: Status, complete: list[Status]) -> Iterable[Outcome]:
        key = status.infohash
        item = self._items[key]
        if item.is_over:
            return
        now = time.monotonic()
        if key in self._streams and status.state in ("downloading", "finished", "seeding"):
            self._streams[key].turn()
        stall_s = self._options.stall_s
        if status.state == "error":
            # The event of the same fault may come later, and finds it told.
            message = status.error or "stopped"
            yield self._fail(key, _write_error(message, status.errno, item.folder))
        elif item.suspects:
            item.moved_at = now
        elif status.complete and item.info is not None:
            if not item.is_complete:
                complete.append(status)
            goal = self._options.seed
            is_written = key not in self._streams or self._streams[key].is_over
            item.is_over = is_written and (goal is None or goal.reached(status))
        elif status.done > item.done or status.state in ("checking", "paused"):
            item.done, item.moved_at = max(status.done, item.done), now
        elif stall_s and now - item.moved_at > stall_s:
            error = stalled(item.name, stall_s, item.troubles, discovers=self._options.discovers)
            yield self._fail(status.infohash, error)
        elif stall_s and is_dead(item.source, self._options.reach, status, item.troubles,
                                 quiet_s=now - item.moved_at):  # fmt: skip
            yield self._fail(status.infohash, unheard(item.name, item.troubles))

    def _complete(self, complete: list[Status]) -> Iterable[Outcome]:
        """Tell of torrents that have become complete; together, since each waits for the disk."""
        if not complete:
            return
        keys = [status.infohash for status in complete]
        for key in keys:
            self._items[key].is_complete = True
        self._engine.flush(keys)
        for status in complete:
            item = self._items[status.infohash]
            item.as_completed = FileTimes.of(item.paths, item.folder)
            yield Completed(status.infohash, item.name, item.root, status.total)
        self._kept.save(keys)

    def _end(self) -> Iterable[Outcome]:
        """Give up what is not complete, and end what is."""
        for key, item in self._items.items():
            if not item.is_complete and not item.is_over:
                error = NetworkError(
                    f"`{item.name}`: not complete before the deadline",
                    hint="run it again to go on where it stopped",
                )
                yield self._fail(key, error)
            item.is_over = True

    def _fail(self, key: bytes, error: OutpourError) -> Failed:
        item = self._items[key]
        item.is_over = True
        self._trees.forget(key)
        self._engine.pause(key)
        return Failed(key, item.name, error)


def _write_error(message: str, errno: int, folder: Path) -> WriteError:
    if errno not in FULL_DISK:
        return WriteError(message)
    hint = f"make room in `{folder}` and run it again: it goes on where it stopped"
    return NoRoomError(message, hint=hint)
