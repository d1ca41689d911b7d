"""The token of a tracker's administrator, followed while its file changes."""

from __future__ import annotations

import hmac
from pathlib import Path

from outpour.base.errors import FormatError, ReadError, reason
from outpour.base.text import typed

LENGTH_MIN = 16
"""Characters; fewer could be tried out."""
BYTES_MAX = 4096


class Token:
    """A secret in a file, which is read again when it changes.

    Args:
        path: The file; blanks around the token are left out of account.

    Raises:
        ReadError: It cannot be read.
        FormatError: It holds no token, or one that is too short.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signature = self._look()
        self._secret = self._read()

    def is_right(self, given: str) -> bool:
        """Whether this is the token, in a time that tells nothing of it.

        A file that is gone or damaged leaves the token of before in force.
        """
        try:
            signature = self._look()
            if signature != self._signature:
                self._secret = self._read()
                self._signature = signature
        except ReadError:
            pass
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._secret)

    def _look(self) -> tuple[int, ...]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise self._unreadable(error) from error
        return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns

    def _read(self) -> bytes:
        try:
            with self._path.open("rb") as stream:
                secret = typed(stream.read(BYTES_MAX)).strip()
        except OSError as error:
            raise self._unreadable(error) from error
        if len(secret) < LENGTH_MIN or len(secret.split()) != 1:
            raise FormatError(
                f"`{self._path}`: not one token of at least {LENGTH_MIN} characters",
                hint=f"openssl rand -hex 32 > {self._path}",
            )
        return secret

    def _unreadable(self, error: OSError) -> ReadError:
        return ReadError(
            f"`{self._path}`: {reason(error)}",
            hint=f"make one: (umask 077; openssl rand -hex 32 > {self._path})",
        )
