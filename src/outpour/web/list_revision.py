"""Names the state of the list: which torrents there are, whatever their numbers."""

from __future__ import annotations

import hashlib
import secrets

from outpour.web.contract import View

_START = secrets.token_hex(8)
"""Revisions count from the start of the process."""


def revision_of(view: View) -> str:
    """Return 16 hexadecimal digits that are others once a torrent comes or goes."""
    told = f"{_START} {view.revision()!r}".encode()
    return hashlib.blake2b(told, digest_size=8).hexdigest()
