"""Keeps what the engine knows about a torrent between two runs, one file a torrent and folder.

Resume data claims that pieces are on disk without looking. After a clean end the sizes and
times of the files are written beside the claim, and files that have changed since are checked
again; after a crash the last periodic save holds, because the engine flushes before it claims.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import BencodeError, WriteError, reason
from outpour.torrent import bencode


@dataclass(frozen=True, slots=True)
class Resume:
    """What was kept.

    Attributes:
        data: For `Engine.add`.
        trusted: False when the files have changed since, so that they must be checked.
    """

    data: bytes
    trusted: bool


@dataclass(frozen=True, slots=True)
class ResumeStore:
    """A folder of resume files.

    Attributes:
        folder: Made when the first file is saved.
    """

    folder: Path

    def load(self, infohash: bytes, save_path: Path) -> Resume | None:
        """Return what was kept for a torrent in a folder; None when nothing usable was."""
        try:
            with self._path(infohash, save_path).open("rb") as file:
                root = bencode.decode(file.read(bencode.LIMITS.length))
        except (OSError, BencodeError):
            return None
        data = root.get(b"resume") if isinstance(root, dict) else None
        if not isinstance(root, dict) or not isinstance(data, bytes):
            return None
        return Resume(data, root.get(b"files") in (None, _stats(_kept_paths(root), save_path)))

    def save(
        self,
        infohash: bytes,
        save_path: Path,
        data: bytes,
        *,
        files: Iterable[bytes] | None = None,
    ) -> None:
        """Keep resume data.

        Args:
            infohash: The torrent.
            save_path: The folder it is stored in.
            data: From `Engine.save_resume`.
            files: Paths below `save_path` that nothing writes any more, so that a change of
                theirs shows; None while the engine is at work on them.

        Raises:
            WriteError: The file cannot be written.
        """
        from outpour.base.files import write_atomically

        root: dict[bytes, bencode.Value] = {b"resume": data}
        if files is not None:
            paths = [*files]
            root[b"paths"] = [*paths]
            root[b"files"] = _stats(paths, save_path)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"`{self.folder}`: {reason(error)}") from error
        write_atomically(self._path(infohash, save_path), bencode.encode(root))

    def forget(self, infohash: bytes, save_path: Path) -> None:
        """Drop what was kept for a torrent in a folder, if anything."""
        self._path(infohash, save_path).unlink(missing_ok=True)

    def _path(self, infohash: bytes, save_path: Path) -> Path:
        place = hashlib.sha256(os.fsencode(save_path.absolute())).hexdigest()[:12]
        return self.folder / f"{infohash.hex()}-{place}.resume"


def _kept_paths(root: dict[bytes, bencode.Value]) -> list[bytes]:
    paths = root.get(b"paths")
    return [path for path in paths if isinstance(path, bytes)] if isinstance(paths, list) else []


def _stats(paths: Iterable[bytes], save_path: Path) -> bencode.Value:
    base = os.fsencode(save_path)
    stats: list[bencode.Value] = []
    for path in paths:
        try:
            stat = os.stat(os.path.join(base, path))  # noqa: PTH116, PTH118 - paths are bytes
            stats.append([stat.st_size, stat.st_mtime_ns])
        except OSError:
            stats.append([])
    return stats
