"""File names into `Content-Disposition` headers."""

from __future__ import annotations

import re
from urllib.parse import quote

from outpour.web import text_format

_UNSAFE = re.compile(r"[^ !#$&+,\-.0-9;=@A-Z^_`a-z{}~()\[\]]")
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"
NAME_MAX = 200
"""Characters in the plain form; the encoded one carries the whole name."""


def disposition(name: str, kind: str = "attachment") -> str:
    """Name a download (RFC 6266): a plain form for old readers, the full name per RFC 8187.

    Example:
        >>> disposition("a.torrent")
        'attachment; filename="a.torrent"'
        >>> disposition("ä.iso", "inline")
        'inline; filename="_.iso"; filename*=UTF-8\\'\\'%C3%A4.iso'
    """
    whole = text_format.label(name)
    plain = _UNSAFE.sub("_", whole)
    if len(plain) > NAME_MAX:
        stem, dot, ending = plain.rpartition(".")
        tail = dot + ending if 0 < len(ending) <= 16 else ""
        plain = (stem if tail else plain)[: NAME_MAX - len(tail)] + tail
    text = f'{kind}; filename="{plain}"'
    if plain != whole:
        text += f"; filename*=UTF-8''{quote(whole, safe=_ATTRIBUTE_CHARACTERS)}"
    return text
