"""Times of files in the 64 bits that are kept of them, whatever a file system says."""

from __future__ import annotations

_BITS = 64


def kept_ns(time_ns: int) -> int:
    """A time of a file as what tells later whether it is still the same, from -2^63 to 2^63 - 1.

    From the year 2262 on nanoseconds since 1970 take more than that; their lowest bits are kept.

    Args:
        time_ns: Nanoseconds since 1970.
    """
    half = 1 << _BITS - 1
    return (time_ns + half) % (1 << _BITS) - half
