"""Whether bytes begin with a request for content: one that can be no other room's."""

from __future__ import annotations

import re

ROOM = b"/content/"
_LINE = re.compile(rb"GET (/[!-~]*) HTTP/1\.1\r?\n")
_OF_TRACKER = (b"announce", b"scrape")
"""How the last components of the tracker's paths begin; nothing of theirs is escaped."""


def is_content_request(held: bytes | bytearray) -> bool:
    """Tell by a whole request line; where it is unusual or not yet whole, it is none."""
    line = _LINE.match(held)
    if line is None:
        return False
    path = line[1].partition(b"?")[0]
    last = path.rstrip(b"/").rpartition(b"/")[2]
    return ROOM in path and not last.startswith(_OF_TRACKER)
