"""What is known of a torrent's files beside its metainfo: their SHA-256 and when they changed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from anyio import to_thread

from outpour.web.contract import ContentRoot, View
from outpour.web.limits import FACTS_KEPT
from outpour.web.torrent_facts import Files, TorrentFacts
from outpour.web.visitors.beside import Beside

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownFiles:
    """What is known of a torrent's files.

    Attributes:
        sha256: In hexadecimal by path; the only file of a torrent that is no folder has its name.
        modified: Unix second of the last change by path, of some.
    """

    sha256: Mapping[Path, str] = field(default_factory=dict)
    modified: Mapping[Path, int] = field(default_factory=dict)


class FilesKept:
    """What is known of the files of the torrents that were looked at last.

    Args:
        view: Has the content.
        beside: Has the checksums that a publisher wrote.
        shown: The paths whose times are looked up.
    """

    def __init__(
        self, view: View, beside: Beside, shown: Callable[[Files], Sequence[Path]]
    ) -> None:
        self._view = view
        self._beside = beside
        self._shown = shown
        self._kept: OrderedDict[bytes, tuple[object, ShownFiles]] = OrderedDict()

    async def get(self, infohash: bytes, facts: TorrentFacts | None) -> ShownFiles:
        """Look at the files of a torrent, again only when something came, went or changed."""
        if facts is None:
            return ShownFiles()
        version = (self._view.revision(), self._beside.revision(), id(facts))
        kept = self._kept.get(infohash)
        if kept is None or kept[0] != version:
            root = self._view.content(infohash)
            found = await to_thread.run_sync(self._look, infohash, facts, root)
            kept = (version, found)
            self._kept[infohash] = kept
            while len(self._kept) > FACTS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(infohash)
        return kept[1]

    def _look(self, infohash: bytes, facts: TorrentFacts, root: ContentRoot | None) -> ShownFiles:
        made = self._view.made_checksums(infohash)
        sha256 = checksums_of(facts, made, self._beside.checksums(infohash))
        if root is None:
            return ShownFiles(sha256)
        return ShownFiles(sha256, dict(_times(root, facts.files, self._shown(facts.files))))


def checksums_of(
    facts: TorrentFacts, made: Sequence[bytes], written: Mapping[Path, str]
) -> dict[Path, str]:
    """The SHA-256 of files by path: those that were made with the torrent, else written ones."""
    files = facts.files
    found = {path: digest for path, digest in written.items() if path in files.by_path}
    if not files.is_folder and () in written:
        found[next(iter(files.by_path))] = written[()]
    if len(made) == len(facts.listed):
        # Links are listed, and have no content of their own; zeros are of what is not known.
        for file, digest in zip(facts.listed, made, strict=True):
            if file.path in files.by_path and any(digest):
                found[file.path] = digest.hex()
    return found


def _times(root: ContentRoot, files: Files, paths: Sequence[Path]) -> list[tuple[Path, int]]:
    found = []
    for path in paths:
        inner = path if files.is_folder else ()
        try:
            status = os.stat(root.path.joinpath(*inner))  # noqa: PTH116 - thousands of them
        except (OSError, ValueError):
            continue
        if root.is_same(inner, status):
            found.append((path, status.st_mtime_ns // 10**9))
    return found
