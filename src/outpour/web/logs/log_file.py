"""A log in a file: nobody waits for it, it outlasts a full disk, and it can be moved away."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from outpour.base.errors import WriteError, reason
from outpour.base.lasting_stream import LastingStream

MODE = 0o640
"""Addresses of visitors are in it: for its owner, and a group that reads logs."""


class LogFile:
    """An open file that lines are added to.

    Args:
        path: Opened for appending, made if it is not there.
        missing: Makes the line that says how many are missing and why.
        mode: Of a file that is made, less what the process masks.

    Raises:
        WriteError: The file cannot be opened.
    """

    def __init__(self, path: Path, missing: Callable[[int, str], str], *, mode: int = MODE) -> None:
        self._path = path
        self._mode = mode
        self._number = self._open()
        self._stream = LastingStream(self._number, missing)

    def lines(self, texts: Sequence[str]) -> None:
        """Let lines be written; returns at once, from any thread."""
        if texts:
            self._stream.write("".join(f"{text}\n" for text in texts))

    def reopen(self) -> None:
        """Open the file anew, after it was moved away. No line is lost, and none is written twice.

        Raises:
            WriteError: It cannot be opened; what was open is written on.
        """
        number = self._open()
        try:
            # The new file takes the place of the old one under the number that is written to.
            os.dup2(number, self._number, inheritable=False)
        finally:
            os.close(number)

    def close(self) -> None:
        """Write what waits, and close."""
        # One whose disk has stopped is in use until the process ends.
        if self._stream.end():
            os.close(self._number)

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
        try:
            return os.open(self._path, flags, self._mode)
        except OSError as error:
            raise WriteError(f"`{self._path}`: {reason(error)}") from error
