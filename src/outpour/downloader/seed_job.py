"""Seeds content that is there already, and says which of it is not as its torrent has it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from outpour.base.errors import OutpourError, VerificationError, WriteError
from outpour.base.text import from_bytes
from outpour.downloader.content_watch import ContentWatch, Mark, marks_of
from outpour.downloader.outcome import Completed, Failed, Note, Outcome
from outpour.engine import (
    Engine,
    EngineEvent,
    FileTimes,
    ResumeStore,
    Status,
    TrackerFailed,
    TrackerWarned,
    locate,
    paths_found,
    root_of,
)
from outpour.torrent.metainfo import Metainfo

HINT = "`outpour verify TORRENT PATH` says what differs"


@dataclass(slots=True)
class _Item:
    metainfo: Metainfo
    save_path: Path
    root_name: str | None
    names: list[bytes]
    is_ready: bool = False
    has_failed: bool = False
    warning: str | None = None
    # As the files were before they were compared with the torrent, which may take hours: what
    # changes meanwhile is not what was compared.
    marks: list[tuple[bytes, Mark]] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """Where its root file or folder lies."""
        return self.save_path / root_of(self.names)

    @property
    def paths(self) -> list[bytes]:
        """Of each file, without padding."""
        base = os.fsencode(self.save_path.absolute())
        return [os.path.join(base, name) for name in self.names]  # noqa: PTH118 - paths are bytes


class SeedJob:
    """Seeds torrents until it is closed.

    Args:
        engine: Does the work; the caller closes it, after `close`.
        store: What earlier runs have kept, so that what was checked once need not be again.
    """

    def __init__(self, engine: Engine, store: ResumeStore | None) -> None:
        self._engine = engine
        self._store = store
        self._items: dict[bytes, _Item] = {}
        self._watch = ContentWatch()

    @property
    def is_over(self) -> bool:
        """Whether not one torrent can be seeded."""
        return all(item.has_failed for item in self._items.values())

    def add(self, metainfo: Metainfo, content: Path, *, trust: bool) -> None:
        """Start to seed; one that is there already is left alone.

        Args:
            metainfo: The torrent.
            content: Its root file or folder, or the folder that holds it.
            trust: Do not compare it with the torrent first.
        """
        key = metainfo.info.infohash
        if key in self._items:
            return
        save_path, root_name = locate(metainfo.info, content)
        names = paths_found(metainfo.info, save_path, root_name)
        item = _Item(metainfo, save_path, root_name, names)
        item.marks = marks_of(item.paths)
        can_keep = self._store is not None and not trust
        kept = self._store.load(key, save_path, root_name) if self._store and can_keep else None
        # Known before the engine has it, so that whoever interrupts in between finds it here.
        self._items[key] = item
        try:
            self._engine.add(
                metainfo,
                save_path,
                mode="seed",
                trust=trust,
                resume=kept.data if kept else None,
                recheck=kept is not None and not kept.trusted,
                paths=names,
            )
        except OutpourError:
            del self._items[key]
            raise

    def turn(self) -> tuple[list[Status], list[Outcome]]:
        """Look once at the engine: how each torrent does, and what has come out since."""
        outcomes: list[Outcome] = []
        for event in self._engine.events():
            outcomes += self._take(event)
        for key, path in self._watch.changed().items():
            item = self._items[key]
            item.is_ready = item.has_failed = False
            item.marks = marks_of(item.paths)
            self._engine.unpause(key)
            self._engine.recheck(key)
            text = f"`{from_bytes(path)}`: has changed; the content is checked again"
            outcomes.append(Note(key, item.metainfo.info.name, text))
        statuses = [status for status in self._engine.statuses() if status.infohash in self._items]
        for status in statuses:
            outcomes += self._judge(status)
        return statuses, outcomes

    def close(self) -> list[Note]:
        """Keep what the next run needs to start without checking; returns what went wrong."""
        if self._store is None:
            return []
        # What was found whole since the last look is so all the same.
        self.turn()
        resumes = self._engine.save_resume()
        # What has changed since the last look would be taken for checked by the next run.
        changed = self._watch.all_changed()
        for key, data in resumes.items():
            item = self._items[key]
            if not item.is_ready or item.has_failed or key in changed:
                continue
            try:
                self._store.save(
                    key, item.save_path, data, root_name=item.root_name,
                    files=FileTimes.of(item.names, item.save_path),
                )  # fmt: skip
            except WriteError as error:
                text = f"{error.message}; the next run has to check the content"
                return [Note(key, item.metainfo.info.name, text)]
        return []

    def _take(self, event: EngineEvent) -> Iterable[Outcome]:
        key = event.infohash or b""
        item = self._items.get(key)
        if item is None:
            return
        name = item.metainfo.info.name
        match event:
            case TrackerFailed() if event.attempts == 1:
                yield Note(key, name, f"`{event.url}`: {event.message}")
            case TrackerWarned() if event.message != item.warning:
                item.warning = event.message
                yield Note(key, name, f"`{event.url}`: {event.message}")
            case _:
                pass

    def _judge(self, status: Status) -> Iterable[Outcome]:
        item = self._items[status.infohash]
        if status.state == "error" and not item.has_failed:
            yield self._fail(status, VerificationError(f"`{item.root}`: {status.error}", hint=HINT))
        elif status.complete and not item.is_ready and not item.has_failed:
            longer = _longer(item)
            if longer is not None:
                text = f"`{from_bytes(longer)}`: longer than in the torrent"
                yield self._fail(status, VerificationError(text, hint=HINT))
                return
            item.is_ready = True
            self._watch.follow(status.infohash, item.marks)
            yield Completed(status.infohash, item.metainfo.info.name, item.root, status.total)

    def _fail(self, status: Status, error: OutpourError) -> Failed:
        item = self._items[status.infohash]
        item.has_failed = True
        self._engine.pause(status.infohash)
        # What comes back, or is mended, is seeded again.
        self._watch.follow(status.infohash, item.marks)
        return Failed(status.infohash, item.metainfo.info.name, error)


def _longer(item: _Item) -> bytes | None:
    files = [file for file in item.metainfo.info.files if not file.is_padding]
    for file, path in zip(files, item.paths, strict=True):
        try:
            if file.symlink is None and os.stat(path).st_size > file.length:  # noqa: PTH116
                return path
        except OSError:
            continue
    return None
