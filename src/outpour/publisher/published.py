"""What is published at this moment."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from outpour.publisher.entries import PublishEntry
from outpour.publisher.file_identities import FileIdentities
from outpour.publisher.sight import Sight
from outpour.torrent.metainfo import Metainfo


@dataclass(frozen=True, slots=True)
class Publication:
    """One entry that is published.

    Attributes:
        entry: Where its content is.
        fingerprint: The state of the content that the torrent was made of.
        infohash: The 20 bytes that peers announce.
        aliases: All that they may announce: two for a hybrid.
        name: The torrent's name.
        length: Bytes.
        file_count: Files without padding.
        files: What tells whether a file is still the one that was hashed.
        fence: The folder that no link may lead out of, None where the content was named itself.
        is_folder: It is a folder of files, not one file.
        modified_at: Unix second in which the content was last written to.
        sha256: Of the only file of a torrent that is no folder, None if it was not made.
        has_checksums: The SHA-256 of its files are known.
    """

    entry: PublishEntry
    fingerprint: bytes
    infohash: bytes
    aliases: tuple[bytes, ...]
    name: str
    length: int
    file_count: int
    files: FileIdentities = field(repr=False)
    fence: Path | None
    is_folder: bool = False
    modified_at: int = 0
    sha256: bytes | None = None
    has_checksums: bool = False

    @property
    def about_tag(self) -> str | None:
        """Changes with what is told of it beside its .torrent: a description, and checksums."""
        text = self.entry.listed.text if self.entry.listed else None
        if text is None and not self.has_checksums:
            return None
        # Of the same content there are the same checksums, but those that somebody else gave.
        told = repr((text, self.sha256, self.has_checksums)).encode("utf-8", "surrogateescape")
        return hashlib.blake2b(told, digest_size=8).hexdigest()

    @classmethod
    def of(
        cls, entry: PublishEntry, sight: Sight, metainfo: Metainfo, checksums: Sequence[bytes] = ()
    ) -> Publication:
        """Describe the publication of an entry."""
        info = metainfo.info
        date, given = (entry.listed.date, entry.listed.sha256) if entry.listed else (None, None)
        digests = (info.infohash_v1, info.infohash_v2)
        tree = sight.tree
        return cls(
            entry,
            sight.fingerprint,
            info.infohash,
            tuple(digest[:20] for digest in digests if digest is not None),
            info.name,
            info.length,
            len(tree.entries),
            FileIdentities(tree.entries, is_folder=tree.is_folder),
            entry.path if tree.is_folder and not entry.is_link else entry.folder,
            tree.is_folder,
            # A clock ahead of ours would keep it the newest for ever.
            min(sight.newest_ns // 10**9 if date is None else date, int(time.time())),
            None if tree.is_folder else checksums[0] if checksums else given,
            bool(checksums or given),
        )


class PublishedTorrents:
    """Publications by path, by infohash and by name.

    Invariant: all tables hold the same publications, and no two have one name.

    Attributes:
        revision: Changes with what is published.
    """

    def __init__(self) -> None:
        self.revision = 0
        self._by_path: dict[Path, Publication] = {}
        self._by_infohash: dict[bytes, Publication] = {}
        self._by_alias: dict[bytes, Publication] = {}
        self._by_name: dict[str, Publication] = {}
        self._length = 0
        self._resting: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._by_path)

    @property
    def length(self) -> int:
        """Bytes of all content."""
        return self._length

    def put(self, publication: Publication) -> None:
        """Publish."""
        self.revision += 1
        self._by_path[publication.entry.path] = publication
        self._by_infohash[publication.infohash] = publication
        self._by_alias.update(dict.fromkeys(publication.aliases, publication))
        self._by_name[publication.name] = publication
        self._length += publication.length

    def take(self, path: Path) -> Publication:
        """Withdraw."""
        self.revision += 1
        publication = self._by_path.pop(path)
        del self._by_infohash[publication.infohash]
        for alias in publication.aliases:
            self._by_alias.pop(alias, None)
        del self._by_name[publication.name]
        self._length -= publication.length
        return publication

    def rest(self, infohash: bytes) -> None:
        """Have no content given out of what is being looked at."""
        self.revision += 1
        self._resting.add(infohash)

    def go_on(self, infohash: bytes) -> None:
        """Have it given out again."""
        self.revision += 1
        self._resting.discard(infohash)

    def is_resting(self, infohash: bytes) -> bool:
        """Whether no content of this is given out now; from any thread."""
        return infohash in self._resting

    def at(self, path: Path) -> Publication | None:
        """The publication of this content."""
        return self._by_path.get(path)

    def by_infohash(self, infohash: bytes) -> Publication | None:
        """The publication with this infohash."""
        return self._by_infohash.get(infohash)

    def by_alias(self, infohash: bytes) -> Publication | None:
        """The publication that peers announce under this infohash, its own or another."""
        return self._by_alias.get(infohash)

    def named(self, name: str) -> Publication | None:
        """The publication with this name."""
        return self._by_name.get(name)

    def all(self) -> tuple[Publication, ...]:
        """Everything that is published; a copy."""
        return tuple(self._by_path.values())

    def infohashes(self) -> tuple[bytes, ...]:
        """Of everything that is published, the own one of each."""
        return tuple(self._by_infohash)

    def paths(self) -> tuple[Path, ...]:
        """Everything that is published."""
        return tuple(self._by_path)
