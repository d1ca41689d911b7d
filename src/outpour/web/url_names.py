"""The torrents of a view by the names they have in URLs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyio import to_thread

from outpour.base.cached import Cached
from outpour.base.errors import FormatError
from outpour.torrent.disk_names import safe_name
from outpour.torrent.metainfo import File, Metainfo
from outpour.tracker.figures import TorrentRow, Totals
from outpour.web.contract import View
from outpour.web.limits import CONTENT_FOLDERS_KEPT, COST_FACTOR


@dataclass(frozen=True, slots=True)
class Names:
    """Which name leads to which torrent.

    Attributes:
        metainfo: `NAME.torrent` to infohash.
        metainfo_of: The same, the other way round.
        content: Torrent name to infohash, for torrents whose content is served.
        content_of: The same, the other way round.
    """

    metainfo: Mapping[str, bytes]
    metainfo_of: Mapping[bytes, str]
    content: Mapping[str, bytes]
    content_of: Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class Files:
    """The file list of one torrent.

    Attributes:
        is_folder: The torrent holds a folder, not one file.
        by_path: Each file by its path inside the torrent; pad files and links are left out.
        folders: The names in each folder, files and folders alike.
    """

    is_folder: bool
    by_path: Mapping[tuple[str, ...], File]
    folders: Mapping[tuple[str, ...], Sequence[str]]


class UrlNames:
    """Rows, names and file lists of a view."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._rows = Cached(lambda: tuple(view.rows()), cost_factor=COST_FACTOR)
        self._totals = Cached(view.totals, cost_factor=COST_FACTOR)
        self._names = Cached(self._name, cost_factor=COST_FACTOR)
        self._files: OrderedDict[bytes, Files] = OrderedDict()

    def rows(self) -> tuple[TorrentRow, ...]:
        """All torrents."""
        return self._rows.get()

    def totals(self) -> Totals:
        """Sums over all torrents."""
        return self._totals.get()

    def names(self) -> Names:
        """The names of all torrents."""
        return self._names.get()

    async def metainfo(self, infohash: bytes) -> Metainfo | None:
        """Read the metainfo of a torrent, None if there is none that can be read."""
        raw = self._view.metainfo_bytes(infohash)
        if raw is None:
            return None
        try:
            return await to_thread.run_sync(Metainfo.parse, raw)
        except FormatError:
            return None

    async def files(self, infohash: bytes) -> Files | None:
        """The files of a torrent. Kept, as an infohash never means other files."""
        kept = self._files.get(infohash)
        if kept is None:
            metainfo = await self.metainfo(infohash)
            if metainfo is None:
                return None
            kept = self._files[infohash] = await to_thread.run_sync(files_of, metainfo)
            while len(self._files) > CONTENT_FOLDERS_KEPT:
                self._files.popitem(last=False)
        self._files.move_to_end(infohash)
        return kept

    def _name(self) -> Names:
        metainfo: dict[str, bytes] = {}
        content: dict[str, bytes] = {}
        # The newest torrent of a name has the plain URL; the infohash settles equal times, so
        # that a URL means the same torrent after a restart.
        newest_first = sorted(
            (row for row in self.rows() if row.name is not None),
            key=lambda row: (-(row.published_at or 0), row.infohash),
        )
        for row in newest_first:
            name = safe_name(str(row.name))
            plain = f"{name}.torrent"
            marked = f"{name}-{row.infohash_hex[:8]}.torrent"
            metainfo[marked if plain in metainfo else plain] = row.infohash
            if name not in content and self._view.content(row.infohash) is not None:
                content[name] = row.infohash
        return Names(
            metainfo=metainfo,
            metainfo_of={infohash: name for name, infohash in metainfo.items()},
            content=content,
            content_of={infohash: name for name, infohash in content.items()},
        )


def files_of(metainfo: Metainfo) -> Files:
    """Arrange the files of a torrent by path and folder."""
    by_path: dict[tuple[str, ...], File] = {}
    folders: dict[tuple[str, ...], dict[str, None]] = {(): {}}
    for file in metainfo.info.files:
        if "p" in file.attr or "l" in file.attr:
            continue
        by_path[file.path] = file
        for depth, component in enumerate(file.path):
            folders.setdefault(file.path[:depth], {})[component] = None
    return Files(
        is_folder=metainfo.info.is_folder,
        by_path=by_path,
        folders={path: tuple(names) for path, names in folders.items()},
    )
