"""Sizes, rates and durations between numbers and the text people read and write."""

from __future__ import annotations

import re

from outpour.base.errors import UsageError

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

_UNITS = {
    "": 1, "b": 1, "k": KIB, "kib": KIB, "m": MIB, "mib": MIB, "g": GIB, "gib": GIB, "t": TIB,
    "tib": TIB, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
}  # fmt: skip
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*\Z", re.IGNORECASE | re.ASCII)
SIZE_MAX = (1 << 63) - 1
"""What files may have, and numbers of programs."""
_DIGITS_MAX = 40


def parse_size(text: str) -> int:
    """Read a size such as `1MiB`, `256k` or `16384` in bytes.

    One-letter and `iB` units are powers of 1024, `kB`/`MB`/`GB`/`TB` powers of 1000.

    Raises:
        UsageError: The text is not a size, or not a whole number of bytes.

    Example:
        >>> parse_size("1MiB")
        1048576
    """
    match = _SIZE.match(text)
    factor = _UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise UsageError(
            f"`{text[:100]}`: not a size",
            hint="write a number and a unit, such as `256KiB` or `4MiB`",
        )
    digits = match[1]
    if len(digits) > _DIGITS_MAX or float(digits) * factor > SIZE_MAX:
        raise UsageError(f"`{text[:100]}`: larger than anything", hint="is a unit too much?")
    size = float(digits) * factor if "." in digits else int(digits) * factor
    if size != int(size):
        raise UsageError(f"`{text}`: not a whole number of bytes")
    return int(size)


def parse_rate(text: str) -> int:
    """Read a rate such as `1MiB/s` or `500KiB` in bytes a second.

    Raises:
        UsageError: The text is no rate.

    Example:
        >>> parse_rate("2KiB/s")
        2048
    """
    return parse_size(text.strip().removesuffix("/s"))


_TIMES = {"s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)\s*\Z", re.IGNORECASE | re.ASCII)


def parse_duration(text: str, unit: str) -> float:
    """Read a duration such as `90s`, `15min`, `2h` or `1d` in seconds.

    Args:
        text: A number, with or without a unit.
        unit: Of a number without one.

    Raises:
        UsageError: The text is no duration.

    Example:
        >>> parse_duration("1.5h", "min"), parse_duration("10", "min")
        (5400.0, 600.0)
    """
    match = _DURATION.match(text)
    factor = _TIMES.get(match[2].lower() or unit) if match else None
    if match is None or factor is None:
        raise UsageError(
            f"`{text}`: not a duration", hint="write a number and a unit, such as `90s` or `2h`"
        )
    return float(match[1]) * factor


def format_size(length: int) -> str:
    """Write a size for people, in binary units with up to three significant digits.

    Example:
        >>> format_size(292 * 1024), format_size(12), format_size(1610612736)
        ('292 KiB', '12 B', '1.5 GiB')
    """
    if length < KIB:
        return f"{length} B"
    units = iter(("KiB", "MiB", "GiB", "TiB", "PiB"))
    value, unit = length / KIB, next(units)
    while value >= 999.5 and unit != "PiB":
        value, unit = value / KIB, next(units)
    text = (
        f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    )
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}"


def format_rate(bytes_per_second: float) -> str:
    """Write a rate for people.

    Example:
        >>> format_rate(2048)
        '2 KiB/s'
    """
    return f"{format_size(int(bytes_per_second))}/s"


def format_duration(seconds: float) -> str:
    """Write a duration for people, in its two largest units.

    Example:
        >>> format_duration(3725), format_duration(42)
        ('1 h 2 min', '42 s')
    """
    rest = int(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    if len(parts) == 2 and parts[1].startswith("0 "):
        parts.pop()
    return " ".join(parts) or "0 s"


def count(number: int, noun: str) -> str:
    """Write a number with its noun.

    Example:
        >>> count(1, "file"), count(2, "file")
        ('1 file', '2 files')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
