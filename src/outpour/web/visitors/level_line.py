"""Tells whether a drawn line says anything: one that never moves is no area."""

from __future__ import annotations

import re

_POINTS = re.compile(r"[ML](-?\d+) (-?\d+)")


def is_level(path: str) -> bool:
    """Whether all points of an SVG path are at one height."""
    return len({height for _, height in _POINTS.findall(path)}) < 2
