"""What is published at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from outpour.publisher.entries import PublishEntry
from outpour.torrent.metainfo import Metainfo


@dataclass(frozen=True, slots=True)
class Publication:
    """One entry that is published.

    Attributes:
        entry: Where its content is.
        fingerprint: The state of the content that the torrent was made of.
        infohash: The 20 bytes that peers announce.
        name: The torrent's name.
    """

    entry: PublishEntry
    fingerprint: bytes
    infohash: bytes
    name: str

    @classmethod
    def of(cls, entry: PublishEntry, fingerprint: bytes, metainfo: Metainfo) -> Publication:
        """Describe the publication of an entry."""
        return cls(entry, fingerprint, metainfo.info.infohash, metainfo.info.name)


class PublishedTorrents:
    """Publications by path, by infohash and by name.

    Invariant: all tables hold the same publications, and no two have one name.
    """

    def __init__(self) -> None:
        self._by_path: dict[Path, Publication] = {}
        self._by_infohash: dict[bytes, Publication] = {}
        self._by_name: dict[str, Publication] = {}

    def __len__(self) -> int:
        return len(self._by_path)

    def put(self, publication: Publication) -> None:
        """Publish."""
        self._by_path[publication.entry.path] = publication
        self._by_infohash[publication.infohash] = publication
        self._by_name[publication.name] = publication

    def take(self, path: Path) -> Publication:
        """Withdraw."""
        publication = self._by_path.pop(path)
        del self._by_infohash[publication.infohash]
        del self._by_name[publication.name]
        return publication

    def at(self, path: Path) -> Publication | None:
        """The publication of this content."""
        return self._by_path.get(path)

    def by_infohash(self, infohash: bytes) -> Publication | None:
        """The publication with this infohash."""
        return self._by_infohash.get(infohash)

    def named(self, name: str) -> Publication | None:
        """The publication with this name."""
        return self._by_name.get(name)

    def paths(self) -> tuple[Path, ...]:
        """Everything that is published."""
        return tuple(self._by_path)
