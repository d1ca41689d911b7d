"""The one place that imports libtorrent, for the rest of the engine to share."""

from __future__ import annotations

import libtorrent as lt

__all__ = ["lt"]
