"""Styles, scripts and icons of the package, held in memory with the tags of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

MEDIA_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
}


@dataclass(frozen=True, slots=True)
class Assets:
    """The files of `static/` by name."""

    files: Mapping[str, bytes]

    @classmethod
    def load(cls) -> Assets:
        """Read them from the package, be it a folder or a zip."""
        folder = resources.files("outpour.web") / "static"
        return cls(
            {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
        )

    def version(self, name: str) -> str:
        """A text that changes with the file, to put into its URL."""
        return hashlib.blake2b(self.files[name], digest_size=6).hexdigest()

    @staticmethod
    def media_type(name: str) -> str:
        """The type that a file is served as."""
        return MEDIA_TYPES.get("." + name.rpartition(".")[2], "application/octet-stream")
