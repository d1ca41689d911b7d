"""The one place that imports libtorrent, for the rest of the engine to share."""

from __future__ import annotations

import os

from outpour.engine.utf8_names import names_as_bytes

with names_as_bytes():
    import libtorrent as lt

    # What it finds at its first look at a path holds as long as the process does.
    lt.list_files(os.devnull)

__all__ = ["lt"]
