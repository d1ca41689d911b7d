"""The bytes of a connection, cut where one request ends and the next begins."""

from __future__ import annotations

import re

_HEAD_END = re.compile(rb"\n\r?\n")
TAIL_BYTES = 2


class RequestCutter:
    """Holds what came, and hands it out one request at a time.

    What follows a request may be for somebody else, so it must not reach this one's parser.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._body_left: int | None = 0
        # The end of what was taken of a head, which may be the beginning of its end.
        self._tail = b""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def held(self) -> bytearray:
        """What was not taken yet."""
        return self._held

    def add(self, data: bytes) -> None:
        """Hold what came."""
        self._held += data

    def expect_body(self, length: int | None) -> None:
        """Say how long the body is that follows the head just taken; None if only it can tell."""
        self._body_left = length

    def take(self) -> bytes:
        """Take what is there of the request that is being received: its head, and then its body."""
        if self._body_left is None:
            return self._cut(len(self._held))
        if self._body_left:
            part = self._cut(min(self._body_left, len(self._held)))
            self._body_left -= len(part)
            return part
        if not self._tail:
            # RFC 9112, 2.2: empty lines before a request are skipped; they end no head.
            del self._held[: len(self._held) - len(self._held.lstrip(b"\r\n"))]
        end = _HEAD_END.search(self._tail + self._held)
        if end is None:
            part = self._cut(len(self._held))
            self._tail = (self._tail + part)[-TAIL_BYTES:]
            return part
        part = self._cut(end.end() - len(self._tail))
        self._tail = b""
        return part

    def rest(self) -> bytes:
        """Take all that is held."""
        return self._cut(len(self._held))

    def _cut(self, size: int) -> bytes:
        part = bytes(self._held[:size])
        del self._held[:size]
        return part
