"""The place where a part of a sorted list ends, as the cursor of the next part.

A cursor holds what the last row was sorted by, so that rows which come and go before it move
nothing: each row that stays where it is comes once.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

TEXT_MAX = 300
"""Characters of a name in a cursor."""
CURSOR_MAX = 2048
CURSOR_FORM = "^([hm]?[0-9a-f]*|k[0-9A-Za-z_-]+)$"
MARK = "k"


@dataclass(frozen=True, slots=True)
class Position:
    """Behind which row a part begins.

    Attributes:
        order: What the list is sorted by.
        value: What the row is sorted by, in values that JSON can hold.
        tie: Tells rows of equal values apart.
    """

    order: str
    value: Any
    tie: str

    @classmethod
    def of(cls, order: str, value: object, tie: str) -> Position:
        """The place behind a row."""
        return cls(order, _plain(value), tie)

    @property
    def cursor(self) -> str:
        """The cursor that stands for it in a URL."""
        text = json.dumps([self.order, self.value, self.tie], ensure_ascii=False)
        raw = text.encode("utf-8", "surrogatepass")
        return MARK + base64.urlsafe_b64encode(raw).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str, order: str) -> Position:
        """Read a cursor.

        Raises:
            ValueError: It is none, or that of another order.
        """
        padded = cursor[len(MARK) :] + "=" * (-(len(cursor) - len(MARK)) % 4)
        try:
            found = json.loads(base64.b64decode(padded, b"-_", validate=True))
        except (binascii.Error, ValueError, RecursionError):
            raise ValueError("not a cursor") from None
        if not (isinstance(found, list) and len(found) == 3 and isinstance(found[2], str)):
            raise ValueError("not a cursor")
        if found[0] != order:
            raise ValueError("a cursor of another order")
        return cls(*found)

    def index(
        self,
        rows: Sequence[T],
        value_of: Callable[[T], object],
        tie_of: Callable[[T], str],
        *,
        descending: bool = False,
    ) -> int:
        """Where the rows begin that come after this place.

        Raises:
            ValueError: What it holds cannot be compared with what these rows are sorted by.
        """
        if _is_cut(self.value):
            # Its order among others that begin alike is not known, but it may still be there.
            for at, row in enumerate(rows):
                if tie_of(row) == self.tie:
                    return at + 1
        low, high = 0, len(rows)
        while low < high:
            middle = (low + high) // 2
            value, tie = _plain(value_of(rows[middle])), tie_of(rows[middle])
            try:
                is_before = value > self.value if descending else value < self.value
            except TypeError:
                raise ValueError("a cursor of another order") from None
            if is_before or (value == self.value and tie <= self.tie):
                low = middle + 1
            else:
                high = middle
        return low


def _is_cut(value: object) -> bool:
    if isinstance(value, list):
        return any(map(_is_cut, value))
    return isinstance(value, str) and len(value) >= TEXT_MAX


def _plain(value: object) -> Any:  # noqa: ANN401 - of JSON
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    return value[:TEXT_MAX] if isinstance(value, str) else value
