"""What a long-running part tells whoever listens: frozen values, one a line for people."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; `str(event)` is the line for people to read.

    Attributes:
        is_trouble: Whether somebody should look at it.
        kind: What it is about, in a word by which a log of events is filtered.
    """

    is_trouble = False
    kind = "other"
