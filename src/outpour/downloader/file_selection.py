"""Says which files of a torrent are wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence

from outpour.base.errors import UsageError
from outpour.engine import Urgency
from outpour.making.globs import matcher
from outpour.torrent.info import Info

LIST_HINT = "`outpour download --list SOURCE` lists its files"
_NUMBERS = re.compile(r"\d{1,9}(-\d{1,9})?(,\d{1,9}(-\d{1,9})?)*\Z", re.ASCII)


def select_files(
    info: Info, patterns: Sequence[str], *, skip: Sequence[str] = ()
) -> list[int] | None:
    """Choose files by pattern or number.

    Args:
        info: The torrent.
        patterns: Globs as `making.globs` reads them, such as `*.iso` or `docs/*`; or numbers as
            in `1,3-5`, counted from 1 in the order of `outpour download --list`.
        skip: Which of them are not wanted, in the same way; they may match nothing.

    Returns:
        Indices without padding, None for all files.

    Raises:
        UsageError: A pattern chooses nothing, or nothing is left.
    """
    chosen = _chosen(info, patterns)
    left_out = _found(info, skip)
    if not left_out:
        return chosen
    count = sum(not file.is_padding for file in info.files)
    left = [index for index in (range(count) if chosen is None else chosen)
            if index not in left_out]  # fmt: skip
    if not left:
        raise UsageError(f"`{info.name}`: every file of it is skipped", hint=LIST_HINT)
    return left


def urgency_of(info: Info, first: Sequence[str], last: Sequence[str]) -> dict[int, Urgency]:
    """Tell which files come before the others, and which after them.

    Args:
        info: The torrent.
        first: Patterns or numbers as in `select_files`; they may match nothing.
        last: The same; what is in both comes first.
    """
    found: dict[int, Urgency] = dict.fromkeys(_found(info, last), "last")
    return found | dict.fromkeys(_found(info, first), "first")


def _chosen(info: Info, patterns: Sequence[str]) -> list[int] | None:
    if not patterns:
        return None
    chosen: set[int] = set()
    for pattern in patterns:
        found = _found(info, [pattern])
        if not found:
            raise UsageError(f"`{pattern}`: no such file in `{info.name}`", hint=LIST_HINT)
        chosen |= found
    return sorted(chosen)


def _found(info: Info, patterns: Sequence[str]) -> set[int]:
    if not patterns:
        return set()
    paths = [file.path for file in info.files if not file.is_padding]
    found: set[int] = set()
    for pattern in patterns:
        found |= _numbered(pattern, len(paths)) or _matching(pattern, paths)
    return found


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
