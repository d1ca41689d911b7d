"""The SHA-256 of a torrent's files as `sha256sum -c` reads them."""

from __future__ import annotations

from collections.abc import Mapping

from outpour.making.checksum_file import checksum_line
from outpour.web.torrent_facts import TorrentFacts


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
