"""Turns patterns such as `*.tmp` or `docs/*.html` into a test of paths."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from outpour.base.arguments import texts

PathTest: TypeAlias = Callable[[tuple[str, ...]], bool]
"""Takes the components of a path below the root."""


def matcher(patterns: Sequence[str]) -> PathTest | None:
    """Make a test that tells whether any of the patterns matches a path, None without patterns.

    A pattern with a slash is held against the whole path below the root, any other against each
    name in it; one that matches a folder matches all that is in it. `*` also spans slashes, `?` is
    one sign, `[a-z]` one of them.

    Example:
        >>> matches = matcher(["*.tmp", "docs/*.html"])
        >>> matches(("a", "x.tmp")), matches(("docs", "a", "i.html")), matches(("i.html",))
        (True, True, False)
    """
    patterns = texts(patterns, "patterns")
    if not patterns:
        return None
    by_path, by_name = (
        [pattern.strip("/") for pattern in patterns if ("/" in pattern.rstrip("/")) is whole]
        for whole in (True, False)
    )
    inside = [f"{pattern}/*" for pattern in by_path]
    path_like, name_like = _any_of([*by_path, *inside]), _any_of(by_name)

    def matches(path: tuple[str, ...]) -> bool:
        if name_like is not None and any(map(name_like.match, path)):
            return True
        return path_like is not None and path_like.match("/".join(path)) is not None

    return matches


def _any_of(patterns: Sequence[str]) -> re.Pattern[str] | None:
    if not patterns:
        return None
    return re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns))
