"""The URLs of a torrent with the key of whoever downloads it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from outpour.torrent.editor import Changes, edit, set_trackers
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

ANNOUNCE = "/announce"
CONTENT = "/content/"


@dataclass(frozen=True, slots=True)
class KeyedUrls:
    """Puts a key into the URLs that lead to this tracker.

    Attributes:
        key: The key.
        announce_url: Where a client announces with it, if a torrent names no tracker of ours.
        prefix: Path before all others, empty or such as `/files`.
        hosts: Names and addresses of this tracker.
    """

    key: str
    announce_url: str
    prefix: str
    hosts: Collection[str]

    def metainfo(self, raw: bytes) -> bytes:
        """Put it into a .torrent; the infohash stays.

        Raises:
            FormatError: It is none.
        """
        metainfo = Metainfo.parse(raw)
        metainfo = set_trackers(metainfo, self._tiers(metainfo.tiers, metainfo.info.private))
        seeds = [self._of(url) or url for url in metainfo.web_seeds]
        if seeds != list(metainfo.web_seeds):
            metainfo = edit(metainfo, Changes(web_seeds=seeds))
        return metainfo.raw

    def magnet(self, text: str, *, is_private: bool) -> str:
        """Put it into a magnet link."""
        magnet = Magnet.parse(text)
        tiers = self._tiers(magnet.tiers, is_private)
        return str(
            replace(
                magnet,
                trackers=tuple(dict.fromkeys(url for tier in tiers for url in tier)),
                web_seeds=tuple(self._of(url) or url for url in magnet.web_seeds),
            )
        )

    def _tiers(self, tiers: Sequence[Sequence[str]], is_private: bool) -> Sequence[Sequence[str]]:
        keyed = [[self._of(url) or url for url in tier] for tier in tiers]
        if any(map(self._of, (url for tier in tiers for url in tier))):
            return keyed
        # It was made for another address of this tracker, or for another tracker.
        return [[self.announce_url], *([] if is_private else keyed)]

    def _of(self, url: str) -> str | None:
        """The same URL with the key, None if it leads elsewhere."""
        try:
            parts = urlsplit(url)
            if parts.hostname not in self.hosts:
                return None
        except ValueError:
            return None
        if parts.path.endswith(ANNOUNCE):
            # There may be a key in it, of whoever it was downloaded by before.
            return parts._replace(path=f"{self.prefix}/{self.key}{ANNOUNCE}").geturl()
        if parts.path.startswith(self.prefix + CONTENT):
            path = f"{self.prefix}/{self.key}{parts.path[len(self.prefix) :]}"
            return parts._replace(path=path).geturl()
        return None
