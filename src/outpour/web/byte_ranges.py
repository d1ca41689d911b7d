"""A `Range` header (RFC 9110, 14.2) into the parts of a file that it asks for."""

from __future__ import annotations

import re

from outpour.web.limits import RANGES_MAX

_UNIT = re.compile(r"\s*bytes\s*=(.*)", re.IGNORECASE | re.DOTALL)
_SPAN = re.compile(r"([0-9]*)-([0-9]*)")
_DIGITS_MAX = 20
_FIELD_CHARACTERS_MAX = 4096

Span = tuple[int, int]


class UnsatisfiableError(Exception):
    """No part of the file was asked for: 416."""


def parse_range(field: str, length: int) -> tuple[Span, ...] | None:
    """Read the spans, each as (start, stop), in ascending order and joined where they touch.

    Returns:
        None if the whole file is to be sent: the header is malformed, in another unit, or asks
        for more pieces than `RANGES_MAX`.

    Raises:
        UnsatisfiableError: The header is well-formed and lies behind the end of the file.
    """
    unit = _UNIT.fullmatch(field)
    if unit is None or len(field) > _FIELD_CHARACTERS_MAX:
        return None
    spans: list[Span] = []
    asked = [part.strip(" \t") for part in unit[1].split(",")]
    for part in filter(None, asked):
        match = _SPAN.fullmatch(part)
        if match is None or part == "-" or max(len(match[1]), len(match[2])) > _DIGITS_MAX:
            return None
        if match[1]:
            start, stop = int(match[1]), int(match[2]) + 1 if match[2] else length
            if match[2] and stop <= start:
                return None
        else:
            start, stop = max(0, length - int(match[2])), length
        if start < min(stop, length):
            spans.append((start, min(stop, length)))
    if not any(asked):
        return None
    if not spans:
        raise UnsatisfiableError
    joined = _joined(spans)
    return joined if len(joined) <= RANGES_MAX else None


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return tuple(joined)
