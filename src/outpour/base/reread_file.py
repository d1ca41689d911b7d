"""A small file that is read again when it changes, and whose last good content stays in force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from outpour.base.errors import ReadError, reason
from outpour.base.text import typed

T = TypeVar("T")


class RereadFile(Generic[T]):
    """What a file says, looked at each time it is asked for.

    Args:
        path: The file.
        understand: Makes of its bytes what is asked for; raises FormatError where it cannot.
        bytes_max: How much of it is read.
        hint: What to do where it cannot be read.

    Raises:
        ReadError: It cannot be read.
        FormatError: It cannot be understood.
    """

    def __init__(
        self, path: Path, understand: Callable[[bytes], T], *, bytes_max: int, hint: str
    ) -> None:
        self._path = path
        self._understand = understand
        self._bytes_max = bytes_max
        self._hint = hint
        self._signature = self._look()
        self._value = self._read()

    def value(self) -> T:
        """What it says now; if it is gone or damaged, what it said before."""
        try:
            signature = self._look()
            if signature != self._signature:
                self._value = self._read()
                self._signature = signature
        except ReadError:
            pass
        return self._value

    def _look(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise self._unreadable(error) from error
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns

    def _read(self) -> T:
        try:
            with self._path.open("rb") as stream:
                raw = typed(stream.read(self._bytes_max))
        except OSError as error:
            raise self._unreadable(error) from error
        return self._understand(raw)

    def _unreadable(self, error: OSError) -> ReadError:
        return ReadError(f"`{self._path}`: {reason(error)}", hint=self._hint)
