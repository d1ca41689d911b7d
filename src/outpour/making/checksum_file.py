"""The SHA-256 of a torrent's files as `sha256sum -c` reads them, in a file beside the torrent."""

from __future__ import annotations

from pathlib import Path

from outpour.making.walker import Tree

ENDING = ".SHA256SUMS"
_ESCAPED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def checksum_line(digest: str, path: str) -> str:
    """A line as GNU `sha256sum` writes it: one with a strange name begins with a backslash."""
    shown = "".join(_ESCAPED.get(letter, letter) for letter in path)
    mark = "\\" if shown != path else ""
    return f"{mark}{digest}  {shown}\n"


def checksum_file(tree: Tree, name: str, checksums: tuple[bytes, ...]) -> bytes:
    """Write a line for each file; paths begin with the torrent's name, where its content lies."""
    lines = []
    for entry, digest in zip(tree.entries, checksums, strict=True):
        if digest:
            path = (name, *entry.path) if tree.is_folder else (name,)
            lines.append(checksum_line(digest.hex(), "/".join(path)))
    return "".join(lines).encode("utf-8", "surrogateescape")


def path_beside(torrent: Path) -> Path:
    """Where the checksums of a .torrent file go."""
    return torrent.with_name(torrent.name.removesuffix(".torrent") + ENDING)
