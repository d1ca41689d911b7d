"""A table of the page of now that some part of the process fills: networks, nodes, mirrors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

BROAD_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Panel:
    """One table.

    Attributes:
        title: Above it.
        about: What its numbers are of; may be empty.
        headings: Of its columns; the first is a name, the others are numbers.
        rows: As they are read, each with a text a column.
    """

    title: str
    about: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def is_broad(self) -> bool:
        """Whether it has more columns than half a page has room for beside a name."""
        return len(self.headings) > BROAD_COLUMNS


PanelSource = Callable[[], Panel | None]
"""Quick, on the event loop; None while there is nothing to show."""
