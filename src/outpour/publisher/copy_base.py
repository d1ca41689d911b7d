"""Where copies of what is published lie on other servers, and of which of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from outpour.base.errors import UsageError
from outpour.base.text import printable
from outpour.base.web_url import check_no_login, check_place
from outpour.making.globs import PathTest, matcher
from outpour.publisher.entries import PublishEntry

PATH = "{path}"
URL_MAX = 2000


@dataclass(frozen=True, slots=True)
class CopyBase:
    """The URL of a folder that holds copies, or one with `{path}` in it.

    Attributes:
        text: As it was given.
        where: Of what: a pattern of names, or the path of what is published; None is everything.
    """

    text: str
    where: str | None = None

    def __post_init__(self) -> None:
        is_url = self.text[:8].lower().startswith(("http://", "https://"))
        if not is_url or not self.text.isprintable() or " " in self.text:
            raise UsageError(
                f"`{printable(self.text)[:200]}`: neither `http://` nor `https://`",
                hint="name the folder that holds the copies, as in `https://cdn.example.org/files/`",
            )
        check_place(self.text)
        check_no_login(self.text)

    @classmethod
    def of_setting(cls, text: str) -> CopyBase:
        """Read `URL` or `WHERE=URL`.

        Raises:
            UsageError: It names no URL.
        """
        where, is_part, url = text.partition("=")
        if is_part and "://" not in where:
            return cls(url.strip(), where.strip())
        return cls(text)

    @property
    def key(self) -> str:
        """What it is called where it can be taken back."""
        raw = f"{self.where or ''}\0{self.text}".encode("utf-8", "surrogateescape")
        return hashlib.sha256(raw).hexdigest()[:12]

    def holds(self, entry: PublishEntry) -> bool:
        """Whether a copy of this entry is to be there."""
        if self.where is None:
            return True
        if "/" in self.where:
            places = (entry.path, *([entry.folder] if entry.folder else ()))
            asked = Path(self.where).absolute()
            return any(place.absolute() == asked for place in places)
        return _test(self.where)((entry.name,))

    def seed_of(self, name: str, *, is_folder: bool) -> str | None:
        """The web seed of a torrent there (BEP 19), None where the base can name none.

        That of a folder ends with a slash, and clients put the name and the paths behind it: a base
        with something behind `{path}` has no such place.
        """
        quoted = quote(name.encode("utf-8", "surrogateescape"), safe="")
        if PATH not in self.text:
            base = self.text if self.text.endswith("/") else f"{self.text}/"
            return base if is_folder else base + quoted
        if not is_folder:
            return self.text.replace(PATH, quoted)
        return self.text.removesuffix(PATH) if self.text.endswith(f"/{PATH}") else None


@lru_cache(256)
def _test(pattern: str) -> PathTest:
    # It is held against the name of each torrent.
    return matcher([pattern]) or (lambda _: False)
