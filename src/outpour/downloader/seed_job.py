"""Seeds content that is there already, and says which of it is not as its torrent has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import VerificationError
from outpour.downloader.outcome import Completed, Failed, Note, Outcome
from outpour.engine import Engine, ResumeStore, Status, TrackerFailed, disk_paths, locate
from outpour.torrent.metainfo import Metainfo


@dataclass(slots=True)
class _Item:
    metainfo: Metainfo
    save_path: Path
    root_name: str | None
    is_ready: bool = False
    has_failed: bool = False


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

    @property
    def has_failed(self) -> bool:
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
        kept = self._store.load(key, save_path) if self._store and not trust else None
        self._engine.add(
            metainfo,
            save_path,
            mode="seed",
            trust=trust,
            resume=kept.data if kept else None,
            recheck=kept is not None and not kept.trusted,
            root_name=root_name,
        )
        self._items[key] = _Item(metainfo, save_path, root_name)

    def turn(self) -> tuple[list[Status], list[Outcome]]:
        """Look once at the engine: how each torrent does, and what has come out since."""
        outcomes: list[Outcome] = []
        for event in self._engine.events():
            item = self._items.get(event.infohash or b"")
            if item and event.infohash and isinstance(event, TrackerFailed) and event.attempts == 1:
                message = f"`{event.url}`: {event.message}"
                outcomes.append(Note(event.infohash, item.metainfo.info.name, message))
        statuses = [status for status in self._engine.statuses() if status.infohash in self._items]
        for status in statuses:
            outcomes += self._judge(status)
        return statuses, outcomes

    def close(self) -> None:
        """Keep what the next run needs to start without checking."""
        if self._store is None:
            return
        for key, data in self._engine.save_resume().items():
            item = self._items[key]
            if item.is_ready and not item.has_failed:
                files = disk_paths(item.metainfo.info, item.root_name)
                self._store.save(key, item.save_path, data, files=files)

    def _judge(self, status: Status) -> Iterable[Outcome]:
        item = self._items[status.infohash]
        name = item.metainfo.info.name
        if status.state == "error" and not item.has_failed:
            item.has_failed = True
            error = VerificationError(
                f"`{item.save_path / (item.root_name or name)}`: {status.error}",
                hint="`outpour verify TORRENT PATH` says what differs",
            )
            yield Failed(status.infohash, name, error)
        elif status.complete and not item.is_ready:
            item.is_ready = True
            path = item.save_path / (item.root_name or name)
            yield Completed(status.infohash, name, path, status.total)
