"""How a comparison of content with its torrent goes, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

VerificationState = Literal["waiting", "verifying", "right", "wrong", "failed"]


@dataclass(frozen=True, slots=True)
class Verification:
    """A comparison of all bytes of content with the hashes of its torrent.

    Attributes:
        infohash: The torrent.
        state: `failed` where the content could not be read.
        asked_at: Unix time in seconds.
        ended_at: Unix time in seconds, None before.
        done: Bytes that were read.
        total: Bytes in total.
        message: What is wrong, or why it failed.
    """

    infohash: bytes
    state: VerificationState
    asked_at: int
    ended_at: int | None = None
    done: int = 0
    total: int = 0
    message: str | None = None

    def describe(self) -> dict[str, object]:
        """Tell programs of it."""
        return {
            "infohash": self.infohash.hex(),
            "state": self.state,
            "asked": self.asked_at,
            "ended": self.ended_at,
            "done": self.done,
            "total": self.total,
            "message": self.message,
        }
