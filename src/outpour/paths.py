"""Turns the path of a file in a torrent from raw components into text, or refuses it.

Whoever downloads joins these components to a folder of their own, so a component must stay a
single name inside it on every system.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from outpour.errors import MetainfoError
from outpour.text import from_bytes, printable

COMPONENT_BYTES_MAX = 255
"""What ext4, APFS and most others take for one name."""
PATH_BYTES_MAX = 4096
"""`PATH_MAX` of Linux: a longer path could never be opened."""
PATH_COMPONENTS_MAX = 128

# C0, DEL and C1: they drive terminals and break line-based tools.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HARMLESS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]{0,200}\Z")
_DRIVE = re.compile(r"[A-Za-z]:\Z")


def read_component(raw: bytes, field: str) -> str:
    """Read one name: UTF-8, other bytes kept by `surrogateescape`.

    Args:
        raw: The bytes of the torrent.
        field: Where they stand, such as `info.files[3].path`, for the message.

    Raises:
        MetainfoError: The name is empty, climbs, holds a separator, a drive letter or a
            control character, or is too long.

    Example:
        >>> read_component("caf\\u00e9".encode(), "info.name")
        'café'
    """
    name = from_bytes(raw)
    fault = component_fault(name)
    if fault is not None:
        shown = printable(name if len(name) <= 60 else f"{name[:60]}…")
        raise MetainfoError(f"`{field}`: name `{shown}` {fault}", field=field)
    return name


def component_fault(name: str) -> str | None:
    """Say why a name cannot be part of a path, or None when it can."""
    # Nearly every name is harmless, and a large torrent has a million of them.
    if _HARMLESS.match(name):
        return None
    if _CONTROL.search(name):
        return "holds a control character"
    if name == "":
        return "is empty"
    if name in {".", ".."}:
        return "climbs out of the folder"
    if "/" in name or "\\" in name:
        return "holds a path separator"
    if _DRIVE.match(name):
        return "is a drive letter"
    if len(name.encode("utf-8", "surrogateescape")) > COMPONENT_BYTES_MAX:
        return f"is longer than {COMPONENT_BYTES_MAX} bytes"
    return None


def read_path(components: Sequence[bytes], field: str) -> tuple[str, ...]:
    """Read a path below the torrent's root folder.

    Raises:
        MetainfoError: As for `read_component`, or the path is empty, too deep or too long.
    """
    if not components:
        raise MetainfoError(f"`{field}`: path is empty", field=field)
    if len(components) > PATH_COMPONENTS_MAX:
        raise MetainfoError(
            f"`{field}`: path is deeper than {PATH_COMPONENTS_MAX} folders", field=field
        )
    if sum(map(len, components)) + len(components) > PATH_BYTES_MAX:
        raise MetainfoError(f"`{field}`: path is longer than {PATH_BYTES_MAX} bytes", field=field)
    return tuple([read_component(component, field) for component in components])
