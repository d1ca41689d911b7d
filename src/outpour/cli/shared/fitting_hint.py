"""Keeps hints to what the command at hand has."""

from __future__ import annotations

import re
from collections.abc import Collection

_FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z_-]*")
_WHOLE = re.compile(r"`outpour [^`]*`")
"""A command that may be typed as it stands."""


def fitting(hint: str | None, flags: Collection[str]) -> str | None:
    """Return a hint, or None for one that names a flag which the command lacks.

    Example:
        >>> fitting("leave it out with `--exclude`", {"--exclude"})
        'leave it out with `--exclude`'
        >>> fitting("leave it out with `--exclude`", {"--state"})
    """
    if hint is None or not {*_FLAG.findall(_WHOLE.sub("", hint))} <= {*flags}:
        return None
    return hint
