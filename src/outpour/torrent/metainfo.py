"""Turns a .torrent file into a frozen value and back, byte for byte.

The infohash is taken over the bytes of the info dictionary as they stand, never over a second
encoding, so that files which other tools wrote out of order keep the identity their swarm knows.
What readers disagree on is refused; what they agree on although it is unwise is left to `linter`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from outpour.base.errors import BencodeError, MetainfoError, ReadError, reason
from outpour.base.files import write_atomically
from outpour.base.text import from_bytes
from outpour.torrent import bencode
from outpour.torrent.bencode import LIMITS, Limits, Table, Value, collector_paused
from outpour.torrent.info import Dictionary, File, Info, Version, read_info
from outpour.torrent.merkle import HASH_LENGTH, root_of_layer

__all__ = ["File", "Info", "Metainfo", "Version"]

TRACKERS_MAX = 10_000
"""Trackers of one torrent; the longest public lists have some hundred."""


@dataclass(frozen=True, slots=True)
class Metainfo:
    """A .torrent file.

    Attributes:
        raw: The file as it is stored.
        info: The part that the infohash covers.
        announce: URL of the tracker (BEP 3).
        announce_list: Tiers of tracker URLs (BEP 12), empty when there is no such list.
        web_seeds: `url-list` (BEP 19).
        http_seeds: `httpseeds` (BEP 17).
        comment: Free text.
        created_by: The program that made it.
        creation_date: Seconds since 1970, UTC.
        nodes: DHT nodes as (host, port) (BEP 5).
        piece_layers: By pieces root, the hashes of a file's pieces (BEP 52).
        failure_reason: What a tracker that honours it answers announces with, refusing them.
        warning_message: What such a tracker adds to its answers.
        similar: Infohashes of torrents that share files with this one (BEP 38).
        collections: Names of the collections that it belongs to (BEP 38).
        unsorted_at: Offset in `raw` of the first key that is out of order, None when all are in
            order: some clients take the infohash over a second encoding, and find another one.
    """

    raw: bytes = field(repr=False)
    info: Info
    announce: str | None
    announce_list: tuple[tuple[str, ...], ...]
    web_seeds: tuple[str, ...]
    http_seeds: tuple[str, ...]
    comment: str | None
    created_by: str | None
    creation_date: int | None
    nodes: tuple[tuple[str, int], ...]
    piece_layers: Mapping[bytes, bytes] = field(repr=False)
    failure_reason: str | None = None
    warning_message: str | None = None
    similar: tuple[bytes, ...] = ()
    collections: tuple[str, ...] = ()
    unsorted_at: int | None = field(default=None, repr=False, compare=False)

    @property
    def tiers(self) -> tuple[tuple[str, ...], ...]:
        """The trackers a client asks, tier by tier: `announce-list` wins over `announce`."""
        if self.announce_list:
            return self.announce_list
        return ((self.announce,),) if self.announce else ()

    @classmethod
    def parse(cls, raw: bytes, *, origin: str = "metainfo", limits: Limits = LIMITS) -> Metainfo:
        """Read the bytes of a .torrent file.

        Args:
            raw: The whole file.
            origin: What messages call it.
            limits: What to spend at most.

        Raises:
            BencodeError: The bytes are not bencode.
            MetainfoError: They are, and are not a torrent, or are one that could harm.
        """
        try:
            with collector_paused(len(raw)):
                return _read(raw, bencode.read_dictionary(raw, limits=limits, strict=False))
        except BencodeError as error:
            detail = error.message.removeprefix("bencode: ")
            raise BencodeError(
                f"{origin}: not a torrent: {detail}", offset=error.offset, hint=error.hint
            ) from None
        except MetainfoError as error:
            raise MetainfoError(
                f"{origin}: {error.message}", field=error.field, hint=error.hint
            ) from None

    @classmethod
    def read(cls, path: str | os.PathLike[str], *, limits: Limits = LIMITS) -> Metainfo:
        """Read a .torrent file.

        Raises:
            ReadError: The file cannot be read.
            BencodeError: It is not bencode.
            MetainfoError: It is not a torrent, or is one that could harm.
        """
        try:
            # One byte beyond the limit is enough to be refused, whatever the file's size.
            with Path(path).open("rb") as file:
                raw = file.read(limits.length + 1)
        except OSError as error:
            raise ReadError(f"`{os.fspath(path)}`: {reason(error)}") from error
        return cls.parse(raw, origin=f"`{os.fspath(path)}`", limits=limits)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file as a whole: readers see the old one or the new one.

        Raises:
            WriteError: The file cannot be written.
        """
        write_atomically(Path(path), self.raw)


def _read(raw: bytes, table: Table) -> Metainfo:
    root = table.value
    info = root.get(b"info")
    if not isinstance(info, dict):
        what = "is missing" if info is None else "is not a dictionary"
        raise MetainfoError(f"`info` {what}", field="info")
    start, end = table.spans[b"info"]
    value = read_info(raw[start:end], info)
    announce = _text(root, b"announce")
    date = root.get(b"creation date")
    return Metainfo(
        raw=raw,
        info=value,
        announce=announce.strip() or None if announce is not None else None,
        announce_list=_tiers(root.get(b"announce-list")),
        web_seeds=_urls(root, b"url-list"),
        http_seeds=_urls(root, b"httpseeds"),
        comment=_text(root, b"comment"),
        created_by=_text(root, b"created by"),
        creation_date=date if isinstance(date, int) else None,
        nodes=_nodes(root.get(b"nodes")),
        piece_layers=_layers(root.get(b"piece layers"), value),
        failure_reason=_text(root, b"failure reason"),
        warning_message=_text(root, b"warning message"),
        similar=_similar(root, info),
        collections=_collections(root, info),
        unsorted_at=table.unsorted_at,
    )


def _text(root: Dictionary, key: bytes) -> str | None:
    value = root.get(key)
    if value is None:
        return None
    if not isinstance(value, bytes):
        name = key.decode()
        raise MetainfoError(f"`{name}` is not a string", field=name)
    return from_bytes(value)


def _tiers(value: Value | None) -> tuple[tuple[str, ...], ...]:
    # Some writers give a flat list; clients take each URL as a tier of its own.
    if value is None:
        return ()
    if not isinstance(value, list):
        raise MetainfoError("`announce-list` is not a list", field="announce-list")
    tiers: list[tuple[str, ...]] = []
    count = 0
    for tier in value:
        urls = tier if isinstance(tier, list) else [tier]
        texts = [from_bytes(url).strip() for url in urls if isinstance(url, bytes)]
        if len(texts) != len(urls):
            raise MetainfoError("`announce-list` holds no strings", field="announce-list")
        kept = tuple(text for text in texts if text)
        count += len(kept)
        if count > TRACKERS_MAX:
            raise MetainfoError(
                f"`announce-list` has more than {TRACKERS_MAX} trackers", field="announce-list"
            )
        if kept:
            tiers.append(kept)
    return tuple(tiers)


def _urls(root: Dictionary, key: bytes) -> tuple[str, ...]:
    # BEP 19 lets a single URL stand without its list.
    value = root.get(key)
    if value is None:
        return ()
    urls = value if isinstance(value, list) else [value]
    texts = [from_bytes(url).strip() for url in urls if isinstance(url, bytes)]
    if len(texts) != len(urls):
        name = key.decode()
        raise MetainfoError(f"`{name}` holds no strings", field=name)
    return tuple(text for text in texts if text)


def _nodes(value: Value | None) -> tuple[tuple[str, int], ...]:
    nodes: list[tuple[str, int]] = []
    for node in value if isinstance(value, list) else []:
        if not isinstance(node, list) or len(node) != 2:
            continue
        host, port = node
        if isinstance(host, bytes) and isinstance(port, int) and 0 < port < 65536:
            nodes.append((from_bytes(host), port))
    return tuple(nodes)


def _hints(root: Dictionary, info: Dictionary, key: bytes) -> list[bytes]:
    # BEP 38 lets both stand inside the info dictionary or beside it.
    values = [table.get(key) for table in (info, root)]
    return [
        item
        for value in values
        for item in (value if isinstance(value, list) else ())
        if isinstance(item, bytes)
    ]


def _similar(root: Dictionary, info: Dictionary) -> tuple[bytes, ...]:
    hashes = _hints(root, info, b"similar")
    return tuple(dict.fromkeys(digest for digest in hashes if len(digest) in {20, 32}))


def _collections(root: Dictionary, info: Dictionary) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(from_bytes, _hints(root, info, b"collections"))))


def _layers(value: Value | None, info: Info) -> Mapping[bytes, bytes]:
    if value is None:
        return MappingProxyType({})
    where = "piece layers"
    if not isinstance(value, dict):
        raise MetainfoError(f"`{where}` is not a dictionary", field=where)
    files = {file.pieces_root: file for file in info.files if file.pieces_root is not None}
    layers: dict[bytes, bytes] = {}
    for root, layer in value.items():
        file = files.get(root)
        if file is None or not isinstance(layer, bytes):
            raise MetainfoError(f"`{where}` belongs to no file of the torrent", field=where)
        count = -(-file.length // info.piece_length)
        if len(layer) != count * HASH_LENGTH or root_of_layer(layer, info.piece_length) != root:
            name = "/".join(file.path)
            raise MetainfoError(f"`{where}` does not lead to the root of `{name}`", field=where)
        layers[root] = layer
    return MappingProxyType(layers)
