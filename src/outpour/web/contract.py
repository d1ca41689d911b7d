"""What the web asks of the service behind it, and the options it is given.

Every call is made on the event loop and must be quick, unless it says otherwise; the asynchronous
ones read beside it. The web keeps nothing that the service changes, except where a comment says for
how long.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from outpour.base.errors import SettingsError, UsageError
from outpour.base.web_url import check_place
from outpour.tracker.cluster.cluster_figures import ClusterFigures
from outpour.tracker.figures import Sample, Stretch, TorrentRow, Totals
from outpour.tracker.lists.metainfo_file import MetainfoFile
from outpour.tracker.site_settings import SiteSettings
from outpour.tracker.views.usage_book import UsageBook
from outpour.web.limits import EVENT_CLIENTS_MAX


@dataclass(frozen=True, slots=True)
class ContentRoot:
    """Where the content of a torrent lies.

    Attributes:
        path: The file, or the folder.
        fence: The folder that no symbolic link may lead out of; None lets them lead anywhere.
        is_same: Tells by its path inside the torrent and its status whether a file is the one that
            the torrent was made of.
    """

    path: Path
    fence: Path | None
    is_same: Callable[[tuple[str, ...], os.stat_result], bool]


class View(Protocol):
    """The tracker, and the content if there is any, as the web sees them."""

    @property
    def version(self) -> str:
        """Version of the tracker, shown as `tracker version`."""

    def now(self) -> float:
        """Server time, in Unix seconds."""

    def rows(self) -> Sequence[TorrentRow]:
        """All torrents listed, in any order; of very many the largest swarms."""

    def row(self, infohash: bytes) -> TorrentRow | None:
        """The torrent with these 20 bytes, None if it is not listed."""

    def totals(self) -> Totals:
        """Sums over all torrents."""

    def walk(self, cursor: str, limit: int) -> tuple[Sequence[TorrentRow], str | None]:
        """A part of all torrents, also of those that `rows` leaves out, in an order of its own.

        Args:
            cursor: Empty for the first part, or what came with the part before.
            limit: Torrents in a part; there may be fewer or some more.

        Returns:
            The torrents, and the cursor of the next part, None after the last.

        Raises:
            ValueError: It is no cursor.
        """

    def revision(self) -> object:
        """Changes whenever a torrent or its content comes or goes."""

    async def history(self, infohash: bytes) -> Sequence[Sample]:
        """Samples of a swarm, oldest first."""

    async def outlines(
        self, infohashes: Sequence[bytes], parts_max: int
    ) -> Mapping[bytes, Sequence[Stretch]]:
        """The histories of swarms in at most so many stretches; without those that have none.

        What was read before is there at once, until the next sample.
        """

    async def stretches(self, infohash: bytes, since: int, step_s: int) -> Sequence[Stretch]:
        """What is known of a swarm from Unix second `since` on, in stretches of `step_s` seconds.

        Stretches begin at multiples of `step_s`; the first may be the single moment `since`, with
        what was true by then. One of which nothing is known is left out.
        """

    def gone(self, infohash: bytes) -> TorrentRow | None:
        """A torrent that was listed once and is so no longer, None if it never was or still is."""

    def metainfo_file(self, infohash: bytes) -> MetainfoFile | None:
        """The .torrent to hand out, None if there is none; from any thread."""

    def content(self, infohash: bytes) -> ContentRoot | None:
        """Where the content lies; from any thread. None if it is not served here."""

    def made_checksums(self, infohash: bytes) -> Sequence[bytes]:
        """The SHA-256 of a torrent's files in its order, without pads; empty if none are known.

        It may read a disk: to be called beside the event loop.
        """

    def counters(self) -> Mapping[str, int]:
        """Counters since start by the names of `_core.Tracker.counters`."""

    @property
    def usage(self) -> UsageBook:
        """Who uses the tracker and who is turned away, and what becomes of requests."""

    def unready(self) -> str | None:
        """Why others are not to be sent here yet, None once they may be."""

    def cluster_figures(self) -> ClusterFigures | None:
        """The other trackers that act as one with this, None where it is alone."""

    def fault(self) -> str | None:
        """Why announces are no longer answered, None while they are."""


@dataclass(frozen=True, slots=True)
class WebOptions:
    """What an operator decides about the web side.

    Attributes:
        site: What the pages say of their publisher.
        name: The title where `site` has none.
        is_classic: `/` is the page of the classic trackers.
        public_url: Where visitors reach `/`, for links that must be absolute. None: from the
            request's `Host`. A path in it (`https://example.org/files/`) is put before all links.
        trusted_proxies: Networks of reverse proxies whose `X-Forwarded-For` and
            `X-Forwarded-Proto` are believed.
        event_clients_max: Open event streams.
        is_open: Any torrent is tracked, so visitors are told where to announce.
        udp_port: Where announces over UDP are answered, None if they are not.

    Raises:
        SettingsError: `public_url` is not an http or https URL.
    """

    site: SiteSettings = SiteSettings()  # noqa: RUF009 - it is frozen
    name: str = "outpour"
    is_classic: bool = False
    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    event_clients_max: int = EVENT_CLIENTS_MAX
    is_open: bool = False
    udp_port: int | None = None

    def __post_init__(self) -> None:
        if self.public_url is None:
            return
        try:
            check_place(self.public_url)
            is_usable = urlsplit(self.public_url).scheme in ("http", "https")
        except UsageError:
            is_usable = False
        if is_usable and "@" in urlsplit(self.public_url).netloc:
            raise SettingsError("`public_url`: has a login in it, which others would read")
        if not is_usable:
            raise SettingsError(
                f"`{self.public_url}`: not an http or https URL",
                hint="write it as visitors do, such as `https://example.org/`",
            )

    @property
    def title(self) -> str:
        """Heading of the page and title of the feed."""
        return self.site.title or self.name

    @property
    def prefix(self) -> str:
        """The path of `public_url` without its last slash: empty, or `/files`."""
        return urlsplit(self.public_url).path.rstrip("/") if self.public_url else ""
