"""Turns the piece layer of a file into the root of its Merkle tree (BEP 52)."""

from __future__ import annotations

import hashlib

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
    padding = bytes(HASH_LENGTH)
    for _ in range((piece_length // BLOCK_LENGTH).bit_length() - 1):
        padding = hashlib.sha256(padding + padding).digest()
    while len(nodes) > 1:
        if len(nodes) % 2:
            nodes.append(padding)
        nodes = [
            hashlib.sha256(nodes[at] + nodes[at + 1]).digest() for at in range(0, len(nodes), 2)
        ]
        padding = hashlib.sha256(padding + padding).digest()
    return nodes[0]


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
    blocks = len(leaves) // HASH_LENGTH
    wanted = 1 << (blocks - 1).bit_length() if width is None else width // BLOCK_LENGTH
    return root_of_layer(leaves + bytes(HASH_LENGTH) * (wanted - blocks), BLOCK_LENGTH)
