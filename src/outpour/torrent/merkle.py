"""Turns the piece layer of a file into the root of its Merkle tree (BEP 52)."""

from __future__ import annotations

import hashlib
from functools import cache

BLOCK_LENGTH = 16 * 1024
"""Bytes under one leaf."""
HASH_LENGTH = 32


def root_of_layer(layer: bytes, piece_length: int) -> bytes:
    """Hash a piece layer up to the root.

    Args:
        layer: SHA-256 tree nodes that each cover one piece, joined; at least one.
        piece_length: Bytes, a power of two from 16 KiB.

    Example:
        >>> root_of_layer(b"\\0" * 32, 16384) == b"\\0" * 32
        True
    """
    nodes = [layer[at : at + HASH_LENGTH] for at in range(0, len(layer), HASH_LENGTH)]
    level = _level(piece_length)
    while len(nodes) > 1:
        if len(nodes) % 2:
            nodes.append(_padding(level))
        nodes = [
            hashlib.sha256(nodes[at] + nodes[at + 1]).digest() for at in range(0, len(nodes), 2)
        ]
        level += 1
    return nodes[0]


def root_widened(root: bytes, width: int, to: int) -> bytes:
    """Turn the root of a tree into that of a wider one with nothing behind it.

    Args:
        root: Of a tree that covers `width` bytes, a power of two from 16 KiB.
        width: Bytes.
        to: Bytes that the wider tree covers, a power of two.
    """
    for level in range(_level(width), _level(to)):
        root = hashlib.sha256(root + _padding(level)).digest()
    return root


def width_of(length: int) -> int:
    """Bytes that the tree of so many covers: a power of two from 16 KiB."""
    return BLOCK_LENGTH << (-(-length // BLOCK_LENGTH) - 1).bit_length()


def root_of_bytes(content: bytes, width: int | None = None) -> bytes:
    """Hash bytes up to the root of their tree.

    Args:
        content: At least one byte.
        width: Bytes that the tree covers, a power of two from 16 KiB; None for the least.

    Example:
        >>> import hashlib
        >>> root_of_bytes(b"x") == hashlib.sha256(b"x").digest()
        True
    """
    leaves = b"".join(
        hashlib.sha256(content[at : at + BLOCK_LENGTH]).digest()
        for at in range(0, len(content), BLOCK_LENGTH)
    )
    root = root_of_layer(leaves, BLOCK_LENGTH)
    return root if width is None else root_widened(root, width_of(len(content)), width)


def _level(width: int) -> int:
    return (width // BLOCK_LENGTH).bit_length() - 1


@cache
def _padding(level: int) -> bytes:
    """The root of a tree of `level` levels of which no leaf is there."""
    if level == 0:
        return bytes(HASH_LENGTH)
    return hashlib.sha256(_padding(level - 1) * 2).digest()
