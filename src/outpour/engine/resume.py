"""Keeps what the engine knows about a torrent between two runs, one file a torrent and folder.

Resume data claims that pieces are on disk without looking. After a clean end the sizes and
times of the files are written beside the claim, and files that have changed since are checked
again; after a crash the last periodic save holds, because the engine flushes before it claims.
"""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import BencodeError, WriteError, reason
from outpour.base.file_times import kept_ns
from outpour.torrent import bencode

_SUM = b"sum"
_SUM_BYTES = 8


@dataclass(frozen=True, slots=True)
class Resume:
    """What was kept.

    Attributes:
        data: For `Engine.add`; None when the run ended before there was any.
        trusted: False when the files have changed since, so that they must be checked.
        owned: Indices, without padding, of files that were written here, as (first, last).
    """

    data: bytes | None
    trusted: bool
    owned: tuple[tuple[int, int], ...] = ()

    def owns(self, index: int) -> bool:
        """Whether a file was written by an earlier run, so that it is no stranger's."""
        at = bisect_right(self.owned, index, key=lambda bounds: bounds[0])
        return at > 0 and index <= self.owned[at - 1][1]


@dataclass(frozen=True, slots=True)
class FileTimes:
    """Files as they were at one moment, by which a later change of theirs shows.

    Attributes:
        paths: Below the folder that was looked at.
        stats: Of each its size in bytes and the time of its last change; none of what is missing.
    """

    paths: tuple[bytes, ...]
    stats: bencode.Value

    @classmethod
    def of(cls, paths: Iterable[bytes], folder: Path) -> FileTimes:
        """Look at files below a folder."""
        found = tuple(paths)
        return cls(found, _stats(found, folder))


@dataclass(frozen=True, slots=True)
class ResumeStore:
    """A folder of resume files.

    Attributes:
        folder: Made when the first file is saved.
    """

    folder: Path

    def load(self, infohash: bytes, save_path: Path, root_name: str | None = None) -> Resume | None:
        """Return what was kept for a torrent in a folder; None when nothing usable was."""
        try:
            with self._path(infohash, save_path, root_name).open("rb") as file:
                root = bencode.decode(file.read(bencode.LIMITS.length))
        except (OSError, BencodeError):
            return None
        if not isinstance(root, dict):
            return None
        # Files of earlier releases have none.
        kept = root.pop(_SUM, None)
        if kept is not None and kept != _sum(root):
            return None
        data = root.get(b"resume")
        trusted = root.get(b"files") in (None, _stats(_kept_paths(root), save_path))
        return Resume(data if isinstance(data, bytes) else None, trusted, _owned(root))

    def save(
        self,
        infohash: bytes,
        save_path: Path,
        data: bytes | None,
        *,
        root_name: str | None = None,
        files: FileTimes | None = None,
        owned: Iterable[tuple[int, int]] = (),
    ) -> None:
        """Keep resume data.

        Args:
            infohash: The torrent.
            save_path: The folder it is stored in.
            data: From `Engine.save_resume`, None when there is none yet.
            root_name: What the root is called on disk, if not as in the torrent.
            files: Those below `save_path`, as they were when nothing wrote them any more; None
                while the engine is at work on them.
            owned: Indices, without padding, of the files that are written here, as (first, last).

        Raises:
            WriteError: The file cannot be written.
        """
        root: dict[bytes, bencode.Value] = {b"owned": [[first, last] for first, last in owned]}
        if data is not None:
            root[b"resume"] = data
        if files is not None:
            root[b"paths"] = [*files.paths]
            root[b"files"] = files.stats
        root[_SUM] = _sum(root)
        target = self._path(infohash, save_path, root_name)
        # Not synced to the disk: what a power failure takes is a check of the files, no more, and
        # a sync for each of thousands of torrents takes minutes.
        temporary = target.with_name(f".{target.name}.tmp")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(bencode.encode(root))
            temporary.replace(target)
        except OSError as error:
            raise WriteError(f"`{self.folder}`: {reason(error)}") from error

    def forget(self, infohash: bytes, save_path: Path, root_name: str | None = None) -> None:
        """Drop what was kept for a torrent in a folder, if anything."""
        self._path(infohash, save_path, root_name).unlink(missing_ok=True)

    def parts_path(self, infohash: bytes, save_path: Path) -> Path:
        """Where to keep pieces that reach into files that are not wanted."""
        return self._path(infohash, save_path, None).with_suffix(".parts")

    def _path(self, infohash: bytes, save_path: Path, root_name: str | None) -> Path:
        place = os.fsencode(save_path.absolute())
        if root_name is not None:
            place += b"\0" + os.fsencode(root_name)
        return self.folder / f"{infohash.hex()}-{hashlib.sha256(place).hexdigest()[:12]}.resume"


def _sum(root: dict[bytes, bencode.Value]) -> bytes:
    # A changed bit may claim a piece that is not there.
    return hashlib.blake2b(bencode.encode(root), digest_size=_SUM_BYTES).digest()


def _owned(root: dict[bytes, bencode.Value]) -> tuple[tuple[int, int], ...]:
    pairs = root.get(b"owned")
    found: list[tuple[int, int]] = []
    for pair in pairs if isinstance(pairs, list) else ():
        match pair:
            case [int(first), int(last)]:
                found.append((first, last))
            case _:
                pass
    return tuple(sorted(found))


def _kept_paths(root: dict[bytes, bencode.Value]) -> list[bytes]:
    paths = root.get(b"paths")
    return [path for path in paths if isinstance(path, bytes)] if isinstance(paths, list) else []


def _stats(paths: Iterable[bytes], save_path: Path) -> bencode.Value:
    base = os.fsencode(save_path)
    stats: list[bencode.Value] = []
    for path in paths:
        try:
            stat = os.stat(os.path.join(base, path))  # noqa: PTH116, PTH118 - paths are bytes
            stats.append([stat.st_size, kept_ns(stat.st_mtime_ns)])
        except OSError:
            stats.append([])
    return stats
