"""Turns a .torrent file into a frozen value and back, byte for byte.

The infohash is taken over the bytes of the info dictionary as they stand, never over a second
encoding, so that files which other tools wrote out of order keep the identity their swarm knows.
What readers disagree on is refused. What most of them take is read as they read it, however
malformed, and told by `linter`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from outpour.base import arguments
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
        trailing: Bytes of `raw` behind the torrent, which no client reads.
        malformed: Keys that are read as absent, because they are not of their type or hold
            something else; those of the info dictionary begin with `info.`.
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
    trailing: int = field(default=0, repr=False, compare=False)
    malformed: tuple[str, ...] = field(default=(), repr=False, compare=False)

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
                f"{origin}: not a torrent: {detail}",
                offset=error.offset,
                hint=error.hint or _hint_on(raw),
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
        shown = arguments.path(path, "path")
        try:
            # One byte beyond the limit is enough to be refused, whatever the file's size.
            with Path(shown).open("rb") as file:
                raw = file.read(limits.length + 1)
        except OSError as error:
            raise ReadError(f"`{shown}`: {reason(error)}") from error
        return cls.parse(raw, origin=f"`{shown}`", limits=limits)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file as a whole: readers see the old one or the new one.

        Raises:
            WriteError: The file cannot be written.
        """
        write_atomically(Path(path), self.raw)


def _hint_on(raw: bytes) -> str | None:
    """What it is that was taken for a torrent, as far as its first bytes tell."""
    if not raw:
        return "the file is empty"
    begin = raw[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if begin.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        return "it is a web page, as servers send instead: get the file again, signed in if need be"
    if begin.startswith(b"magnet:"):
        return "it holds a magnet link: give the link itself"
    if begin.startswith(b"\x1f\x8b"):
        return "it is packed with gzip: unpack it"
    return None


def _read(raw: bytes, table: Table) -> Metainfo:
    root = table.value
    info = root.get(b"info")
    if not isinstance(info, dict):
        what = "is missing" if info is None else "is not a dictionary"
        raise MetainfoError(f"`info` {what}", field="info")
    start, end = table.spans[b"info"]
    value = read_info(raw[start:end], info)
    fields = _Fields(root)
    announce = fields.text(b"announce")
    date = root.get(b"creation date")
    fields.pass_over(date is not None and not isinstance(date, int), b"creation date")
    return Metainfo(
        raw=raw,
        info=value,
        announce=announce.strip() or None if announce is not None else None,
        announce_list=fields.tiers(),
        web_seeds=fields.urls(b"url-list"),
        http_seeds=fields.urls(b"httpseeds"),
        comment=fields.text(b"comment"),
        created_by=fields.text(b"created by"),
        creation_date=date if isinstance(date, int) else None,
        nodes=_nodes(root.get(b"nodes")),
        piece_layers=_layers(root.get(b"piece layers"), value),
        failure_reason=fields.text(b"failure reason"),
        warning_message=fields.text(b"warning message"),
        similar=_similar(root, info),
        collections=_collections(root, info),
        unsorted_at=table.unsorted_at,
        trailing=len(raw) - table.end,
        malformed=(*dict.fromkeys(fields.malformed), *value.malformed),
    )


class _Fields:
    """Reads what stands beside the info dictionary, as clients do: what is malformed is absent.

    Attributes:
        malformed: The keys of which something was passed over.
    """

    def __init__(self, root: Dictionary) -> None:
        self._root = root
        self.malformed: list[str] = []

    def pass_over(self, is_malformed: bool, key: bytes) -> None:
        if is_malformed:
            self.malformed.append(key.decode())

    def text(self, key: bytes) -> str | None:
        value = self._root.get(key)
        if isinstance(value, bytes):
            return from_bytes(value)
        self.pass_over(value is not None, key)
        return None

    def tiers(self) -> tuple[tuple[str, ...], ...]:
        key = b"announce-list"
        value = self._root.get(key)
        self.pass_over(value is not None and not isinstance(value, list), key)
        tiers: list[tuple[str, ...]] = []
        count = 0
        for tier in value if isinstance(value, list) else ():
            # A list without tiers is no list to clients, and they ask `announce` instead.
            urls = tier if isinstance(tier, list) else []
            texts = [from_bytes(url).strip() for url in urls if isinstance(url, bytes)]
            self.pass_over(not isinstance(tier, list) or len(texts) != len(urls), key)
            kept = tuple(text for text in texts if text)
            count += len(kept)
            if count > TRACKERS_MAX:
                raise MetainfoError(
                    f"`announce-list` has more than {TRACKERS_MAX} trackers", field="announce-list"
                )
            if kept:
                tiers.append(kept)
        return tuple(tiers)

    def urls(self, key: bytes) -> tuple[str, ...]:
        # BEP 19 lets a single URL stand without its list.
        value = self._root.get(key)
        if value is None:
            return ()
        urls = value if isinstance(value, list) else [value]
        texts = [from_bytes(url).strip() for url in urls if isinstance(url, bytes)]
        self.pass_over(len(texts) != len(urls), key)
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
    # Without the tree that they belong to, layers say nothing.
    if not isinstance(value, dict) or info.meta_version == 1:
        return MappingProxyType({})
    where = "piece layers"
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
