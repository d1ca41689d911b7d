"""Counts all swarms at one moment, however many, into what pages, API and metrics show."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from outpour.tracker.figures import TorrentRow, Totals
from outpour.tracker.lists.allowed_set import AllowedSet
from outpour.tracker.lists.listed_torrent import Listing
from outpour.tracker.settings import TrackerSettings
from outpour.tracker.state.keeper import Keeper
from outpour.tracker.views.rows import Counts, RowMaker, Rows, place
from outpour.tracker.views.totals import Sums, make_totals, with_sums

if TYPE_CHECKING:
    from outpour._core import Tracker

ROWS_MAX = 10_000
"""Torrents listed by an open tracker, the largest swarms; the API's cursor walks through all."""

PAGE_ROWS = 8192
"""Torrents taken from the core at once: a few milliseconds without letting others run."""

PLACE_DIGITS_MAX = 18
PEERS_AT_ONCE = 2000
"""A hybrid with fewer peers is always looked at; one with more only when a number has changed."""

Row = tuple[bytes, int, int, int]


@dataclass(frozen=True, slots=True)
class Census:
    """All that is listed, at one moment.

    Attributes:
        rows: By name and then by infohash; of an open tracker the `ROWS_MAX` largest.
        index: The rows by either of their infohashes.
        keys: The infohashes of the rows, sorted.
        totals: Sums over all torrents, listed or not.
        is_whole: Whether all torrents are listed.
    """

    rows: tuple[TorrentRow, ...] = ()
    index: Mapping[bytes, TorrentRow] = field(default_factory=dict)
    keys: tuple[bytes, ...] = ()
    totals: Totals = field(default_factory=Totals)
    is_whole: bool = True


class Counter:
    """Takes the census of a tracker; may do so on any thread.

    Args:
        settings: What is shown.
        core: Has the swarms.
        allowed: Has the torrents.
        keeper: Has counters and names.
    """

    def __init__(
        self, settings: TrackerSettings, core: Tracker, allowed: AllowedSet, keeper: Keeper
    ) -> None:
        self._settings = settings
        self._core = core
        self._allowed = allowed
        self._keeper = keeper
        self._joint: dict[bytes, tuple[object, tuple[int, int]]] = {}
        self._rows = RowMaker(
            keeper.completed, lambda: keeper.named, lambda: keeper.foreign,
            show_names=settings.show_names,
        )  # fmt: skip

    def take(self) -> Census:
        """Count everything, which takes some time for a million torrents."""
        return self._open() if self._settings.open else self._closed()

    def with_new(self, census: Census, listings: Iterable[Listing]) -> Census:
        """A census with torrents that are listed since it was taken; their swarms as they are now.

        Each takes some microseconds, beside a copy of what there was.
        """
        fresh = [one for one in listings if self._allowed.find(one.infohash) is one]
        if self._settings.open or not fresh:
            return census
        rows, keys, index = list(census.rows), list(census.keys), dict(census.index)
        length = 0
        for listing in fresh:
            counts = (self._core.counts(listing.aliases) or (0, 0, 0))[:2]
            row = self._rows.listed(listing, {listing.infohash: counts})
            before = index.get(row.infohash)
            if before is None:
                insort(keys, row.infohash)
            else:
                del rows[bisect_left(rows, place(before), key=place)]
                length -= before.length or 0
            insort(rows, row, key=place)
            length += row.length or 0
            index[row.infohash] = row
            if row.infohash_v2 is not None:
                index[row.infohash_v2[:20]] = row
        totals = census.totals
        totals = replace(totals, torrents=len(rows), length=totals.length + length)
        return Census(tuple(rows), index, tuple(keys), totals, census.is_whole)

    def row(self, infohash: bytes) -> TorrentRow | None:
        """Count one torrent of an open tracker that may be too small to be listed."""
        counts = self._core.counts([infohash])
        downloaded = self._keeper.completed(infohash)
        keeps_dead = self._settings.keep_dead and downloaded > 0
        if not (counts and counts[0] + counts[1] > 0) and not keeps_dead:
            return None
        complete, downloading = counts[:2] if counts else (0, 0)
        return self._rows.some([infohash], {infohash: (complete, downloading)})[0]

    def gone(self, infohash: bytes) -> TorrentRow | None:
        """A torrent that was known by name once, None if it never was."""
        if infohash not in self._keeper.named or not self._settings.show_names:
            return None
        return self._rows.some([infohash], {})[0]

    def page(self, at: int, limit: int) -> tuple[tuple[TorrentRow, ...], int | None]:
        """Torrents of an open tracker in the order of its memory, and where the next ones begin."""
        found, following = self._core.torrents_page(at, limit)
        living = [row for row in found if row[1] or row[2]]
        counts = {row[0]: (row[1], row[2]) for row in living}
        return self._rows.some(counts, counts), following

    def _closed(self) -> Census:
        listings, infohashes = self._allowed.listings, self._allowed.infohashes
        counts = {row[0]: (row[1], row[2]) for row in self._walk() if row[0] in infohashes}
        rows = self._rows.all(listings, infohashes, self._with_joint(listings, counts))
        return self._census(rows, is_whole=True)

    def _open(self) -> Census:
        largest = self._core.largest(ROWS_MAX + 1)
        is_whole = len(largest) <= ROWS_MAX
        del largest[ROWS_MAX:]
        counts = {row[0]: (row[1], row[2]) for row in largest}
        others: Iterable[bytes] = counts
        if is_whole and self._settings.keep_dead:
            dead, _ = self._keeper.ledger.page(0, ROWS_MAX)
            others = {*counts, *(infohash for infohash, _ in dead)}
        listings = self._allowed.listings
        rows = self._rows.all(listings, others, self._with_joint(listings, counts))
        found = self._census(rows, is_whole=is_whole)
        if is_whole:
            return found
        held = self._core.counters()
        downloading = held["peers_v4"] + held["peers_v6"] - held["seeders"]
        downloaded = self._keeper.completed_total()
        sums = Sums(held["torrents"], held["seeders"], downloading, downloaded)
        totals = with_sums(found.totals, sums)
        return replace(found, totals=totals, is_whole=False)

    def _walk(self) -> Iterator[Row]:
        at: int | None = 0
        while at is not None:
            page, at = self._core.torrents_page(at, PAGE_ROWS)
            yield from page

    def _census(self, found: Rows, *, is_whole: bool) -> Census:
        rows = found.rows
        index = {row.infohash: row for row in rows}
        for row in rows:
            if row.infohash_v2 is not None:
                index.setdefault(row.infohash_v2[:20], row)
        keeper = self._keeper
        ips, counted = self._core.unique_ips(), keeper.completed_total()
        totals = make_totals(rows, ips, keeper.completed, counted)
        return Census(rows, index, found.keys, totals, is_whole)

    def _with_joint(self, listings: Mapping[bytes, Listing], counts: Counts) -> Counts:
        """The numbers of hybrids under their rows' infohashes, each peer counted once.

        Looking at every peer of both swarms costs, so for large ones it is done again only where a
        number has changed.
        """
        joint: dict[bytes, tuple[object, tuple[int, int]]] = {}
        changed = dict(counts)
        for listing in listings.values():
            of_aliases = [counts.get(alias, (0, 0)) for alias in listing.aliases]
            busy = [one for one in of_aliases if any(one)]
            if len(listing.aliases) < 2 or not busy:
                continue
            numbers = busy[0]
            if len(busy) > 1:
                kept = self._joint.get(listing.infohash)
                is_large = sum(map(sum, busy)) > PEERS_AT_ONCE
                if is_large and kept is not None and kept[0] == of_aliases:
                    numbers = kept[1]
                else:
                    numbers = (self._core.counts(listing.aliases) or (0, 0, 0))[:2]
                joint[listing.infohash] = (of_aliases, numbers)
            changed[listing.infohash] = numbers
        self._joint = joint
        return changed


def walk(
    census: Census | None, counter: Counter, cursor: str, limit: int
) -> tuple[Sequence[TorrentRow], str | None]:
    """A part of all torrents, and the cursor of the next part, None after the last.

    Where all are listed they come in the order of their infohashes, otherwise in that of memory, so
    that each part costs the same. A torrent that is there all the while is in one part.

    Args:
        census: Of all torrents, None where not all are listed.
        counter: Has those that are not.
        cursor: Empty, or what came with the part before.
        limit: Torrents in a part; there may be fewer or some more.

    Raises:
        ValueError: It is no cursor of this tracker.
    """
    kind, rest = cursor[:1], cursor[1:]
    if kind not in ("", "h", "m"):
        raise ValueError("not a cursor")
    after = bytes.fromhex(rest) if kind == "h" else b""
    if kind == "m" or census is None:
        found, following = counter.page(_place(rest) if kind == "m" else 0, limit)
        return found, None if following is None else f"m{following}"
    begin = bisect_right(census.keys, after)
    part = [census.index[key] for key in census.keys[begin : begin + limit]]
    is_last = begin + limit >= len(census.keys)
    return part, None if is_last else f"h{part[-1].infohash_hex}"


def _place(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= PLACE_DIGITS_MAX):
        raise ValueError("not a cursor")
    return int(text)
