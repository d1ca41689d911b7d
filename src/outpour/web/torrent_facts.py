"""What a torrent's page tells of its metainfo, without the piece hashes; parsed once and kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyio import to_thread

from outpour.base.errors import FormatError
from outpour.torrent.metainfo import File, Metainfo
from outpour.tracker.lists.metainfo_file import MetainfoFile
from outpour.web.adapted_names import adapted
from outpour.web.contract import View
from outpour.web.limits import FACTS_KEPT


@dataclass(frozen=True, slots=True)
class Files:
    """The file list of one torrent.

    Attributes:
        is_folder: The torrent holds a folder, not one file.
        by_path: Each file by its path inside the torrent; pad files and links are left out.
        folders: The names in each folder, files and folders alike.
        padding: The length of each pad file (BEP 47).
        adapted: The paths of `by_path` as clients write them that adapt names to all systems.
    """

    is_folder: bool
    by_path: Mapping[tuple[str, ...], File]
    folders: Mapping[tuple[str, ...], Sequence[str]]
    padding: Mapping[tuple[str, ...], int]
    adapted: Mapping[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class TorrentFacts:
    """What is shown of a metainfo.

    Attributes:
        infohash_v1: BEP 3, None for v2 alone.
        infohash_v2: BEP 52, None for v1 alone.
        piece_length: Bytes.
        piece_count: Pieces.
        private: BEP 27.
        source: The tag of private trackers.
        created_by: The program that made it.
        tiers: BEP 12.
        web_seeds: BEP 19.
        listed: All files but pads, in the order of the torrent.
        files: The same by their paths.
    """

    infohash_v1: bytes | None
    infohash_v2: bytes | None
    piece_length: int
    piece_count: int
    private: bool
    source: str | None
    created_by: str | None
    tiers: tuple[tuple[str, ...], ...]
    web_seeds: tuple[str, ...]
    listed: tuple[File, ...]
    files: Files

    @classmethod
    def of(cls, metainfo: Metainfo) -> TorrentFacts:
        """Take them from a metainfo."""
        info = metainfo.info
        return cls(
            infohash_v1=info.infohash_v1,
            infohash_v2=info.infohash_v2,
            piece_length=info.piece_length,
            piece_count=info.piece_count,
            private=info.private,
            source=info.source,
            created_by=metainfo.created_by,
            tiers=metainfo.tiers,
            web_seeds=metainfo.web_seeds,
            listed=tuple(file for file in info.files if not file.is_padding),
            files=files_of(metainfo),
        )


class FactsKept:
    """The facts of the torrents that were looked at last."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._kept: OrderedDict[tuple[object, ...], TorrentFacts] = OrderedDict()

    async def get(self, infohash: bytes) -> TorrentFacts | None:
        """The facts of a torrent, None if it has no metainfo that can be read."""
        file = self._view.metainfo_file(infohash)
        if file is None:
            return None
        listing = file.listing
        key = (listing.infohash, listing.signature, listing.metainfo_size)
        kept = self._kept.get(key)
        if kept is None:
            kept = await to_thread.run_sync(_read, file)
            if kept is None:
                return None
            self._kept[key] = kept
            while len(self._kept) > FACTS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return kept


def _read(file: MetainfoFile) -> TorrentFacts | None:
    raw = file.read()
    if raw is None:
        return None
    try:
        return TorrentFacts.of(Metainfo.parse(raw))
    except FormatError:
        return None


def files_of(metainfo: Metainfo) -> Files:
    """Arrange the files of a torrent by path and folder."""
    by_path: dict[tuple[str, ...], File] = {}
    folders: dict[tuple[str, ...], dict[str, None]] = {(): {}}
    padding: dict[tuple[str, ...], int] = {}
    for file in metainfo.info.files:
        if file.is_padding:
            padding[file.path] = file.length
        if "p" in file.attr or "l" in file.attr:
            continue
        by_path[file.path] = file
        for depth, component in enumerate(file.path):
            folders.setdefault(file.path[:depth], {})[component] = None
    return Files(
        is_folder=metainfo.info.is_folder,
        by_path=by_path,
        folders={path: tuple(names) for path, names in folders.items()},
        padding=padding,
        adapted=dict(adapted(by_path)),
    )
