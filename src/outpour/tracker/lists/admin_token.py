"""The token of a tracker's administrator, followed while its file changes."""

from __future__ import annotations

import hmac
from pathlib import Path

from outpour.base.errors import FormatError
from outpour.base.reread_file import RereadFile
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
        hint = f"make one: (umask 077; openssl rand -hex 32 > {path})"
        self._file = RereadFile(path, self._secret_in, bytes_max=BYTES_MAX, hint=hint)

    def is_right(self, given: str) -> bool:
        """Whether this is the token, in a time that tells nothing of it.

        A file that is gone or damaged leaves the token of before in force.
        """
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._file.value())

    def _secret_in(self, raw: bytes) -> bytes:
        secret = typed(raw).strip()
        # What no request can hold, as of another encoding, would open to nobody.
        is_text = all(0x20 < byte != 0x7F for byte in secret)
        if len(secret) < LENGTH_MIN or not is_text:
            raise FormatError(
                f"`{self._path}`: not one token of at least {LENGTH_MIN} characters",
                hint=f"openssl rand -hex 32 > {self._path}",
            )
        return secret
