"""What a form has brought about, told once on the page that follows it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

NOTICES_MAX = 64
"""Each waits for a browser that was just told where to go."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What was done.

    Attributes:
        text: As a sentence.
        secret: What is shown this once, such as a new key; empty if nothing is.
    """

    text: str
    secret: str = ""


class Notices:
    """Notices by names that nobody can guess."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, Notice] = OrderedDict()

    def leave(self, notice: Notice) -> str:
        """Leave a notice; returns its name."""
        name = secrets.token_urlsafe(12)
        self._waiting[name] = notice
        while len(self._waiting) > NOTICES_MAX:
            self._waiting.popitem(last=False)
        return name

    def take(self, name: str) -> Notice | None:
        """Take a notice; there is none the second time."""
        return self._waiting.pop(name, None)
