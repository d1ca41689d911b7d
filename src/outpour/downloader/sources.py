"""Turns what a person names into torrents: files, URLs, magnet links, infohashes, outpour pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from outpour.base.errors import FormatError, NetworkError, ReadError, UsageError
from outpour.base.http_fetch import Fetched, fetch
from outpour.base.text import printable
from outpour.base.units import MIB
from outpour.torrent.magnet_link import Magnet
from outpour.torrent.metainfo import Metainfo

TORRENT_BYTES_MAX = 64 * MIB
LIST_BYTES_MAX = 64 * MIB
LIST_PAGES_MAX = 1000
LIST_PATH = "api/v1/torrents"

_INFOHASH = re.compile(r"[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?\Z")
_HOST = re.compile(r"(?!.*\.torrent\Z)(\w[\w-]*\.)*[\w-]+:\d+(/.*)?\Z")
_INFOHASH_OF_PAGE = re.compile(r"/torrent/([0-9a-f]{40})/?\Z")


def resolve(source: str, *, timeout_s: float = 30.0) -> tuple[Metainfo | Magnet, ...]:
    """Find the torrents that a text names.

    Args:
        source: A .torrent file; the URL of one; a magnet link; an infohash in hexadecimal; or the
            URL of an outpour page, which names everything that is published there.
        timeout_s: For each fetch.

    Raises:
        ReadError: The file is missing or no torrent.
        NetworkError: The URL does not answer, or with something else.
        UsageError: The text is none of these.
    """
    if source[:7].lower() == "magnet:":
        return (Magnet.parse(source),)
    if source.partition("://")[0].lower() in ("http", "https"):
        return _from_url(source, timeout_s)
    if _INFOHASH.match(source) and not Path(source).exists():
        return (_of_infohash(bytes.fromhex(source)),)
    if "://" in source:
        raise UsageError(
            f"`{source}`: cannot be downloaded from",
            hint="name a .torrent file, its URL, a magnet link or an outpour page",
        )
    return (_read(source),)


def _of_infohash(digest: bytes) -> Magnet:
    if len(digest) == 20:
        return Magnet(infohash_v1=digest)
    return Magnet(infohash_v1=None, infohash_v2=digest)


def _from_url(url: str, timeout_s: float) -> tuple[Metainfo | Magnet, ...]:
    answer = fetch(url, bytes_max=TORRENT_BYTES_MAX, timeout_s=timeout_s)
    # No .torrent begins with anything but a dictionary, and no page or list begins with one.
    if answer.body[:1] == b"d":
        return (Metainfo.parse(answer.body, origin=f"`{url}`"),)
    try:
        return tuple(_from_page(answer, timeout_s))
    except (FormatError, ValueError, KeyError, TypeError) as error:
        raise NetworkError(
            f"`{url}`: neither a torrent nor an outpour page",
            hint="open it in a browser and copy the address of the .torrent file",
        ) from error


def _from_page(page: Fetched, timeout_s: float) -> Iterator[Metainfo | Magnet]:
    one = _INFOHASH_OF_PAGE.search(urlsplit(page.url).path)
    base = page.url[: page.url.rindex("/torrent/") + 1] if one else page.url
    listing: str | None = urljoin(base, LIST_PATH)
    answer = page if _is_list(page) else None
    rows: list[dict[str, Any]] = []
    for _ in range(LIST_PAGES_MAX):
        if listing is None:
            break
        answer = answer or _fetch_list(listing, page.url, timeout_s)
        root = json.loads(answer.body)
        rows += root["torrents"]
        listing, answer = root.get("next"), None
    wanted = [row for row in rows if not one or row["infohash"] == one[1]]
    if not wanted:
        raise NetworkError(f"`{page.url}`: nothing is published there")
    for row in wanted:
        yield _from_row(row, page.url, timeout_s)


def _is_list(page: Fetched) -> bool:
    return urlsplit(page.url).path.endswith(LIST_PATH)


def _fetch_list(url: str, page_url: str, timeout_s: float) -> Fetched:
    try:
        return fetch(url, bytes_max=LIST_BYTES_MAX, timeout_s=timeout_s, accept="application/json")
    except NetworkError as error:
        if "HTTP 4" in error.message:
            raise FormatError(f"`{page_url}`: not an outpour page") from error
        raise


def _from_row(row: dict[str, Any], page_url: str, timeout_s: float) -> Metainfo | Magnet:
    torrent_url, magnet, infohash = row.get("torrent_url"), row.get("magnet"), row["infohash"]
    if torrent_url:
        answer = fetch(
            urljoin(page_url, torrent_url), bytes_max=TORRENT_BYTES_MAX, timeout_s=timeout_s
        )
        metainfo = Metainfo.parse(answer.body, origin=f"`{torrent_url}`")
        if metainfo.info.infohash_hex != infohash:
            raise NetworkError(f"`{torrent_url}`: not the torrent that the page lists")
        return metainfo
    if magnet:
        return Magnet.parse(magnet)
    name = printable(str(row.get("name") or infohash))
    raise NetworkError(f"`{page_url}`: `{name}` can neither be fetched nor asked for")


def _read(source: str) -> Metainfo:
    try:
        return Metainfo.read(source)
    except FormatError:
        raise
    except ReadError as error:
        if _HOST.match(source):
            raise ReadError(error.message, hint=f"did you mean `http://{source}`?") from error
        raise
