"""What the tracker knows at one moment, as frozen values for pages, API and metrics to show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class TorrentRow:
    """One torrent of the tracker: what it is, if that is known, and who has it.

    The metainfo itself is not held: a folder of ten thousand torrents would be gigabytes of piece
    hashes. Ask the service for `metainfo_file(infohash)` where it is needed.

    Attributes:
        infohash: The 20 bytes that peers announce.
        name: The name inside the metainfo, as it was written there; escape it before showing it.
            None if only the infohash is known (open tracker, allow list).
        length: Size of the content in bytes, None if not known.
        complete: Connected seeders.
        downloading: Connected leechers.
        downloaded: Completed downloads that were reported, ever.
        transferred: `length` x `downloaded` in bytes, so without partial transfers; None if the
            length is not known.
        magnet: Magnet link, None if not even the metainfo is known.
        torrent_path: The .torrent file on disk, None if there is none.
        file_count: Number of files in the torrent, None if not known.
        version: `v1`, `v2` or `hybrid`, None if not known.
        infohash_v2: The full 32 bytes of BEP 52, None for v1 and unknown torrents.
        private: The metainfo says so (BEP 27).
        published_at: Unix time in seconds of the metainfo's creation date, else of its file.
        comment: The comment inside the metainfo, None if there is none.
        web_seeds: URLs of the metainfo's web seeds (BEP 19).
        group: The folder it was found in, where there are several; None without one.
        is_folder: It holds a folder, not one file.
        licence: Under which terms its content may be used, None if nobody says of it alone.
        torrent_tag: Changes with the .torrent file, None where there is none.
        about_tag: Changes with what is told of it beside that; None where nothing is.
    """

    infohash: bytes
    name: str | None = None
    length: int | None = None
    complete: int = 0
    downloading: int = 0
    downloaded: int = 0
    transferred: int | None = None
    magnet: str | None = None
    torrent_path: Path | None = None
    file_count: int | None = None
    version: str | None = None
    infohash_v2: bytes | None = None
    private: bool = False
    published_at: int | None = None
    comment: str | None = None
    web_seeds: tuple[str, ...] = ()
    group: str | None = None
    is_folder: bool = False
    licence: str | None = None
    torrent_tag: str | None = None
    about_tag: str | None = None

    @property
    def infohash_hex(self) -> str:
        """The infohash as 40 lower-case hexadecimal digits."""
        return self.infohash.hex()


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the torrents listed, with the meaning of the classic statistics page.

    Attributes:
        torrents: Torrents listed.
        length: Bytes of all torrents whose length is known.
        complete_ips: Different addresses among seeders; one that seeds two torrents counts once.
        complete: Connections of seeders.
        downloading_ips: Different addresses among leechers.
        downloading: Connections of leechers.
        downloaded: Completed downloads of the torrents listed now.
        downloaded_all: Completed downloads of all torrents ever counted, gone ones included.
        transferred: Bytes of all completed downloads of known length.
    """

    torrents: int = 0
    length: int = 0
    complete_ips: int = 0
    complete: int = 0
    downloading_ips: int = 0
    downloading: int = 0
    downloaded: int = 0
    downloaded_all: int = 0
    transferred: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One point of a torrent's history.

    Attributes:
        at: Unix time in seconds.
        complete: Seeders at that time.
        downloading: Leechers at that time.
        downloaded: Completed downloads up to that time.
    """

    at: int
    complete: int
    downloading: int
    downloaded: int


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer of a swarm, as it announced itself.

    Attributes:
        host: IPv4 or IPv6 address.
        port: Port it listens at.
        is_seeder: It said that nothing is left to download.
    """

    host: str
    port: int
    is_seeder: bool


class Extremes(NamedTuple):
    """One number over a stretch of time: how it began, ended, and what lay between."""

    first: int
    least: int
    most: int
    last: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the samples of a stretch of time say together.

    Attributes:
        began: Unix time in seconds of the first of them.
        ended: Unix time in seconds of the last of them.
        complete: Seeders.
        downloading: Leechers.
        downloaded: Completed downloads up to its end.
        is_after_gap: Nothing is known of the time between the stretch before and this one.
    """

    began: int
    ended: int
    complete: Extremes
    downloading: Extremes
    downloaded: int = 0
    is_after_gap: bool = False
