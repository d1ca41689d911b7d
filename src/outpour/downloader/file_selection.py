"""Says which files of a torrent are wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from outpour.base.errors import UsageError
from outpour.making.globs import matcher
from outpour.torrent.info import Info

_NUMBERS = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*\Z", re.ASCII)


def select_files(info: Info, patterns: Sequence[str]) -> list[int] | None:
    """Choose files by pattern or number.

    Args:
        info: The torrent.
        patterns: Globs as `making.globs` reads them, such as `*.iso` or `docs/*`; or numbers as
            in `1,3-5`, counted from 1 in the order of `outpour show --files`.

    Returns:
        Indices without padding, None for all files.

    Raises:
        UsageError: A pattern chooses nothing.
    """
    if not patterns:
        return None
    paths = [file.path for file in info.files if not file.is_padding]
    chosen: set[int] = set()
    for pattern in patterns:
        found = _numbered(pattern, len(paths)) or _matching(pattern, paths)
        if not found:
            raise UsageError(
                f"`{pattern}`: no such file in `{info.name}`",
                hint="`outpour show --files TORRENT` lists them",
            )
        chosen |= found
    return sorted(chosen)


def numbered_files(info: Info, bounds: Sequence[tuple[int, int]]) -> list[int] | None:
    """Choose the files that a magnet link selects (BEP 53).

    Args:
        info: The torrent.
        bounds: Half-open ranges of numbers from 0, with padding counted.

    Returns:
        Indices without padding, None for all files.
    """
    if not bounds:
        return None
    stored = [index for index, file in enumerate(info.files) if not file.is_padding]
    return [
        number
        for number, index in enumerate(stored)
        if any(first <= index < end for first, end in bounds)
    ]


def _matching(pattern: str, paths: Sequence[tuple[str, ...]]) -> set[int]:
    matches = matcher([pattern])
    assert matches is not None
    return {index for index, path in enumerate(paths) if matches(path)}


def _numbered(pattern: str, count: int) -> set[int]:
    if not _NUMBERS.match(pattern):
        return set()
    found: set[int] = set()
    for part in pattern.split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first) - 1, min(int(last or first), count)))
    return {index for index in found if 0 <= index < count}
