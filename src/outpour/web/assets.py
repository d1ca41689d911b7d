"""Styles, scripts and icons of package and theme, held in memory with the tags of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from outpour.base.errors import ReadError, SettingsError, reason
from outpour.tracker.site_settings import SiteSettings
from outpour.web.packed_text import PackedText
from outpour.web.visitors.shades import style_of
from outpour.web.visitors.theme_folder import STYLE, limited_bytes, theme_files

MEDIA_TYPES = {
    ".css": "text/css",
    ".gif": "image/gif",
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
COLOURS = "colours.css"
"""The style that is made of the publisher's colour."""
LOGO_BYTES_MAX = 1 << 20
LOGO_SUFFIXES = (".svg", ".png", ".webp", ".jpg", ".jpeg", ".gif")


@dataclass(frozen=True, slots=True)
class Assets:
    """The files below `/static/`.

    Attributes:
        files: Their content by name.
        logo: The name of the publisher's image, None without one.
    """

    files: Mapping[str, bytes]
    logo: str | None = None
    _packed: dict[str, PackedText] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def load(cls, site: SiteSettings | None = None) -> Assets:
        """Read them from the package, be it a folder or a zip, and from what a publisher chose.

        Raises:
            ReadError: Logo or theme cannot be read.
            SettingsError: They are no such thing.
        """
        site = site or SiteSettings()
        folder = resources.files("outpour.web") / "static"
        files = {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}
        if site.theme is not None:
            files |= theme_files(site.theme)
        if site.colour is not None or site.dark_colour is not None:
            colour = site.colour or site.dark_colour or ""
            files[COLOURS] = style_of(colour, site.dark_colour).encode()
        if site.logo is None:
            return cls(files)
        logo = f"logo{site.logo.suffix.lower()}"
        return cls({**files, logo: _image(site.logo)}, logo)

    @property
    def last_styles(self) -> tuple[str, ...]:
        """Styles that come after those of a page, in their order."""
        return tuple(name for name in (COLOURS, STYLE) if name in self.files)

    def packed(self, name: str) -> PackedText:
        """A file with the forms in which it was sent before."""
        return self._packed.setdefault(name, PackedText(self.files[name]))

    def version(self, name: str) -> str:
        """A text that changes with the file, to put into its URL."""
        return hashlib.blake2b(self.files[name], digest_size=6).hexdigest()

    @staticmethod
    def media_type(name: str) -> str:
        """The type that a file is served as."""
        return MEDIA_TYPES.get("." + name.rpartition(".")[2].lower(), "application/octet-stream")


def _image(path: Path) -> bytes:
    if path.suffix.lower() not in LOGO_SUFFIXES:
        kinds = ", ".join(suffix[1:] for suffix in LOGO_SUFFIXES)
        raise SettingsError(f"`{path}`: not an image that browsers show", hint=f"one of: {kinds}")
    try:
        return limited_bytes(path, LOGO_BYTES_MAX)
    except OSError as error:
        raise ReadError(f"`{path}`: {reason(error)}", hint="name an image for `logo`") from None
