"""An event whose words a test chooses."""

from __future__ import annotations

from dataclasses import dataclass

from outpour.base.event import Event


@dataclass(frozen=True, slots=True)
class Said(Event):
    """Says it."""

    kind = "torrents"

    text: str

    def __str__(self) -> str:
        return self.text
