"""Turns the path of a file in a torrent from raw components into text.

A component is read whatever it is, because clients read it too and agree on the torrent; what it
becomes on disk is decided in `disk_names`. What outpour itself writes into a torrent has to pass
`component_fault`, so that a name stays a single one on every system.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from outpour.base.errors import MetainfoError
from outpour.base.text import from_bytes
from outpour.base.units import KIB

COMPONENT_BYTES_MAX = 255
"""What ext4, APFS and most others take for one name."""
PATH_BYTES_MAX = 4096
"""`PATH_MAX` of Linux: a longer path could never be opened, and is put in no torrent here."""
PATH_BYTES_READ_MAX = 32 * KIB
"""Clients cut each name off, so that a path may be longer in the torrent than on disk."""
PATH_COMPONENTS_MAX = 128
FOLDERS_KEPT = 100_000
"""Names of folders that a reader remembers; a torrent rarely has a thousand."""

# C0, DEL and C1: they drive terminals and break line-based tools.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HARMLESS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]{0,200}\Z")
_HARMLESS_BYTES = re.compile(rb"[A-Za-z0-9_-][A-Za-z0-9_. -]{0,200}\Z")
_DRIVE = re.compile(r"[A-Za-z]:\Z")


def component_fault(name: str) -> str | None:
    """Say why a name cannot be part of a path, or None when it can."""
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


class PathReader:
    """Reads the names of one torrent; folders that many files share are read once.

    Attributes:
        has_odd_names: Whether `component_fault` finds something in one of those read.
    """

    __slots__ = ("_folders", "has_odd_names")

    def __init__(self) -> None:
        self._folders: dict[bytes, str] = {}
        self.has_odd_names = False

    def name(self, raw: bytes) -> str:
        """Read one name: UTF-8, other bytes kept by `surrogateescape`."""
        name = from_bytes(raw)
        if component_fault(name) is not None:
            self.has_odd_names = True
        return name

    def read(self, components: Sequence[bytes], where: str, key: str = "") -> tuple[str, ...]:
        """Read a path below the torrent's root folder.

        Args:
            components: The bytes of the torrent.
            where: What they belong to, such as `info.files[3]`, for the message.
            key: Under which key of it they stand.

        Raises:
            MetainfoError: The path is empty, too deep or too long.
        """
        count = len(components)
        if (
            not 0 < count <= PATH_COMPONENTS_MAX
            or sum(map(len, components)) + count > PATH_BYTES_READ_MAX
        ):
            _refuse_path(components, _join(where, key))
        folders = self._folders
        path: list[str] = []
        for component in components[:-1]:
            name = folders.get(component)
            if name is None:
                name = self.name(component)
                if len(folders) < FOLDERS_KEPT:
                    folders[component] = name
            path.append(name)
        last = components[-1]
        # Nearly every name is harmless, and a large torrent has a million of them.
        if _HARMLESS_BYTES.match(last):
            path.append(last.decode("ascii"))
        else:
            path.append(self.name(last))
        return tuple(path)


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if key else where


def _refuse_path(components: Sequence[bytes], field: str) -> NoReturn:
    if not components:
        raise MetainfoError(f"`{field}`: path is empty", field=field)
    if len(components) > PATH_COMPONENTS_MAX:
        raise MetainfoError(
            f"`{field}`: path is deeper than {PATH_COMPONENTS_MAX} folders", field=field
        )
    raise MetainfoError(f"`{field}`: path is longer than {PATH_BYTES_READ_MAX} bytes", field=field)
