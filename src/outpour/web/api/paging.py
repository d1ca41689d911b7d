"""Lists of an administrator, a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from outpour.web.api.endpoint import Asked
from outpour.web.api.position import Position
from outpour.web.api.problem import Problem
from outpour.web.limits import API_ROWS_MAX

T = TypeVar("T")


def part_of(
    asked: Asked,
    items: Iterable[T],
    path: str,
    value_of: Callable[[T], object],
    tie_of: Callable[[T], str],
) -> tuple[Sequence[T], str | None]:
    """Sort items, and cut out the part that is asked for.

    Args:
        asked: Has `cursor` and `limit`.
        items: Some thousands at most.
        path: Where the list is asked for.
        value_of: What an item is sorted by.
        tie_of: What tells items of equal values apart.

    Returns:
        The part, and the URL of the next one.

    Raises:
        Problem: It is no cursor of this list.
    """
    ordered = sorted(items, key=lambda item: (value_of(item), tie_of(item)))
    limit = asked.given.get("limit", API_ROWS_MAX)
    begin = 0
    if "cursor" in asked.given:
        try:
            begin = Position.read(asked.given["cursor"], path).index(ordered, value_of, tie_of)
        except ValueError:
            said = "`cursor`: not of this list"
            raise Problem("no-such-page", said, parameter="cursor") from None
    some = ordered[begin : begin + limit]
    if begin + limit >= len(ordered):
        return some, None
    cursor = Position.of(path, value_of(some[-1]), tie_of(some[-1])).cursor
    limits = {"limit": limit} if "limit" in asked.given else {}
    return some, asked.links.absolute(asked.links.at(path, cursor=cursor, **limits))
