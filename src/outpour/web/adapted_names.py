"""Names of files as clients ask for them that adapt names to every system before they store them.

Transmission and clients on Windows replace what Windows has no place for, and then use the name
they have on disk for the web seed too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_PLACELESS = re.compile(r'[<>:"/\\|?*]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\..*)?\Z", re.IGNORECASE)
Path = tuple[str, ...]


def adapted(paths: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield what a path is adapted to, and the path, where both differ and no other path is meant.

    Example:
        >>> list(adapted([("what?", "a"), ("b",)]))
        [(('what_', 'a'), ('what?', 'a'))]
    """
    own = frozenset(paths)
    meant: dict[Path, Path | None] = {}
    for path in own:
        other = tuple(map(_adapted, path))
        if other != path:
            meant[other] = None if other in meant or other in own else path
    for other, path_meant in meant.items():
        if path_meant is not None:
            yield other, path_meant


def _adapted(name: str) -> str:
    plain = name.strip().rstrip(" .")
    if _DEVICES.match(plain):
        plain = f"_{plain}"
    return _PLACELESS.sub("_", plain)
