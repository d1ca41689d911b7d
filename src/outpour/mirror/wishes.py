"""Which of the torrents that a publisher lists are mirrored."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

from outpour.making.globs import matcher
from outpour.mirror.offer import Offer


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an operator wants of a publisher.

    Attributes:
        only: Patterns of names; without any, all are wanted.
        skip: Patterns of names that are not.
        size_max: Bytes of the largest torrent, None for any.
        keep: How many of the newest, None for all.
    """

    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    size_max: int | None = None
    keep: int | None = None

    def fits(self, name: str, length: int | None, group: str | None = None) -> bool:
        """Whether a torrent is wanted, as far as its name and its size tell."""
        path = (name,) if group is None else (group, name)
        only, skip = matcher(self.only), matcher(self.skip)
        is_small = self.size_max is None or length is None or length <= self.size_max
        return is_small and (only is None or only(path)) and not (skip is not None and skip(path))

    def chosen(self, offers: Iterable[Offer]) -> list[Offer]:
        """Those that are wanted, the newest first.

        They are compared by the dates that their publisher gives them and by nothing else, so that
        it does not matter whose clock is right; without dates the order of the list counts.
        """
        only, skip = matcher(self.only), matcher(self.skip)
        found = []
        for place, offer in enumerate(offers):
            path = (offer.name,) if offer.group is None else (offer.group, offer.name)
            if only is not None and not only(path):
                continue
            if skip is not None and skip(path):
                continue
            if self.size_max is not None and (offer.length or 0) > self.size_max:
                continue
            found.append((-(offer.published_at or 0), place, offer))
        if self.keep is None:
            return [offer for _, _, offer in sorted(found, key=_order)]
        return [offer for _, _, offer in heapq.nsmallest(self.keep, found, key=_order)]


def _order(row: tuple[int, int, Offer]) -> tuple[int, int]:
    return row[:2]
