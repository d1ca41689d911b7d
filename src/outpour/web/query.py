"""A query of the page into the rows it shows: filtered, sorted, cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from outpour.tracker.figures import TorrentRow

TEXT_MAX = 200
INFOHASH_TEXT_MIN = 4


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the page.

    Attributes:
        key: Its name in the query, in the API and in the live numbers.
        label: Its heading.
        is_number: Aligned right and sorted from the largest down at first.
        order: What a row is sorted by.
    """

    key: str
    label: str
    is_number: bool
    order: Callable[[TorrentRow], object]


COLUMNS: tuple[Column, ...] = (
    Column("infohash", "info hash", False, lambda row: row.infohash),
    Column(
        "name", "torrent name", False, lambda row: (row.name is None, (row.name or "").casefold())
    ),
    Column("length", "size", True, lambda row: row.length or 0),
    Column("complete", "complete", True, lambda row: row.complete),
    Column("downloading", "downloading", True, lambda row: row.downloading),
    Column("downloaded", "downloaded", True, lambda row: row.downloaded),
    Column("transferred", "transferred", True, lambda row: row.transferred or 0),
)
_BY_KEY = {column.key: column for column in COLUMNS}


@dataclass(frozen=True, slots=True)
class Query:
    """What a visitor asked to see."""

    sort: str = "name"
    descending: bool = False
    text: str = ""
    page: int = 1

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Query:
        """Read URL parameters; what makes no sense counts as not given."""
        sort = parameters.get("sort", "")
        column = _BY_KEY.get(sort, _BY_KEY["name"])
        order = parameters.get("order", "")
        page = parameters.get("page", "")
        return cls(
            sort=column.key,
            descending=order == "desc" if order in ("asc", "desc") else column.is_number,
            text=parameters.get("q", "").strip()[:TEXT_MAX],
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 8 else 1,
        )

    def parameters(self, **changes: str | int) -> dict[str, str | int]:
        """The URL parameters of this query with some changed; default values are left out."""
        given: dict[str, str | int] = {
            "q": self.text,
            "sort": self.sort,
            "order": "desc" if self.descending else "asc",
            "page": self.page,
        }
        given.update(changes)
        if given["page"] == 1:
            del given["page"]
        if (given["sort"], given["order"]) == ("name", "asc"):
            del given["sort"], given["order"]
        return given

    def turned(self, column: Column) -> dict[str, str | int]:
        """The URL parameters that sort by a column, or turn it round if it is sorted already."""
        descending = not self.descending if column.key == self.sort else column.is_number
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


def ordered(rows: Sequence[TorrentRow], query: Query) -> list[TorrentRow]:
    """Filter by name or infohash, and sort; equal ones come in the order of their infohashes."""
    wanted = query.text.casefold()
    if wanted:
        rows = [
            row for row in rows if wanted in (row.name or "").casefold() or is_infohash(row, wanted)
        ]
    # Two sorts: the infohash must keep its direction when the column turns round.
    by_infohash = sorted(rows, key=attrgetter("infohash"))
    order: Callable[[TorrentRow], object] = _BY_KEY[query.sort].order
    by_infohash.sort(key=order, reverse=query.descending)  # type: ignore[arg-type]
    return by_infohash


def cut(rows: Sequence[TorrentRow], page: int, rows_max: int) -> Selection:
    """Cut one page out of sorted rows; beyond the last page is the last one."""
    pages = max(1, -(-len(rows) // rows_max))
    page = min(max(1, page), pages)
    return Selection(tuple(rows[(page - 1) * rows_max : page * rows_max]), len(rows), page, pages)
