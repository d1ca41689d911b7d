"""How many archives of folders are being sent, so that they stay within their limit."""

from __future__ import annotations


class ArchivesSent:
    """A count.

    Attributes:
        count: Archives that are being sent now.
    """

    def __init__(self) -> None:
        self.count = 0
