"""Turns the size of content into a piece length."""

from __future__ import annotations

from collections.abc import Sequence

from outpour.base.errors import UsageError
from outpour.base.units import KIB, MIB, format_size
from outpour.torrent.info import PIECE_LENGTH_MAX, Version

PIECE_LENGTH_MIN = 16 * KIB
"""One request of a peer; below it a piece list only gets longer."""
PIECE_LENGTH_AUTO_MAX = 16 * MIB
"""Above it some clients refuse, and one bad piece costs too much."""
PIECES_WANTED = 2048
"""A piece list of 40 KiB loads in one go, and 0.05 % of the content is little to fetch again."""
PADDING_SHARE = 4
"""A hybrid's padding stays under a quarter of its content where the piece length can see to it."""


def pick_piece_length(total: int, lengths: Sequence[int] = (), format: Version = "v1") -> int:
    """Choose a piece length: the least power of two that makes at most 2048 pieces.

    Args:
        total: Bytes of content.
        lengths: Bytes of each file. A hybrid pads every one to a piece, so for many small files
            its pieces get shorter until the padding is below a quarter of the content.
        format: What will be made.

    Returns:
        Bytes, from 16 KiB to 16 MiB.

    Example:
        >>> pick_piece_length(4 << 30)
        2097152
    """
    piece_length = _least(total, PIECES_WANTED, PIECE_LENGTH_AUTO_MAX)
    if format == "hybrid":
        while (
            piece_length > PIECE_LENGTH_MIN
            and sum(-length % piece_length for length in lengths) * PADDING_SHARE > total
        ):
            piece_length //= 2
    return piece_length


def piece_length_of_count(total: int, pieces: int) -> int:
    """Choose the least power of two that makes at most `pieces` pieces of content laid end to end.

    Args:
        total: Bytes of content.
        pieces: How many are wanted; in v2 and hybrid every file begins a piece, which adds to them.

    Returns:
        Bytes, from 16 KiB to 1 GiB.

    Raises:
        UsageError: `pieces` is not a positive number, or even 1 GiB makes more.

    Example:
        >>> piece_length_of_count(4 << 30, 1000)
        8388608
    """
    if pieces < 1:
        raise UsageError(f"pieces: {pieces} is not a number of pieces")
    piece_length = _least(total, pieces, PIECE_LENGTH_MAX)
    if total > piece_length * pieces:
        raise UsageError(
            f"pieces: {format_size(total)} do not fit in {pieces} of at most "
            f"{format_size(PIECE_LENGTH_MAX)}",
            hint=f"ask for at least {-(-total // PIECE_LENGTH_MAX)}",
        )
    return piece_length


def check_piece_length(piece_length: int) -> int:
    """Return a piece length that every format takes, or refuse it.

    Raises:
        UsageError: It is not a power of two from 16 KiB to 1 GiB.
    """
    is_power = piece_length & (piece_length - 1) == 0
    if not PIECE_LENGTH_MIN <= piece_length <= PIECE_LENGTH_MAX or not is_power:
        raise UsageError(
            f"piece length: {piece_length} is not a power of two from 16 KiB to "
            f"{format_size(PIECE_LENGTH_MAX)}",
            hint="write `256KiB`, `1MiB` or `4MiB`, or leave it to outpour",
        )
    return piece_length


def _least(total: int, pieces: int, most: int) -> int:
    piece_length = PIECE_LENGTH_MIN
    while piece_length < most and total > piece_length * pieces:
        piece_length *= 2
    return piece_length
