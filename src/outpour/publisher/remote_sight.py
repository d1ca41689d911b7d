"""An entry that lies on servers, as they tell of it at one moment; nothing of it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from outpour.base.errors import NetworkError, ReadError, reason
from outpour.base.http_fetch import fetch
from outpour.base.http_probe import RemoteFile
from outpour.making.elsewhere.remote_plan import ask
from outpour.making.elsewhere.url_list import BYTES_MAX, Listed, read_list
from outpour.making.walker import Entry, Tree
from outpour.publisher.catalogue_file import CatalogueEntry
from outpour.publisher.entries import PublishEntry
from outpour.publisher.sight import RemoteContent, Sight
from outpour.torrent.metainfo import Metainfo


def look_elsewhere(entry: PublishEntry) -> Sight:
    """Ask the servers of an entry about its files.

    Raises:
        NetworkError: One is not reached, or lacks a file.
        ReadError, FormatError, UsageError: The list of its files cannot be read, or is none.
    """
    listed = entry.listed
    assert listed is not None
    files = _files(listed)
    found = ask(files)
    paths = [file.path for file in files] if listed.list else [(listed.name,)]
    entries = tuple(
        Entry(path, file.url, file.length, file.modified_at * 10**9, 0, 0)
        for path, file in zip(paths, found, strict=True)
    )
    tree = Tree(Path(listed.name), listed.list is not None, entries)
    newest_ns = max(file.modified_at for file in found) * 10**9
    content = RemoteContent(tuple(files), tuple(found))
    return Sight(tree, _fingerprint(files, found), newest_ns, tree.length, content)


def sight_of_made(entry: PublishEntry, fingerprint: bytes, metainfo: Metainfo) -> Sight:
    """What was there when a torrent was made, for the time in which no server is reached."""
    info = metainfo.info
    files = [file for file in info.files if not file.is_padding]
    paths = [file.path if info.is_folder else (info.name,) for file in files]
    entries = tuple(
        Entry(path, "", file.length, 0, 0, 0) for path, file in zip(paths, files, strict=True)
    )
    return Sight(Tree(Path(entry.name), info.is_folder, entries), fingerprint, 0, info.length)


def _files(listed: CatalogueEntry) -> Sequence[Listed]:
    if listed.list is None:
        return [Listed(listed.urls[0], (listed.name,), listed.sha256)]
    if "://" in listed.list:
        raw = fetch(listed.list, bytes_max=BYTES_MAX).body
    else:
        try:
            with Path(listed.list).open("rb") as stream:
                raw = stream.read(BYTES_MAX + 1)
        except OSError as error:
            raise ReadError(f"`{listed.list}`: {reason(error)}") from None
        if len(raw) > BYTES_MAX:
            raise ReadError(f"`{listed.list}`: over {BYTES_MAX} bytes, which is too long")
    files = read_list(raw, listed.base, f"`{listed.list}`")
    named = Path(listed.list).name
    # A list that lies among its files does not name itself, and neither do its signatures.
    files = [file for file in files if file.path != (named,)]
    if not files:
        raise NetworkError(f"`{listed.list}`: lists nothing")
    return files


def _fingerprint(files: Sequence[Listed], found: Sequence[RemoteFile]) -> bytes:
    told = [
        (one.url, one.path, one.sha256, file.length, file.tag)
        for one, file in zip(files, found, strict=True)
    ]
    return hashlib.sha256(repr(told).encode("utf-8", "surrogateescape")).digest()
