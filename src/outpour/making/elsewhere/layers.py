"""Puts the merkle tree of a file together from those of its parts (BEP 52)."""

from __future__ import annotations

from collections.abc import Sequence

from outpour.making.hasher import Merkle
from outpour.torrent.merkle import root_of_layer, root_widened, width_of


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
    # A part of one piece has no layer, and a tree that covers no more than the part.
    layer = b"".join(
        tree.layer or root_widened(tree.root, width_of(count), piece_length)
        for tree, count in parts
    )
    return Merkle(root_of_layer(layer, piece_length), layer)
