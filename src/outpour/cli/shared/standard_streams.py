"""The standard streams of a process, also of one that was started without them."""

from __future__ import annotations

import errno
import io
import os
from contextlib import suppress
from typing import TextIO


class NoStream(io.TextIOBase):
    """Stands for a stream that the caller closed.

    Args:
        fails: Whether what is written must not get lost unseen; else nobody wants to see it.
    """

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails

    @property
    def buffer(self) -> NoStream:
        """Where bytes go, which is nowhere too."""
        return self

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str | bytes) -> int:
        """Forget a text, or bytes.

        Raises:
            OSError: It must not get lost.
        """
        if self._fails and text:
            raise OSError(errno.EBADF, "it is closed")
        return len(text)


def hold_numbers() -> None:
    """Have no file or socket get the number of a stream that the caller closed.

    What a library writes to standard error would otherwise go into somebody's content.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest that is free is this one. Nothing can be written there, as when closed.
            os.open(os.devnull, os.O_RDONLY)


def silence(stream: TextIO) -> None:
    """Write nothing to a stream any more, nor fail to: the interpreter flushes it at the end."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
