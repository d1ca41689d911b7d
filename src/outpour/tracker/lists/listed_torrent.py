"""What the tracker keeps of a metainfo: enough for rows and links, without the piece hashes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

NOTICE_MAX = 500
"""Characters of what a torrent has to say to each of its peers."""

Signature = tuple[int, int, int, int]
"""A file as it was: times of change in nanoseconds around its size and inode."""


def signature_of(stat: os.stat_result) -> Signature:
    """What differs once a file was written to or replaced."""
    return stat.st_mtime_ns, stat.st_size, stat.st_ino, stat.st_ctime_ns


class Given(NamedTuple):
    """A torrent as a publisher gives it.

    Attributes:
        metainfo: The torrent.
        path: Its file, None without one.
        group: The folder of its content, where there are several.
        published_at: Unix time in seconds, None for the creation date.
        licence: Under which terms its content may be used, None if nobody says.
        about_tag: Changes with what is told of it beside its .torrent and the files that belong to
            it: description and checksums; None where nothing is.
    """

    metainfo: Metainfo
    path: Path | None = None
    group: str | None = None
    published_at: int | None = None
    licence: str | None = None
    about_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One torrent that is allowed and known.

    Attributes:
        infohash: The 20 bytes of its row: v1, or truncated v2.
        infohash_v2: The full 32 bytes of BEP 52, None for v1.
        aliases: Every 20-byte infohash that peers announce: two for a hybrid.
        name: As written in the metainfo.
        length: Bytes.
        file_count: Files without padding.
        version: `v1`, `v2` or `hybrid`.
        private: BEP 27.
        magnet: Magnet link.
        published_at: Unix time in seconds, of the creation date or else of the file.
        comment: The metainfo's comment.
        web_seeds: BEP 19.
        path: The .torrent file, None if it was allowed by a publisher without one.
        failure_reason: What its file wants announces to be refused with.
        warning_message: What its file wants peers to be told.
        metainfo_size: Bytes of the .torrent.
        signature: The .torrent file when it was read, None if there is none or nobody looked.
        group: The folder it was found in, where there are several; None without one.
        is_folder: It holds a folder, not one file.
        licence: Under which terms its content may be used, None if nobody says.
        about_tag: As in `Given`.
    """

    infohash: bytes
    infohash_v2: bytes | None
    aliases: tuple[bytes, ...]
    name: str
    length: int
    file_count: int
    version: str
    private: bool
    magnet: str
    published_at: int | None
    comment: str | None
    web_seeds: tuple[str, ...]
    path: Path | None
    failure_reason: str | None = None
    warning_message: str | None = None
    metainfo_size: int = 0
    signature: Signature | None = None
    group: str | None = None
    is_folder: bool = False
    licence: str | None = None
    about_tag: str | None = None

    @property
    def tag(self) -> str | None:
        """What differs once the .torrent file was written anew; None without a file."""
        return None if self.signature is None else f"{self.signature[0]:x}-{self.signature[1]:x}"

    @classmethod
    def of(
        cls,
        metainfo: Metainfo,
        path: Path | None = None,
        stat: os.stat_result | None = None,
        *,
        group: str | None = None,
        published_at: int | None = None,
    ) -> Listing:
        """Take from a metainfo what is worth keeping.

        Args:
            metainfo: The torrent.
            path: Its file.
            stat: Of the file it was read from.
            group: The folder it was found in.
            published_at: What is known better than by its creation date.
        """
        info = metainfo.info
        mtime_s = int(stat.st_mtime) if stat is not None else None
        dates = (published_at, metainfo.creation_date, mtime_s)
        hashes = (info.infohash_v1, info.infohash_v2)
        return cls(
            infohash=info.infohash,
            infohash_v2=info.infohash_v2,
            aliases=tuple(digest[:20] for digest in hashes if digest is not None),
            name=info.name,
            length=info.length,
            file_count=sum(not file.is_padding for file in info.files),
            version=info.version,
            private=info.private,
            magnet=str(Magnet.of(metainfo)),
            published_at=next((at for at in dates if at is not None), None),
            comment=metainfo.comment,
            web_seeds=metainfo.web_seeds,
            path=path,
            failure_reason=_notice(metainfo.failure_reason),
            warning_message=_notice(metainfo.warning_message),
            metainfo_size=stat.st_size if stat is not None else len(metainfo.raw),
            signature=signature_of(stat) if stat is not None else None,
            group=group,
            is_folder=info.is_folder,
        )

    @classmethod
    def given(cls, one: Given, stat: os.stat_result | None) -> Listing:
        """Take it from what a publisher gives; `stat` is of its file."""
        found = cls.of(one.metainfo, one.path, stat, group=one.group, published_at=one.published_at)
        if one.licence is None and one.about_tag is None:
            return found
        return replace(found, licence=one.licence, about_tag=one.about_tag)


def _notice(text: str | None) -> str | None:
    # A client's text of undecodable bytes could not be sent as UTF-8.
    return text.encode("utf-8", "replace").decode()[:NOTICE_MAX] if text else None
