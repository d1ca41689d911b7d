"""Turns two torrents into the list of what one has and the other has not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outpour.base.text import from_bytes
from outpour.torrent.bencode import Value, decode
from outpour.torrent.info import File, Info
from outpour.torrent.metainfo import Metainfo

VALUE_LENGTH_MAX = 200
"""Characters shown of a field that outpour does not know."""
_KNOWN = frozenset(
    b"announce/announce-list/comment/created by/creation date/encoding/httpseeds/info/nodes/"
    b"piece layers/url-list/similar/collections".split(b"/")
)
_KNOWN_INSIDE = frozenset(
    b"name/name.utf-8/piece length/pieces/private/source/length/files/file tree/meta version/"
    b"attr/symlink path/similar/collections".split(b"/")
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field or file that differs.

    Attributes:
        field: What it is: `infohash`, `trackers`, ..., or `file`.
        old, new: What each has, None for nothing.
        name: Of a file, its path.
    """

    field: str
    old: str | None
    new: str | None
    name: str | None = None

    @property
    def label(self) -> str:
        """What to call it in a line."""
        return self.name if self.name is not None else self.field


def compare(old: Metainfo, new: Metainfo) -> tuple[Difference, ...]:
    """Say in what two torrents differ: first fields, then files.

    Example:
        >>> compare(metainfo, metainfo)  # doctest: +SKIP
        ()
    """
    before, after = dict(_fields(old)), dict(_fields(new))
    fields = [
        Difference(name, before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    ]
    return (*fields, *_files(old.info, new.info))


def _fields(metainfo: Metainfo) -> Iterator[tuple[str, str]]:
    info = metainfo.info
    if info.infohash_v1 is not None:
        yield "infohash", info.infohash_v1.hex()
    if info.infohash_v2 is not None:
        yield "infohash v2", info.infohash_v2.hex()
    for name, value in (
        ("name", info.name),
        ("version", info.version),
        ("kind", "folder" if info.is_folder else "file"),
        ("length", str(info.length)),
        ("piece length", str(info.piece_length)),
        ("private", "yes" if info.private else None),
        ("source", info.source),
        ("trackers", _joined([" ".join(tier) for tier in metainfo.tiers])),
        ("announce", metainfo.announce),
        ("web seeds", _joined(metainfo.web_seeds)),
        ("http seeds", _joined(metainfo.http_seeds)),
        ("nodes", _joined([f"{host}:{port}" for host, port in metainfo.nodes])),
        ("similar", _joined([digest.hex() for digest in metainfo.similar])),
        ("collections", _joined(metainfo.collections)),
        ("comment", metainfo.comment),
        ("created by", metainfo.created_by),
        ("creation date", _number(metainfo.creation_date)),
        ("piece layers", _number(len(metainfo.piece_layers) or None)),
    ):
        if value is not None:
            yield name, value
    root, inside = _read(metainfo.raw), _read(info.raw)
    for prefix, table, known in (("", root, _KNOWN), ("info.", inside, _KNOWN_INSIDE)):
        for key in sorted(table.keys() - known):
            yield f"{prefix}{from_bytes(key)}", _shown(table[key])


def _read(raw: bytes) -> dict[bytes, Value]:
    value = decode(raw, strict=False)
    assert isinstance(value, dict)
    return value


def _joined(values: Sequence[str]) -> str | None:
    return ", ".join(values) or None


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)


def _shown(value: Value) -> str:
    text = from_bytes(value) if isinstance(value, bytes) else repr(value)
    return text if len(text) <= VALUE_LENGTH_MAX else f"{text[:VALUE_LENGTH_MAX]}…"


def _files(old: Info, new: Info) -> Iterator[Difference]:
    before, after = _by_path(old), _by_path(new)
    # Without a hash of a file on both sides, nothing but its length tells.
    hashed = old.infohash_v2 is not None and new.infohash_v2 is not None
    for path in dict.fromkeys((*before, *after)):
        one, other = before.get(path), after.get(path)
        if one is None or other is None or _told(one, hashed) != _told(other, hashed):
            yield Difference("file", _told(one, hashed), _told(other, hashed), "/".join(path))


def _by_path(info: Info) -> dict[tuple[str, ...], File]:
    return {file.path if info.is_folder else (): file for file in info.files if not file.is_padding}


def _told(file: File | None, hashed: bool) -> str | None:
    if file is None:
        return None
    parts = [f"{file.length} bytes"]
    if file.attr:
        parts.append(f"attr {file.attr}")
    if file.symlink is not None:
        parts.append(f"link to {'/'.join(file.symlink)}")
    if hashed and file.pieces_root is not None:
        parts.append(file.pieces_root.hex()[:16])
    return ", ".join(parts)
