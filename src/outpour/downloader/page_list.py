"""Reads the list of torrents that an outpour page offers to programs, whatever it holds."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urljoin

from outpour.base.errors import FormatError
from outpour.base.text import printable

SHOWN_MAX = 60
_INFOHASH = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True)
class PageRow:
    """One torrent of the list.

    Attributes:
        infohash: 40 hexadecimal digits.
        name: What to call it.
        torrent_url: Where its .torrent is; None when it is not offered.
        magnet: Its magnet link; None when there is none.
    """

    infohash: str
    name: str
    torrent_url: str | None
    magnet: str | None


def read_page_list(body: bytes, url: str) -> tuple[list[PageRow], str | None]:
    """Read one answer.

    Args:
        body: JSON.
        url: Where it came from.

    Returns:
        Its torrents, and the URL of the rest.

    Raises:
        FormatError: It is something else.
    """
    try:
        root = json.loads(body)
    except (ValueError, RecursionError):
        _refuse(url, "is no JSON")
    if not isinstance(root, dict):
        _refuse(url, "is no object")
    rows, following = root.get("torrents"), root.get("next")
    if not isinstance(rows, list):
        _refuse(url, "has no list `torrents`")
    if following is not None and not isinstance(following, str):
        _refuse(url, f"has a `next` that is no URL: {_shown(following)}")
    try:
        return [_read_row(row, url) for row in rows], urljoin(url, following) if following else None
    except ValueError:
        _refuse(url, f"has a `next` that is no URL: {_shown(following)}")


def _read_row(row: object, url: str) -> PageRow:
    if not isinstance(row, dict):
        _refuse(url, f"lists what is no torrent: {_shown(row)}")
    infohash = row.get("infohash")
    if not isinstance(infohash, str) or not _INFOHASH.match(infohash):
        _refuse(url, f"lists a torrent without infohash: {_shown(row)}")
    return PageRow(
        infohash,
        printable(_text(row, "name", url) or infohash),
        _text(row, "torrent_url", url),
        _text(row, "magnet", url),
    )


def _text(row: dict[str, Any], key: str, url: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        _refuse(url, f"has a `{key}` that is no text: {_shown(value)}")
    return value or None


def _shown(value: object) -> str:
    try:
        text = json.dumps(value)
    except RecursionError:
        return "…"
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def _refuse(url: str, why: str) -> NoReturn:
    raise FormatError(f"`{url}`: the list of torrents {why}")
