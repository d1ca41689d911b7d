"""An entry as it is at one moment, without reading its content."""

from __future__ import annotations

import os
from dataclasses import dataclass

from outpour.base.errors import ReadError
from outpour.base.http_probe import RemoteFile
from outpour.base.text import printable
from outpour.making.elsewhere.url_list import Listed
from outpour.making.walker import Tree, fingerprint, walk
from outpour.publisher.entries import PublishEntry
from outpour.publisher.publish_options import PublishOptions


@dataclass(frozen=True, slots=True)
class RemoteContent:
    """Files on servers.

    Attributes:
        files: What they are called, and where they lie.
        found: What their servers say of them.
    """

    files: tuple[Listed, ...]
    found: tuple[RemoteFile, ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """An entry as it was found.

    Attributes:
        tree: Its files.
        fingerprint: Their identity without reading them.
        newest_ns: When one of them was last written, in nanoseconds since 1970.
        length: Bytes of all files.
        remote: Where it is read, None of what lies here, and while no server is reached.
    """

    tree: Tree
    fingerprint: bytes
    newest_ns: int
    length: int
    remote: RemoteContent | None = None


def look(entry: PublishEntry, options: PublishOptions) -> Sight:
    """List an entry's files.

    Raises:
        ReadError: Something in it cannot be read or published.
    """
    entry.check_link(options)
    tree = walk(
        entry.path, hidden=options.hidden, symlinks=options.symlinks, exclude=options.exclude
    )
    newest_ns = 0
    for file in tree.entries:
        newest_ns = max(newest_ns, file.mtime_ns)
        # Rights can go while everything else stays: such a file is neither served nor seeded.
        if not file.target and not os.access(file.location, os.R_OK):
            raise ReadError(f"`{printable(file.location)}`: may not be read")
    return Sight(tree, fingerprint(tree), newest_ns, tree.length)
