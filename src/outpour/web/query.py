"""A query of the page into the rows it shows: filtered, sorted, cut into pages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter

from outpour.base.text import is_unprintable
from outpour.tracker.figures import TorrentRow

TEXT_MAX = 200
GROUP_MAX = 1000
WORDS_MAX = 16
INFOHASH_TEXT_MIN = 4
DENSE = "dense"
NATURAL_KEPT = 20_000
PAGES_BESIDE = 2
"""Numbers of pages to both sides of the current one."""

_DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the page.

    Attributes:
        key: Its name in the query, in the API and in the live numbers.
        label: Its heading.
        classic: What the classic trackers called it, None of those they had not.
        hint: What it tells, for who asks.
        is_number: Aligned right.
        is_largest_first: Sorted from the largest down at first.
        order: What a row is sorted by.
    """

    key: str
    label: str
    classic: str | None
    hint: str
    is_number: bool
    is_largest_first: bool
    order: Callable[[TorrentRow], object]


@lru_cache(NATURAL_KEPT)
def natural(name: str) -> tuple[str | tuple[int, str], ...]:
    """What a name is sorted by where numbers in it count as numbers: 1.10 comes after 1.9."""
    # As texts, since a stranger's name may hold a number of thousands of digits.
    parts = _DIGITS.split(folded(name))
    return tuple(
        (len(part.lstrip("0")), part.lstrip("0")) if at % 2 else part
        for at, part in enumerate(parts)
    )


def _typed(text: str) -> str:
    """What can be typed: no control, and nothing that turns the page around it."""
    return "".join(letter for letter in text if not is_unprintable(letter)).strip()


def _name(row: TorrentRow) -> tuple[bool, str]:
    return row.name is None, (row.name or "").casefold()


COLUMNS: tuple[Column, ...] = (
    Column(
        "infohash",
        "Info hash",
        "info hash",
        "what BitTorrent knows a torrent by",
        False,
        False,
        lambda row: row.infohash,
    ),
    Column("name", "Name", "torrent name", "the name of the file or folder", False, False, _name),
    Column(
        "published",
        "Date",
        None,
        "when the content was last changed, or the torrent made",
        False,
        True,
        lambda row: (row.published_at or 0, natural(row.name or "")),
    ),
    Column("length", "Size", "size", "of all files", True, True, lambda row: row.length or 0),
    Column(
        "complete",
        "Seeders",
        "complete",
        "clients that have everything and share it now",
        True,
        True,
        lambda row: row.complete,
    ),
    Column(
        "downloading",
        "Leechers",
        "downloading",
        "clients that are downloading now",
        True,
        True,
        lambda row: row.downloading,
    ),
    Column(
        "downloaded",
        "Downloads",
        "downloaded",
        "finished downloads with BitTorrent",
        True,
        True,
        lambda row: row.downloaded,
    ),
    Column(
        "transferred",
        "Traffic",
        "transferred",
        "size times downloads, without partial ones",
        True,
        True,
        lambda row: row.transferred or 0,
    ),
)
_BY_KEY = {column.key: column for column in COLUMNS}
LISTED = tuple(column for column in COLUMNS if column.key != "infohash")
"""The columns of the list."""
CLASSIC = tuple(column for column in COLUMNS if column.classic is not None)
"""The columns of the classic trackers' page."""


@dataclass(frozen=True, slots=True)
class Order:
    """A column, and whether the largest comes first."""

    sort: str
    descending: bool


BY_NAME = Order("name", False)
NEWEST_FIRST = Order("published", True)


@dataclass(frozen=True, slots=True)
class Query:
    """What a visitor asked to see.

    Attributes:
        sort: Key of a column.
        descending: The largest first.
        text: Words that a name must have.
        page: From 1.
        group: The group that is shown, None for all.
        is_dense: One line a torrent.
        usual: The order of who asks for none.
    """

    sort: str = "name"
    descending: bool = False
    text: str = ""
    page: int = 1
    group: str | None = None
    is_dense: bool = False
    usual: Order = BY_NAME

    @classmethod
    def of(cls, parameters: Mapping[str, str], usual: Order = BY_NAME) -> Query:
        """Read URL parameters; what makes no sense counts as not given."""
        column = _BY_KEY.get(parameters.get("sort", ""))
        sort, descending = usual.sort, usual.descending
        if column is not None:
            sort, descending = column.key, column.is_largest_first
        order = parameters.get("order", "")
        page = parameters.get("page", "")
        return cls(
            sort=sort,
            descending=order == "desc" if order in ("asc", "desc") else descending,
            text=_typed(parameters.get("q", ""))[:TEXT_MAX],
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 8 else 1,
            group=parameters.get("group", "")[:GROUP_MAX] or None,
            is_dense=parameters.get("view", "") == DENSE,
            usual=usual,
        )

    def parameters(self, **changes: str | int) -> dict[str, str | int]:
        """The URL parameters of this query with some changed; default values are left out."""
        given = self.every_parameter(**changes)
        if given["page"] == 1:
            del given["page"]
        if (given["sort"], given["order"] == "desc") == (self.usual.sort, self.usual.descending):
            del given["sort"], given["order"]
        return given

    def every_parameter(self, **changes: str | int) -> dict[str, str | int]:
        """The same with the default values."""
        return {**self.of_rows(), "view": DENSE if self.is_dense else "", **changes}

    def of_rows(self) -> dict[str, str | int]:
        """What other parts of the site take for the same rows."""
        return {
            "q": self.text,
            "group": self.group or "",
            "sort": self.sort,
            "order": "desc" if self.descending else "asc",
            "page": self.page,
        }

    def turned(self, column: Column) -> dict[str, str | int]:
        """The URL parameters that sort by a column, or turn it round if it is sorted already."""
        is_it = column.key == self.sort
        descending = not self.descending if is_it else column.is_largest_first
        return self.parameters(sort=column.key, order="desc" if descending else "asc", page=1)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a query shows.

    Attributes:
        rows: Those of this page.
        matched: How many match on all pages.
        page: Number of this page, from 1.
        pages: How many pages there are, at least 1.
    """

    rows: tuple[TorrentRow, ...]
    matched: int
    page: int
    pages: int

    @property
    def numbers(self) -> list[int | None]:
        """The numbers of pages to choose from; None stands for those that are left out."""
        near = range(self.page - PAGES_BESIDE, self.page + PAGES_BESIDE + 1)
        wanted = sorted({1, self.pages, *(page for page in near if 1 <= page <= self.pages)})
        return list(_with_gaps(wanted))


def _with_gaps(pages: Sequence[int]) -> Iterator[int | None]:
    before = 0
    for page in pages:
        if page == before + 2:
            yield before + 1
        elif page > before + 2:
            yield None
        yield page
        before = page


def column_of(key: str) -> Column:
    """The column of this name."""
    return _BY_KEY[key]


def is_infohash(row: TorrentRow, text: str) -> bool:
    """Whether a text begins the infohash of a row; a few letters are rather part of a name."""
    return len(text) >= INFOHASH_TEXT_MIN and row.infohash_hex.startswith(text)


def infohash_of(text: str) -> bytes | None:
    """Read 40 or 64 hexadecimal digits; trackers know the first 20 bytes of a v2 infohash."""
    if len(text) not in (40, 64):
        return None
    try:
        return bytes.fromhex(text)[:20]
    except ValueError:
        return None


def folded(text: str) -> str:
    """A text as it is searched: case and ways to write the same letter do not count.

    Example:
        >>> folded("STRASSE") == folded("Straße")
        True
    """
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def ordered(rows: Sequence[TorrentRow], query: Query) -> list[TorrentRow]:
    """Filter by words of the name or by infohash, and sort; equal ones by their infohashes.

    Ten thousand rows take some ten milliseconds.
    """
    if query.group is not None:
        rows = [row for row in rows if is_in(row.group, query.group)]
    words = folded(query.text).split()[:WORDS_MAX]
    if words:
        rows = [row for row in rows if _has_all(row, words)]
    # Two sorts: the infohash must keep its direction when the column turns round.
    by_infohash = sorted(rows, key=attrgetter("infohash"))
    order: Callable[[TorrentRow], object] = _BY_KEY[query.sort].order
    by_infohash.sort(key=order, reverse=query.descending)  # type: ignore[arg-type]
    return by_infohash


def is_in(group: str | None, wanted: str) -> bool:
    """Whether a group is another one, or lies in it."""
    return group is not None and (group == wanted or group.startswith(wanted + "/"))


def _has_all(row: TorrentRow, words: Sequence[str]) -> bool:
    name = folded(row.name or "")
    return all(word in name for word in words) or (len(words) == 1 and is_infohash(row, words[0]))


def cut(rows: Sequence[TorrentRow], page: int, rows_max: int) -> Selection:
    """Cut one page out of sorted rows; beyond the last page is the last one."""
    pages = max(1, -(-len(rows) // rows_max))
    page = min(max(1, page), pages)
    return Selection(tuple(rows[(page - 1) * rows_max : page * rows_max]), len(rows), page, pages)
