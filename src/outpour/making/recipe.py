"""What a new torrent says beside its content, as its maker chose it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from outpour._core import __version__
from outpour.base import arguments
from outpour.base.errors import SettingsError, UsageError
from outpour.base.text import is_utf8, printable
from outpour.making.symlinks import Symlinks
from outpour.torrent.bencode import Encodable
from outpour.torrent.editor import web_seed_url
from outpour.torrent.info import Version

CREATION_DATE_VARIABLE = "SOURCE_DATE_EPOCH"
"""What build systems set so that equal input gives equal output."""


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """What a new torrent says beside its content, and what of the content it takes.

    What is clearly meant is taken: one text for a sequence of it, `1MiB` for its bytes.

    Attributes:
        trackers: Tiers of announce URLs (BEP 12).
        web_seeds: URLs where the content is served as it is (BEP 19).
        http_seeds: URLs of scripts that serve it (BEP 17).
        nodes: DHT nodes to begin with, as (host, port) (BEP 5).
        similar: Infohashes, 20 or 32 bytes each, of torrents that share files with this one
            (BEP 38). They are part of the infohash, as are `collections`, `private` and `source`.
        collections: Names of collections that it belongs to (BEP 38).
        comment: Free text.
        private: Ask clients to meet peers through the trackers only (BEP 27).
        source: Text that changes the infohash, so that a tracker knows its own torrents.
        piece_length: Bytes, a power of two from 16 KiB; chosen by `pick_piece_length` if None.
        piece_count: Choose the least piece length that makes at most so many pieces, instead.
        created_by: The program that made it, None to leave it out.
        creation_date: Seconds since 1970; None to leave it out. `now` is `SOURCE_DATE_EPOCH` when
            the environment has it.
        name: Of the root folder or only file, when it shall differ from the one on disk.
        format: `v1` for all clients, `v2` for new ones, `hybrid` for both.
        align: Begin every file on a piece in v1 too, with padding between (BEP 47).
        attributes: Say which files are executable (BEP 47).
        threads: How many hash; one a core by default.
        checksums: Make the SHA-256 of each file, too; they stand beside the torrent, not in it.
        hidden, junk, symlinks, include, exclude, any_bytes: What to take; see `walker.walk`.

    Raises:
        UsageError: A value is of another kind than its field; the message says what to pass.
    """

    trackers: tuple[tuple[str, ...], ...] = ()
    web_seeds: tuple[str, ...] = ()
    http_seeds: tuple[str, ...] = ()
    nodes: tuple[tuple[str, int], ...] = ()
    similar: tuple[bytes, ...] = ()
    collections: tuple[str, ...] = ()
    comment: str | None = None
    private: bool = False
    source: str | None = None
    piece_length: int | None = None
    piece_count: int | None = None
    created_by: str | None = f"outpour {__version__}"
    creation_date: int | Literal["now"] | None = "now"
    name: str | None = None
    format: Version = "v1"
    align: bool = False
    attributes: bool = False
    threads: int | None = None
    checksums: bool = False
    hidden: bool = False
    junk: bool = False
    symlinks: Symlinks = "inside"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    any_bytes: bool = False

    def __post_init__(self) -> None:
        for name, read in _READERS.items():
            object.__setattr__(self, name, read(getattr(self, name), name))

    def check(self) -> None:
        """Refuse what contradicts itself or can stand in no torrent.

        Raises:
            UsageError: It does.
        """
        for what, texts in (
            ("URL", [url for tier in self.trackers for url in tier]),
            ("URL", [*self.web_seeds, *self.http_seeds]),
            ("node", [host for host, _ in self.nodes]),
            ("collection", self.collections),
            ("comment", [self.comment]),
            ("source", [self.source]),
            ("creator", [self.created_by]),
        ):
            for text in texts:
                if text is not None and not is_utf8(text):
                    raise UsageError(f"{what} `{printable(text)}`: is not UTF-8")
        for digest in self.similar:
            if len(digest) not in {20, 32}:
                raise UsageError(f"similar: `{digest.hex()}` is no infohash of 20 or 32 bytes")
        for _, port in self.nodes:
            if not 0 < port < 65536:
                raise UsageError(f"node: {port} is not a port from 1 to 65535")
        if self.piece_length is not None and self.piece_count is not None:
            raise UsageError("piece length: contradicts the number of pieces")
        if self.any_bytes and self.format != "v1":
            raise UsageError(f"names that are not UTF-8: {self.format} cannot hold them (BEP 52)")
        if self.align and self.format == "v2":
            raise UsageError("alignment: v2 has no padding, every file begins on a piece anyway")

    def root(self, *, is_folder: bool) -> dict[str, Encodable]:
        """What stands beside the info dictionary.

        Args:
            is_folder: Whether web seeds serve a folder.

        Raises:
            SettingsError: `SOURCE_DATE_EPOCH` is not a number.
        """
        root: dict[str, Encodable] = {}
        tiers = [list(tier) for tier in self.trackers if tier]
        if tiers:
            root["announce"] = tiers[0][0]
        if sum(map(len, tiers)) > 1:
            root["announce-list"] = tiers
        if self.web_seeds:
            seeds = (web_seed_url(url, is_folder=is_folder) for url in self.web_seeds)
            root["url-list"] = list(dict.fromkeys(seeds))
        if self.http_seeds:
            root["httpseeds"] = list(self.http_seeds)
        if self.nodes:
            root["nodes"] = [[host, port] for host, port in self.nodes]
        if self.comment is not None:
            root["comment"] = self.comment
        if self.created_by is not None:
            root["created by"] = self.created_by
        date = _now() if self.creation_date == "now" else self.creation_date
        if date is not None:
            root["creation date"] = date
        return root

    def info(self) -> dict[str, Encodable]:
        """What the info dictionary says beside the content."""
        info: dict[str, Encodable] = {}
        if self.private:
            info["private"] = 1
        if self.source is not None:
            info["source"] = self.source
        if self.similar:
            info["similar"] = list(self.similar)
        if self.collections:
            info["collections"] = list(self.collections)
        return info


def _date(value: object, what: str) -> object:
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value if value == "now" else arguments.number(value, what)


_READERS: dict[str, Callable[[object, str], object]] = {
    "trackers": arguments.tiers,
    **dict.fromkeys(
        ("web_seeds", "http_seeds", "collections", "include", "exclude"), arguments.texts
    ),
    "nodes": arguments.nodes,
    "similar": arguments.hashes,
    **dict.fromkeys(("comment", "source", "created_by", "name"), arguments.text),
    **dict.fromkeys(
        ("private", "align", "attributes", "hidden", "junk", "any_bytes", "checksums"),
        arguments.flag,
    ),
    "piece_length": arguments.size,
    **dict.fromkeys(("piece_count", "threads"), arguments.number),
    "creation_date": _date,
    "format": lambda value, what: arguments.choice(value, get_args(Version), what),
    "symlinks": lambda value, what: arguments.choice(value, get_args(Symlinks), what),
}
"""How each field is read."""


def _now() -> int:
    fixed = os.environ.get(CREATION_DATE_VARIABLE)
    if not fixed:
        return int(time.time())
    if not fixed.isascii() or not fixed.isdigit():
        raise SettingsError(
            f"`{CREATION_DATE_VARIABLE}`: `{printable(fixed)}` is not a number of seconds since "
            "1970"
        )
    return int(fixed)
