"""What the log of bttrack says of itself, beside what it is for: lines that begin with `#`."""

from __future__ import annotations


def missing(count: int, why: str) -> str:
    """Say how many lines could not be written."""
    return f"# {count} lines are missing here: {why}\n"
