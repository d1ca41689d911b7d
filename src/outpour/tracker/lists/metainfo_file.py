"""The .torrent of a listed torrent as it is handed out: read when it is wanted, and not before."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import OutpourError
from outpour.torrent.bencode import LIMITS
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Listing, signature_of


@dataclass(frozen=True, slots=True)
class MetainfoFile:
    """A .torrent that may be handed out.

    Attributes:
        listing: What it is of.
        raw: Its bytes, where they are in memory only.
    """

    listing: Listing
    raw: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes, as they were when the torrent was listed."""
        return self.listing.metainfo_size

    def read(self) -> bytes | None:
        """Read it; this blocks. None if it is no longer what was listed.

        Only a file that was touched since it was listed is parsed again.
        """
        path = self.listing.path
        if path is None:
            return self.raw
        try:
            return self._read(path)
        except (OSError, OutpourError):
            # It is being replaced or removed; the next scan tells.
            return None

    def _read(self, path: Path) -> bytes | None:
        # Not blocking, as opening a named pipe would wait for its writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                return None
            raw = stream.read(LIMITS.length + 1)
        if signature_of(status) == self.listing.signature and len(raw) == status.st_size:
            return raw
        metainfo = Metainfo.parse(raw)
        return metainfo.raw if metainfo.info.infohash == self.listing.infohash else None


def status_of(path: Path | None) -> os.stat_result | None:
    """The status of a .torrent file, None if there is none."""
    try:
        return path.stat() if path is not None else None
    except OSError:
        return None
