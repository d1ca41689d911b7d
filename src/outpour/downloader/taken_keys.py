"""Remembers what was downloaded from a page or feed, so that it is not downloaded again.

A file that somebody has moved or removed since would come again with every look otherwise.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from outpour.base.errors import WriteError, reason
from outpour.base.units import MIB

KEYS_MAX = 100_000
"""The latest of a source; as many as are read of a feed."""
BYTES_MAX = 64 * MIB


class TakenKeys:
    """The keys of one source, a file of its own with one a line.

    Args:
        folder: Holds the files; made when the first is written.
        source: URL of the page or feed.
        target: The folder of the downloads, since another one is another download.
    """

    def __init__(self, folder: Path, source: str, target: Path) -> None:
        digest = hashlib.sha256(f"{source}\0{target.absolute()}".encode("utf-8", "replace"))
        self._path = folder / f"{digest.hexdigest()[:24]}.taken"
        self._keys = dict.fromkeys(_read(self._path))
        if len(self._keys) > KEYS_MAX:
            self._keys = dict.fromkeys([*self._keys][-KEYS_MAX:])

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def add(self, key: str) -> None:
        """Remember a key.

        Raises:
            WriteError: The file cannot be written.
        """
        if key in self._keys:
            return
        self._keys[key] = None
        is_long = len(self._keys) > 2 * KEYS_MAX
        if is_long:
            self._keys = dict.fromkeys([*self._keys][-KEYS_MAX:])
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            if is_long:
                temporary = self._path.with_suffix(".tmp")
                temporary.write_text("".join(json.dumps(one) + "\n" for one in self._keys))
                temporary.replace(self._path)
            else:
                with self._path.open("a") as file:
                    file.write(json.dumps(key) + "\n")
        except OSError as error:
            raise WriteError(f"`{self._path}`: {reason(error)}") from error


def _read(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            lines = file.read(BYTES_MAX).splitlines()
    except OSError:
        return []
    keys: list[str] = []
    for line in lines:
        try:
            key = json.loads(line)
        except ValueError:
            # The end of a line is missing where the machine went down as it was written.
            continue
        if isinstance(key, str):
            keys.append(key)
    return keys
