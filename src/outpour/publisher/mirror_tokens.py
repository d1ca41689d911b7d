"""The tokens by which mirrors register, a line `NAME TOKEN` each, followed while the file changes.

A token is that of one mirror: it says who comes, and lets nobody do anything but that.
"""

from __future__ import annotations

import hmac
import re
from pathlib import Path

from outpour.base.errors import FormatError
from outpour.base.reread_file import RereadFile

TOKEN_MIN = 16
"""Characters; fewer could be tried out."""
NAMES_MAX = 100
BYTES_MAX = 64 << 10
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,62})\s+(\S+)\Z")


class MirrorTokens:
    """Knows mirrors by their tokens.

    Args:
        path: The file; empty lines and such that begin with `#` are left out of account.

    Raises:
        ReadError: It cannot be read.
        FormatError: A line is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        hint = f'make it: (umask 077; echo "mirror-1 $(openssl rand -hex 32)" > {path})'
        self._file = RereadFile(path, self._names_in, bytes_max=BYTES_MAX, hint=hint)

    def name_of(self, given: str) -> str | None:
        """The name of whose token this is, in a time that tells nothing of it; None of nobody's.

        A file that is gone or damaged leaves what it held before in force.
        """
        raw = given.encode("utf-8", "replace")
        found = None
        for token, name in self._file.value().items():
            if hmac.compare_digest(raw, token):
                found = name
        return found

    def names(self) -> frozenset[str]:
        """All that may register."""
        return frozenset(self._file.value().values())

    def _names_in(self, raw: bytes) -> dict[bytes, str]:
        found: dict[bytes, str] = {}
        for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.match(line.strip())
            if match is None or len(match[2]) < TOKEN_MIN:
                raise FormatError(
                    f"`{self._path}`: line {number} is no `NAME TOKEN` with a token of at least "
                    f"{TOKEN_MIN} characters",
                    hint=f'echo "mirror-1 $(openssl rand -hex 32)" >> {self._path}',
                )
            found[match[2].encode()] = match[1]
        if len(found) > NAMES_MAX:
            raise FormatError(f"`{self._path}`: more than {NAMES_MAX} mirrors")
        return found
