"""A text in the codings that visitors take (RFC 9110, 8.4.1), each packed once."""

from __future__ import annotations

import gzip
import re

import brotli  # type: ignore[import-untyped]
from anyio import to_thread

from outpour.web.limits import PACKED_BYTES_MIN

CODINGS = ("br", "gzip")
"""What we pack, the better first."""
INLINE_BYTES_MAX = 16 << 10
"""A tenth of a millisecond of packing; more is done beside the event loop."""
LARGE_BYTES = 64 << 10
LEVELS = {"br": (4, 1), "gzip": (5, 2)}
"""How hard to pack, and how hard large texts: a third of the time, for an eighth more of bytes. Of
brotli even the lowest packs more than gzip, in half the time."""
_TEXT = re.compile(r"text/|[a-z]+/(.*\+)?(json|xml)\b")
NAMES = {"br": "br", "gzip": "gzip", "x-gzip": "gzip"}


class PackedText:
    """A text and its packed forms, made when they are first asked for.

    Args:
        raw: The text.
    """

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._forms: dict[str, bytes] = {}

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.raw) + sum(map(len, self._forms.values()))

    def pack(self, coding: str) -> bytes:
        """The text in a coding; packing takes some milliseconds for a large one."""
        form = self._forms.get(coding)
        if form is None:
            form = self._forms[coding] = _packed(self.raw, coding)
        return form

    async def get(self, coding: str) -> bytes:
        """The text in a coding, packed beside the event loop where that takes long."""
        if coding in self._forms or len(self.raw) <= INLINE_BYTES_MAX:
            return self.pack(coding)
        return await to_thread.run_sync(self.pack, coding)


def is_worth_packing(raw: bytes, media_type: str = "text/plain") -> bool:
    """Whether it is a text, and larger than a packet: pictures and hashes are packed already."""
    return len(raw) >= PACKED_BYTES_MIN and _TEXT.match(media_type) is not None


def coding_of(field: str) -> str | None:
    """The best coding that `Accept-Encoding` allows (RFC 9110, 12.5.3); None for none."""
    found: dict[str, float] = {}
    for entry in field.lower().split(","):
        name, _, weight = entry.partition(";")
        coding = NAMES.get(name.strip())
        if coding is not None:
            found.setdefault(coding, _weight(weight))
    best = max(CODINGS, key=lambda coding: found.get(coding, 0.0))
    return best if found.get(best, 0.0) > 0 else None


def _weight(text: str) -> float:
    name, equals, number = text.replace(" ", "").replace("\t", "").partition("=")
    if not equals or name != "q":
        return 1.0
    try:
        weight = float(number) if len(number) <= 5 else 1.0
    except ValueError:
        return 1.0
    # Not a number is no weight either.
    return weight if 0 <= weight <= 1 else 1.0


def _packed(raw: bytes, coding: str) -> bytes:
    usual, large = LEVELS[coding]
    level = usual if len(raw) <= LARGE_BYTES else large
    if coding == "br":
        form: bytes = brotli.compress(raw, quality=level)
        return form
    return gzip.compress(raw, level, mtime=0)
