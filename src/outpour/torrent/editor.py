"""Turns a torrent into another with some fields changed, and leaves all other bytes as they are.

Outside the info dictionary fields are replaced by splicing the file, so the infohash stays, even
where the info dictionary is not canonical, and so do fields that outpour does not know. Bytes
behind the torrent, which no client reads, go.
The functions that change the infohash are `rename`, `set_private`, `set_source` and `merge_info`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

from outpour.base import arguments
from outpour.base.errors import FormatError, UsageError
from outpour.base.text import printable
from outpour.torrent import bencode
from outpour.torrent.bencode import Encodable
from outpour.torrent.metainfo import Metainfo
from outpour.torrent.paths import component_fault


class _Keep(enum.Enum):
    KEEP = enum.auto()


_PORTS = {"http": 80, "https": 443}
KEEP: Final = _Keep.KEEP
"""Leaves a field of `Changes` as it is; None removes it."""
Keep = Literal[_Keep.KEEP]


@dataclass(frozen=True, slots=True)
class Changes:
    """New values for fields outside the info dictionary; None or an empty sequence removes one.

    Attributes:
        announce: URL of the tracker.
        announce_list: Tiers of URLs.
        web_seeds: `url-list`.
        http_seeds: `httpseeds`.
        comment: Free text.
        created_by: The program that made the torrent.
        creation_date: Seconds since 1970, UTC.
        nodes: DHT nodes as (host, port).

    Raises:
        UsageError: A value is of another kind than its field; the message says what to pass.
    """

    announce: str | Keep | None = KEEP
    announce_list: Sequence[Sequence[str]] | Keep | None = KEEP
    web_seeds: Sequence[str] | Keep | None = KEEP
    http_seeds: Sequence[str] | Keep | None = KEEP
    comment: str | Keep | None = KEEP
    created_by: str | Keep | None = KEEP
    creation_date: int | Keep | None = KEEP
    nodes: Sequence[tuple[str, int]] | Keep | None = KEEP

    def __post_init__(self) -> None:
        for name, read in _READERS.items():
            value = getattr(self, name)
            if value is not KEEP and value is not None:
                object.__setattr__(self, name, read(value, name))


_READERS: dict[str, Callable[[object, str], object]] = {
    "announce_list": arguments.tiers,
    **dict.fromkeys(("web_seeds", "http_seeds"), arguments.texts),
    **dict.fromkeys(("announce", "comment", "created_by"), arguments.text),
    "creation_date": arguments.number,
    "nodes": arguments.nodes,
}


_KEYS: dict[str, bytes] = {
    "announce": b"announce",
    "announce_list": b"announce-list",
    "web_seeds": b"url-list",
    "http_seeds": b"httpseeds",
    "comment": b"comment",
    "created_by": b"created by",
    "creation_date": b"creation date",
    "nodes": b"nodes",
}


def edit(metainfo: Metainfo, changes: Changes) -> Metainfo:
    """Change fields outside the info dictionary; the infohash stays.

    Returns:
        A new value, or the same one when nothing would change.
    """
    values: dict[bytes, Encodable | None] = {}
    for entry in fields(changes):
        value = getattr(changes, entry.name)
        if value is KEEP:
            continue
        if entry.name == "web_seeds" and value and metainfo.info.is_folder:
            value = list(dict.fromkeys(web_seed_url(url, is_folder=True) for url in value))
        empty = value is None or (not isinstance(value, int) and not value)
        values[_KEYS[entry.name]] = None if empty else value
    return _with_root(metainfo, values)


def web_seed_url(url: str, *, is_folder: bool) -> str:
    """Write a web seed as clients need it: that of a folder ends with a slash (BEP 19).

    Example:
        >>> web_seed_url("http://127.0.0.1/files", is_folder=True)
        'http://127.0.0.1/files/'
    """
    return f"{url}/" if is_folder and "?" not in url and not url.endswith("/") else url


def merge(metainfo: Metainfo, values: Mapping[str, Encodable | None]) -> Metainfo:
    """Set any fields outside the info dictionary, known to outpour or not; the infohash stays.

    Args:
        metainfo: The torrent.
        values: New values by key; None removes one.

    Raises:
        UsageError: `info` is among them, a value has no form in bencode, or what comes out would
            be no torrent.

    Example:
        >>> merge(metainfo, {"publisher": "example.org", "comment": None})  # doctest: +SKIP
    """
    if "info" in values:
        raise UsageError("`info`: changing it makes another torrent")
    return _with_root(metainfo, _by_bytes(values))


def merge_info(metainfo: Metainfo, values: Mapping[str, Encodable | None]) -> Metainfo:
    """Set any fields inside the info dictionary, as `merge` does outside.

    Returns:
        A torrent with another infohash, or the same one when nothing would change.
    """
    return _with_info(metainfo, _by_bytes(values))


def _by_bytes(values: Mapping[str, Encodable | None]) -> dict[bytes, Encodable | None]:
    return {key.encode("utf-8", "surrogateescape"): value for key, value in values.items()}


def add_trackers(metainfo: Metainfo, tiers: Sequence[Sequence[str]]) -> Metainfo:
    """Append tiers of trackers, without those that the torrent has already."""
    tiers = arguments.tiers(tiers, "tiers")
    known = {url for tier in metainfo.tiers for url in tier}
    new = [[url for url in tier if url not in known] for tier in tiers]
    if not any(new):
        return metainfo
    return set_trackers(metainfo, [*metainfo.tiers, *new])


def remove_trackers(metainfo: Metainfo, urls: Sequence[str]) -> Metainfo:
    """Drop some trackers; tiers left empty go."""
    return _map_trackers(metainfo, dict.fromkeys(arguments.texts(urls, "urls")))


def replace_trackers(metainfo: Metainfo, new_by_old: Mapping[str, str]) -> Metainfo:
    """Put new trackers in the places of old ones."""
    return _map_trackers(metainfo, new_by_old)


def _map_trackers(metainfo: Metainfo, changes: Mapping[str, str | None]) -> Metainfo:
    if not any(url in changes for tier in metainfo.tiers for url in tier):
        return metainfo
    tiers = [[changes.get(url, url) for url in tier] for tier in metainfo.tiers]
    return set_trackers(
        metainfo, [list(dict.fromkeys(url for url in tier if url is not None)) for tier in tiers]
    )


def set_trackers(metainfo: Metainfo, tiers: Sequence[Sequence[str]]) -> Metainfo:
    """Replace all trackers; `announce` becomes the first of them, for clients without BEP 12.

    A list of tiers is written only where there is more than one tracker.
    """
    tiers = arguments.tiers(tiers, "tiers")
    urls = [url for tier in tiers for url in tier]
    return edit(
        metainfo,
        Changes(
            announce=urls[0] if urls else None,
            announce_list=[list(tier) for tier in tiers if tier] if len(urls) > 1 else None,
        ),
    )


def reannounce(metainfo: Metainfo, url: str, *, all_tiers: bool = False) -> Metainfo:
    """Move a torrent to another tracker.

    Clients with BEP 12 read the list of tiers and ignore `announce`, so the list follows: the
    old tracker is replaced there, or the new one becomes its first tier. Where the list names the
    old tracker's UDP or HTTP twin too, of the same host and port, that of the new one follows it.

    Args:
        metainfo: The torrent.
        url: The new tracker.
        all_tiers: Drop every other tracker as well.
    """
    if all_tiers:
        return edit(metainfo, Changes(announce=url, announce_list=None))
    moved = _moved(metainfo, url)
    tiers = [
        tuple(dict.fromkeys(new for old in tier if (new := moved.get(old, old)) is not None))
        for tier in metainfo.announce_list
    ]
    tiers = [tier for tier in tiers if tier]
    if tiers and not any(url in tier for tier in tiers):
        tiers.insert(0, (url,))
    # A list that clients cannot read would still send the oldest of them to the old tracker.
    if "announce-list" in metainfo.malformed:
        return edit(metainfo, Changes(announce=url, announce_list=tiers))
    kept = tuple(tiers) == metainfo.announce_list
    return edit(metainfo, Changes(announce=url, announce_list=KEEP if kept else tiers))


def _moved(metainfo: Metainfo, url: str) -> dict[str, str | None]:
    """The new place of each tracker that moves, None of those that nobody knows one of."""
    old = metainfo.announce
    if old is None:
        return {}
    moved: dict[str, str | None] = {old: url}
    place = _place(old)
    for tracker in (tracker for tier in metainfo.announce_list for tracker in tier):
        other = _place(tracker)
        if place and other and place[0] != other[0] and place[1:] == other[1:]:
            moved[tracker] = _twin(url, udp=other[0])
    return moved


def _place(url: str) -> tuple[bool, str, int] | None:
    """Whether a tracker is asked by UDP, on which host and on which port."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in {"udp", *_PORTS} or parts.hostname is None or port is None:
        return None
    return parts.scheme == "udp", parts.hostname, port


def _twin(url: str, *, udp: bool) -> str | None:
    place, parts = _place(url), urlsplit(url)
    # What answers HTTPS on a port answers nothing else there.
    if place is None or place[0] == udp or parts.scheme == "https":
        return None
    host = f"[{place[1]}]" if ":" in place[1] else place[1]
    scheme = "udp" if udp else "http"
    return urlunsplit((scheme, f"{host}:{place[2]}", parts.path or "/announce", "", ""))


def copy_announce(metainfo: Metainfo, source: Metainfo) -> Metainfo:
    """Give a torrent the trackers of another."""
    return edit(metainfo, Changes(announce=source.announce, announce_list=source.announce_list))


def rename(metainfo: Metainfo, name: str) -> Metainfo:
    """Change the name of the file or root folder; this makes another torrent.

    Returns:
        A torrent with another infohash, whose swarm is another one.

    Raises:
        UsageError: The name cannot be one of a file.
    """
    fault = component_fault(name)
    if fault is not None:
        raise UsageError(f"`{printable(name)}`: the name {fault}")
    info = metainfo.info
    values: dict[bytes, Encodable | None] = {b"name": name}
    root = bencode.decode(info.raw, strict=False)
    assert isinstance(root, dict)
    if b"name.utf-8" in root:
        values[b"name.utf-8"] = name
    tree = root.get(b"file tree")
    if isinstance(tree, dict) and not info.is_folder:
        # In v2 the tree of a single file has its name for a key (BEP 52).
        values[b"file tree"] = {name: next(iter(tree.values()))}
    return _with_info(metainfo, values)


def set_private(metainfo: Metainfo, private: bool) -> Metainfo:
    """Bind peers to the torrent's trackers, or free them (BEP 27); this makes another torrent.

    Returns:
        A torrent with another infohash, or the same one when nothing would change.
    """
    if private == metainfo.info.private:
        return metainfo
    # Public is written by leaving the key out: `private=0` would be a third infohash.
    return _with_info(metainfo, {b"private": 1 if private else None})


def set_source(metainfo: Metainfo, source: str | None) -> Metainfo:
    """Change the source that tells trackers' torrents apart; this makes another torrent.

    Returns:
        A torrent with another infohash, or the same one when nothing would change.
    """
    return _with_info(metainfo, {b"source": source or None})


def _with_info(metainfo: Metainfo, values: Mapping[bytes, Encodable | None]) -> Metainfo:
    info = _splice(metainfo.info.raw, values)
    if info == metainfo.info.raw:
        return metainfo
    start, end = bencode.spans(metainfo.raw)[b"info"]
    behind = len(metainfo.raw) - metainfo.trailing
    return _reread(metainfo, metainfo.raw[:start] + info + metainfo.raw[end:behind])


def _with_root(metainfo: Metainfo, values: Mapping[bytes, Encodable | None]) -> Metainfo:
    return _reread(metainfo, _splice(metainfo.raw, values))


def _reread(metainfo: Metainfo, raw: bytes) -> Metainfo:
    if raw == metainfo.raw:
        return metainfo
    try:
        changed = Metainfo.parse(raw, origin="the change")
    except FormatError as error:
        raise UsageError(error.message, hint=error.hint) from error
    # Readers are lenient to others, and nothing new is written that they would have to be.
    spoilt = [key for key in changed.malformed if key not in metainfo.malformed]
    if spoilt:
        raise UsageError(f"the change: `{spoilt[0]}` is not what clients read under this key")
    if changed.info.has_odd_names and not metainfo.info.has_odd_names:
        raise UsageError("the change: a name that no disk takes as it is")
    return changed


def _splice(raw: bytes, values: Mapping[bytes, Encodable | None]) -> bytes:
    old = {key: raw[start:end] for key, (start, end) in bencode.spans(raw).items()}
    new = dict(old)
    for key, value in values.items():
        if value is None:
            new.pop(key, None)
        else:
            try:
                new[key] = bencode.encode(value)
            except (TypeError, ValueError) as error:
                name = printable(key.decode("utf-8", "surrogateescape"))
                raise UsageError(f"`{name}`: {error}") from None
    if new == old:
        return raw
    ordered = sorted(new)
    return b"d%be" % b"".join(b"%d:%b%b" % (len(key), key, new[key]) for key in ordered)
