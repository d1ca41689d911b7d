"""Starts Python anew in its UTF-8 mode where names of files would be in another encoding.

Names in torrents are UTF-8, and on disk they are the same bytes whatever the locale is, so that
what one machine publishes is found by all others.
"""

from __future__ import annotations

import os
import sys


def ensure_utf8() -> None:
    """Go on when names are UTF-8, else become the same command in UTF-8 mode."""
    if sys.getfilesystemencoding().lower() == "utf-8":
        return
    os.execv(  # noqa: S606 - this very program
        sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]]
    )
