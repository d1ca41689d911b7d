"""Keeps a job as a folder is: a torrent for each .torrent file, tried again when it fails."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import OutpourError, ReadError, reason
from outpour.downloader import Job
from outpour.torrent.disk_names import root_name
from outpour.torrent.info import Info
from outpour.torrent.metainfo import Metainfo

SUFFIX = ".torrent"
TRIES_MAX = 6
RETRY_AFTER_S = 10.0
DEPTH_MAX = 16


@dataclass(slots=True)
class _Entry:
    mark: tuple[int, int]
    infohash: bytes | None = None
    tries: int = 0
    due_at: float | None = 0.0
    """When to try next; None while it runs, or when it was tried often enough."""


class FolderJob:
    """Follows a folder.

    Args:
        folder: Looked at with the folders below it, but not below those that hold torrents.
        job: Takes the torrents; nothing else puts any into it.
        style: 1 saves under the name of the .torrent file, 2 under the name in the torrent, 3 in
            a folder with the name of the .torrent file.
        saveas: Where to save; None for the folder of each .torrent file.
    """

    def __init__(self, folder: Path, job: Job, *, style: int, saveas: Path | None) -> None:
        self._folder = folder
        self._job = job
        self._style = style
        self._saveas = saveas
        self._entries: dict[Path, _Entry] = {}
        self._targets: dict[bytes, str] = {}

    def target_of(self, infohash: bytes) -> str | None:
        """Return the path a torrent is saved at."""
        return self._targets.get(infohash)

    def look(self) -> list[str]:
        """Start what has come, let go of what has gone, and say so in lines.

        Raises:
            ReadError: The folder itself has gone.
        """
        found = {path: mark for path in _torrents(self._folder) if (mark := _mark(path))}
        lines: list[str] = []
        for path, entry in [*self._entries.items()]:
            if found.get(path) != entry.mark:
                lines += self._drop(path, is_gone=path not in found)
        for path, mark in found.items():
            if path not in self._entries:
                lines.append(f"New torrent: {path.name}")
                self._entries[path] = _Entry(mark)
        for path, entry in self._entries.items():
            if entry.due_at is not None and time.monotonic() >= entry.due_at:
                lines += self._start(path, entry)
        return lines

    def give_up(self, infohash: bytes, error: OutpourError) -> list[str]:
        """Let go of a torrent that has failed, to try it again later, and say so in lines."""
        lines: list[str] = []
        for path, entry in self._entries.items():
            if entry.infohash == infohash:
                entry.infohash = None
                lines += self._fail(path, entry, error)
        self._job.drop(infohash)
        self._targets.pop(infohash, None)
        return lines

    def _start(self, path: Path, entry: _Entry) -> list[str]:
        entry.tries += 1
        try:
            metainfo = Metainfo.read(path)
            folder, name = self._place(path, metainfo.info)
            key = metainfo.info.infohash
            if key in self._targets:
                entry.due_at = None
                return [f"{path.name}: the same torrent as {self._targets[key]}"]
            self._job.add(metainfo, folder=folder, root_name=name)
        except OutpourError as error:
            return self._fail(path, entry, error)
        entry.infohash, entry.due_at = key, None
        self._targets[key] = str(folder / (name or root_name(metainfo.info)))
        return []

    def _place(self, path: Path, info: Info) -> tuple[Path, str | None]:
        base = self._saveas or path.parent
        stem = path.name.removesuffix(SUFFIX)
        if self._style == 2:
            return base, None
        if self._style == 3 and not info.is_folder:
            return base / stem, None
        return base, stem

    def _fail(self, path: Path, entry: _Entry, error: OutpourError) -> list[str]:
        lines = [f"error: {error.message}"]
        if entry.tries >= TRIES_MAX:
            entry.due_at = None
            lines.append(f"{path.name} died {TRIES_MAX} times, added to dead list")
        else:
            entry.due_at = time.monotonic() + RETRY_AFTER_S
            lines.append(f"{path.name}: try {entry.tries} died, retry in {RETRY_AFTER_S:.0f}")
        return lines

    def _drop(self, path: Path, *, is_gone: bool) -> list[str]:
        entry = self._entries.pop(path)
        # The spelling is that of the original, which scripts read.
        lines = [f"Torrent file dissapeared, killing {path.name}"] if is_gone else []
        if entry.infohash is not None:
            self._job.drop(entry.infohash)
            del self._targets[entry.infohash]
            lines.append(f"Torrent {path} stopped")
            for other in self._entries.values():
                # Another file may hold the same torrent, and takes over.
                if other.infohash is None and other.due_at is None and other.tries < TRIES_MAX:
                    other.due_at = 0.0
        return lines


def _torrents(folder: Path, depth: int = 0) -> list[Path]:
    # Only below folders without torrents of their own, as it was: content may hold torrents too.
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        if depth:
            return []
        raise ReadError(f"`{folder}`: {reason(error)}") from error
    torrents = [path for path in entries if path.name.endswith(SUFFIX) and path.is_file()]
    if torrents or depth == DEPTH_MAX:
        return torrents
    below: list[Path] = []
    for path in entries:
        if path.is_dir() and not path.is_symlink() and not path.name.startswith("."):
            below += _torrents(path, depth + 1)
    return below


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size
