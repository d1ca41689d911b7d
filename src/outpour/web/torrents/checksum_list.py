"""The SHA-256 of a torrent's files as `sha256sum -c` reads them."""

from __future__ import annotations

from collections.abc import Mapping

from outpour.web.torrent_facts import TorrentFacts

ESCAPED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def checksum_list(name: str, facts: TorrentFacts, sha256: Mapping[tuple[str, ...], str]) -> bytes:
    """Write a line for each file whose checksum is known, in the order of the torrent.

    Args:
        name: Of the torrent; the files of a folder lie below it.
        facts: Has the files.
        sha256: In hexadecimal by path.
    """
    lines = []
    for file in facts.listed:
        digest = sha256.get(file.path)
        if digest is not None:
            path = (name, *file.path) if facts.files.is_folder else (name,)
            lines.append(checksum_line(digest, "/".join(path)))
    return "".join(lines).encode("utf-8", "surrogateescape")


def checksum_line(digest: str, path: str) -> str:
    """A line as GNU `sha256sum` writes it: one with a strange name begins with a backslash."""
    shown = "".join(ESCAPED.get(letter, letter) for letter in path)
    mark = "\\" if shown != path else ""
    return f"{mark}{digest}  {shown}\n"
