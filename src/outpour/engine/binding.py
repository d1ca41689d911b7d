"""The one place that imports libtorrent, for the rest of the engine to share."""

from __future__ import annotations

import os

from outpour.base.errors import OutpourError
from outpour.engine.utf8_names import names_as_bytes

with names_as_bytes():
    try:
        import libtorrent as lt
    except ImportError as error:
        # Of some Pythons and systems there are no wheels of it; all else of outpour works there.
        raise OutpourError(
            "`libtorrent`: not installed, and all that speaks to peers needs it",
            hint="pip install libtorrent, or use a Python that it has wheels for",
        ) from error

    # What it finds at its first look at a path holds as long as the process does.
    lt.list_files(os.devnull)

__all__ = ["lt"]
