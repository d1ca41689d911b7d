"""What the API answers, as frozen values; a server may send anything, so each is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outpour.base.errors import FormatError

SHOWN_MAX = 60
NUMBER_MAX = (1 << 63) - 1
"""What databases and systems take; a server may write a thousand digits."""
MOMENT_MAX = 253_402_300_799
"""The last second of the year 9999, after which neither calendars nor file systems go on."""
_INFOHASH = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file of a torrent.

    Attributes:
        path: Components inside the torrent; of a stranger, so check them before using them.
        length: Bytes.
        url: Where it is downloaded directly, None if nowhere.
        sha256: In hexadecimal, None if it is not known.
        modified: Unix second in which it was last written to, None if that is not known.
    """

    path: tuple[str, ...]
    length: int
    url: str | None
    sha256: str | None = None
    modified: int | None = None


@dataclass(frozen=True, slots=True)
class ListedCopy:
    """A copy of a torrent's content on another server.

    Attributes:
        url: Its web seed (BEP 19).
        state: `good`, `missing`, `wrong` or `unchecked`.
        by: Who named it: `publisher`, `torrent` or `mirror`.
        since: Unix second from which on it is in this state, None if that is not known.
        checked: Unix second of the latest look, None before the first.
    """

    url: str
    state: str
    by: str
    since: int | None = None
    checked: int | None = None


@dataclass(frozen=True, slots=True)
class ListedTorrent:
    """A torrent as the API lists it.

    Attributes:
        infohash: 40 hexadecimal digits.
        name: None where only the infohash is known.
        length: Bytes, None if not known.
        complete: Seeders.
        downloading: Leechers.
        downloaded: Completed downloads, ever.
        created: Unix time in seconds, None if not known.
        group: The group it is listed in, None without one.
        torrent_url: Where its .torrent is, None if it is not offered.
        torrent_tag: Changes with its .torrent; None where there is none, or nobody tells.
        content_url: Where its content is, None if it is not served.
        magnet: Its magnet link, None if there is none.
        files: Its files; None in a list, and where they are not known.
        licence: Under which terms it may be used; None where nobody says.
        about_tag: Changes with what is told of it alone and stands in no file; None where nothing
            is.
        description: What the publisher wrote beside it; None in a list, and without one.
        description_from: Where that stands: `catalogue` or `file`.
        copies: Copies on other servers; None in a list.
    """

    infohash: str
    name: str | None = None
    length: int | None = None
    complete: int = 0
    downloading: int = 0
    downloaded: int = 0
    created: int | None = None
    torrent_url: str | None = None
    torrent_tag: str | None = None
    content_url: str | None = None
    magnet: str | None = None
    files: tuple[ListedFile, ...] | None = None
    group: str | None = None
    licence: str | None = None
    description: str | None = None
    copies: tuple[ListedCopy, ...] | None = None
    about_tag: str | None = None
    description_from: str | None = None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ListedTorrent:
        """Read an object; what else it has is left out of account.

        Raises:
            FormatError: It is no torrent.
        """
        infohash = row.get("infohash")
        if not isinstance(infohash, str) or not _INFOHASH.match(infohash):
            raise FormatError(f"lists a torrent without infohash: {shown(row)}")
        files, copies = row.get("files"), row.get("copies")
        return cls(
            infohash=infohash,
            name=_text(row, "name"),
            length=_number(row, "length"),
            complete=_number(row, "complete") or 0,
            downloading=_number(row, "downloading") or 0,
            downloaded=_number(row, "downloaded") or 0,
            created=_moment(row, "created"),
            torrent_url=_text(row, "torrent_url"),
            torrent_tag=_text(row, "torrent_tag"),
            content_url=_text(row, "content_url"),
            magnet=_text(row, "magnet"),
            files=None if files is None else tuple(map(_file, _list(files, "files"))),
            group=_text(row, "group"),
            licence=_text(row, "licence"),
            description=_text(row, "description"),
            copies=None if copies is None else tuple(map(_copy, _list(copies, "copies"))),
            about_tag=_text(row, "about_tag"),
            description_from=_text(row, "description_from"),
        )


@dataclass(frozen=True, slots=True)
class ListedSidecar:
    """A file beside content that is no torrent of its own.

    Attributes:
        name: Of the file; of a stranger, so check it before using it.
        length: Bytes.
        tag: Changes with the file.
        url: Where it is.
        group: The group of what it belongs to, None without one.
        modified: Unix second in which it was last written to.
    """

    name: str
    length: int
    tag: str
    url: str
    group: str | None = None
    modified: int | None = None

    @classmethod
    def of(cls, value: object) -> ListedSidecar:
        """Read an object; what else it has is left out of account.

        Raises:
            FormatError: It is no such file.
        """
        row = _object(value)
        name, tag, url = (_text(row, key) for key in ("name", "tag", "url"))
        if name is None or tag is None or url is None:
            raise FormatError(f"lists a file without name, tag or URL: {shown(row)}")
        length, modified = _number(row, "length") or 0, _moment(row, "modified")
        return cls(name, length, tag, url, _text(row, "group"), modified)


@dataclass(frozen=True, slots=True)
class TorrentPage:
    """A part of the torrents.

    Attributes:
        torrents: Those of this part.
        matched: How many match in all parts.
        next: URL of the following part, None after the last.
        tag: Names this state of the answer, for the next time.
        revision: Changes when a torrent comes or goes; None of a server that does not tell.
    """

    torrents: tuple[ListedTorrent, ...]
    matched: int
    next: str | None
    tag: str | None = None
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """Sums and counters of a tracker.

    Attributes:
        version: Of the tracker.
        totals: Sums over all torrents, by name.
        counters: Counters since its start, by name.
    """

    version: str
    totals: Mapping[str, int]
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers that changed.

    Attributes:
        at: Server time in Unix seconds.
        torrents: Those whose numbers changed; the first event of a stream has all.
        is_listing: A torrent came or went: the list is to be fetched again.
    """

    at: int
    torrents: tuple[ListedTorrent, ...] = ()
    is_listing: bool = False


def object_of(raw: bytes | str) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FormatError: It is something else.
    """
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise FormatError("is no JSON") from None
    if not isinstance(found, dict):
        raise FormatError("is no object")
    return found


def page_of(found: Mapping[str, Any], tag: str | None) -> TorrentPage:
    """Read a part of the list.

    Raises:
        FormatError: It is something else.
    """
    rows = _list(found.get("torrents"), "torrents")
    matched, following = _number(found, "matched"), found.get("next")
    if following is not None and not isinstance(following, str):
        raise FormatError(f"has a `next` that is no URL: {shown(following)}")
    torrents = tuple(map(_torrent, rows))
    return TorrentPage(
        torrents, len(rows) if matched is None else matched, following or None, tag,
        _text(found, "revision"),
    )  # fmt: skip


def sidecars_of(found: Mapping[str, Any]) -> list[ListedSidecar]:
    """Read the files beside content.

    Raises:
        FormatError: They are something else.
    """
    return [ListedSidecar.of(row) for row in _list(found.get("sidecars"), "sidecars")]


def stats_of(found: Mapping[str, Any]) -> Stats:
    """Read the sums.

    Raises:
        FormatError: They are something else.
    """
    totals, counters = _object(found.get("totals")), _object(found.get("counters"))
    return Stats(
        _text(found, "version") or "",
        {name: _number(totals, name) or 0 for name in totals},
        {name: _number(counters, name) or 0 for name in counters},
    )


def numbers_of(event: str, found: Mapping[str, Any]) -> Numbers:
    """Read an event.

    Raises:
        FormatError: It is something else.
    """
    at = _number(found, "at") or 0
    rows = found.get("torrents", [])
    torrents = tuple(map(_torrent, _list(rows, "torrents")))
    return Numbers(at, torrents, event == "listing")


def _torrent(value: object) -> ListedTorrent:
    if not isinstance(value, dict):
        raise FormatError(f"lists what is no torrent: {shown(value)}")
    return ListedTorrent.of(value)


def _file(value: object) -> ListedFile:
    row = _object(value)
    path = tuple(str(one) for one in _list(row.get("path"), "path"))
    return ListedFile(
        path,
        _number(row, "length") or 0,
        _text(row, "url"),
        _text(row, "sha256"),
        _moment(row, "modified"),
    )


def _copy(value: object) -> ListedCopy:
    row = _object(value)
    url = _text(row, "url")
    if url is None:
        raise FormatError(f"has a copy without `url`: {shown(value)}")
    return ListedCopy(
        url,
        _text(row, "state") or "unchecked",
        _text(row, "by") or "publisher",
        _moment(row, "since"),
        _moment(row, "checked"),
    )


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError(f"holds what is no object: {shown(value)}")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise FormatError(f"has no list `{name}`")
    return value


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise FormatError(f"has a `{key}` that is no text: {shown(value)}")
    return value or None


def _number(row: Mapping[str, Any], key: str) -> int | None:
    value = _integer(row, key)
    if value is not None and abs(value) > NUMBER_MAX:
        raise FormatError(f"has a `{key}` that is too large: {shown(value)}")
    return value


def _moment(row: Mapping[str, Any], key: str) -> int | None:
    # Whoever counts in other units tells no time, and is to be read all the same.
    value = _integer(row, key)
    return value if value is not None and abs(value) <= MOMENT_MAX else None


def _integer(row: Mapping[str, Any], key: str) -> int | None:
    value = row.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise FormatError(f"has a `{key}` that is no number: {shown(value)}")
    return value


def shown(value: object) -> str:
    """What a server sent, as the end of a message."""
    try:
        text = json.dumps(value)
    except (RecursionError, TypeError):
        return "…"
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
