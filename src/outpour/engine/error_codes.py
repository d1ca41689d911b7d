"""Reads libtorrent's error codes."""

from __future__ import annotations

from outpour.engine.binding import lt
from outpour.engine.foreign_text import text_of


def reason_of(error: lt.error_code) -> str:
    """Say an error as libtorrent says it."""
    return text_of(error.message)


def errno_of(error: lt.error_code) -> int:
    """Return the operating system's error number, 0 when the error is somebody else's."""
    return error.value() if error.category().name() in ("system", "generic") else 0


def lowered(message: str) -> str:
    """Write a message so that it can follow a colon."""
    return message[:1].lower() + message[1:] if message[1:2].islower() else message
