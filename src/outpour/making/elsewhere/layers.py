"""Puts the merkle tree of a file together from those of its parts (BEP 52)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from outpour.making.hasher import Merkle
from outpour.torrent.merkle import BLOCK_LENGTH, HASH_LENGTH, root_of_layer


def joined(parts: Sequence[tuple[Merkle, int]], length: int, piece_length: int) -> Merkle:
    """Join trees of parts that begin at pieces.

    Args:
        parts: The tree of each part by itself, with its bytes.
        length: Of the file, in bytes.
        piece_length: Bytes.
    """
    if len(parts) == 1:
        return parts[0][0]
    assert length > piece_length
    nodes = (
        tree.layer or _lifted(tree.root, count, piece_length) for tree, count in parts if count
    )
    layer = b"".join(nodes)
    return Merkle(root_of_layer(layer, piece_length), layer)


def _lifted(root: bytes, count: int, piece_length: int) -> bytes:
    """The node of a piece, from the root of a tree that only covers the bytes that are there."""
    blocks = -(-count // BLOCK_LENGTH)
    width = 1 << (blocks - 1).bit_length()
    padding = bytes(HASH_LENGTH)
    level = 1
    while level < piece_length // BLOCK_LENGTH:
        if level >= width:
            root = hashlib.sha256(root + padding).digest()
        padding = hashlib.sha256(padding + padding).digest()
        level *= 2
    return root
