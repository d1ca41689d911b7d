"""Reads a catalogue: a TOML file of what is published, wherever it lies."""

from __future__ import annotations

import datetime
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outpour.base.errors import OutpourError, SettingsError, UsageError
from outpour.base.text import printable
from outpour.base.toml_file import read_toml
from outpour.base.units import MIB
from outpour.making.elsewhere.url_list import folder_name, folder_url, listed_url
from outpour.torrent.paths import component_fault

BYTES_MAX = 16 * MIB
"""Some fifty thousand entries."""
LINE_MAX = 200
DESCRIPTION_MAX = 4000
URLS_MAX = 64
_KEYS = (
    "name", "url", "urls", "sha256", "list", "base", "path", "description", "licence", "date",
    "group",
)  # fmt: skip
_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """What a catalogue says of a torrent.

    Attributes:
        name: Of the torrent.
        urls: Where its only file lies; the first is read, the others are copies.
        sha256: What the bytes of that file have to give, 32 bytes; None where nobody says.
        list: URL or path of a list of its files, with their URLs or their SHA-256.
        base: URL of the folder that the names of the list count from.
        path: Where it lies on this machine.
        description: What it is.
        licence: Under which terms it may be used.
        date: Unix second of its publication.
        group: What it is shown under.
    """

    name: str
    urls: tuple[str, ...] = ()
    sha256: bytes | None = None
    list: str | None = None
    base: str | None = None
    path: Path | None = None
    description: str | None = None
    licence: str | None = None
    date: int | None = None
    group: str | None = None

    @property
    def is_remote(self) -> bool:
        """Whether it lies on a server."""
        return self.path is None

    @property
    def where(self) -> str:
        """Where it lies."""
        return str(self.path) if self.path else self.base or self.urls[0]

    @property
    def comment(self) -> str | None:
        """The first line of its description."""
        return self.description.splitlines()[0] if self.description else None

    @property
    def text(self) -> str | None:
        """Its description where that has several lines."""
        return self.description if self.description and "\n" in self.description else None

    @property
    def mirrors(self) -> tuple[str, ...]:
        """Copies of its only file."""
        return self.urls[1:]

    @property
    def digest(self) -> bytes:
        """Changes with what is read."""
        read = (self.name, self.urls[:1], self.sha256, self.list, self.base)
        return hashlib.sha256(repr(read).encode("utf-8", "surrogateescape")).digest()


def read_catalogue(file: Path) -> tuple[list[CatalogueEntry], list[tuple[str, OutpourError]]]:
    """Read a catalogue.

    Returns:
        Its entries; and what is wrong with others, with the name of each.

    Raises:
        ReadError: It cannot be read.
        SettingsError: It is no catalogue.
    """
    raw = read_toml(
        file,
        missing_hint="name a catalogue that you can read",
        fault_hint="docs/publishing.md shows one",
        bytes_max=BYTES_MAX,
    )
    rows = raw.pop("torrent", [])
    if raw or not isinstance(rows, list):
        what = f"unknown key `{printable(next(iter(raw)))}`" if raw else "`torrent` is no list"
        raise SettingsError(f"`{file}`: {what}", hint="begin each entry with `[[torrent]]`")
    found: list[CatalogueEntry] = []
    faults: list[tuple[str, OutpourError]] = []
    for number, row in enumerate(rows, 1):
        called = f"entry {number}"
        try:
            if not isinstance(row, dict):
                raise UsageError("no table", hint="begin each entry with `[[torrent]]`")
            if isinstance(row.get("name"), str):
                called += f" ({printable(row['name'])[:LINE_MAX]})"
            found.append(_entry(row, file))
        except OutpourError as error:
            fault = UsageError(f"`{file}`: {called}: {error.message}", hint=error.hint)
            faults.append((called, fault))
    return found, faults


def _entry(row: dict[str, Any], file: Path) -> CatalogueEntry:
    for key in row:
        if key not in _KEYS:
            raise UsageError(f"unknown key `{printable(key)}`", hint=f"known: {', '.join(_KEYS)}")
    urls = _urls(row)
    ways = [bool(urls), "list" in row, "path" in row]
    if sum(ways) != 1:
        raise UsageError(
            "says not where it lies" if not any(ways) else "lies in several places at once",
            hint="give one of `url`, `urls`, `list` and `path`",
        )
    if "sha256" in row and not urls:
        raise UsageError("`sha256` is of one file", hint="give it with `url` or `urls`")
    about = {
        "description": _text(row, "description", DESCRIPTION_MAX),
        "licence": _text(row, "licence", LINE_MAX),
        "group": _text(row, "group", LINE_MAX),
        "date": _date(row),
    }
    if "path" in row:
        path = file.absolute().parent / str(_text(row, "path", 4096))
        if "name" in row or "base" in row:
            raise UsageError("a torrent of a local path is called like that path")
        return CatalogueEntry(path.name, path=path, **about)  # type: ignore[arg-type]
    name = _text(row, "name", 255)
    if urls:
        name = name or listed_url(urls[0]).path[-1]
        _check_name(name)
        return CatalogueEntry(name, urls, _sum(row), **about)  # type: ignore[arg-type]
    return _of_list(row, name, file, about)


def _of_list(
    row: dict[str, Any], name: str | None, file: Path, about: dict[str, Any]
) -> CatalogueEntry:
    where = str(_text(row, "list", 4096))
    base = _text(row, "base", 4096)
    if _is_url(where):
        base = base or where.rpartition("/")[0]
    else:
        where = str(file.absolute().parent / where)
    if base is None or not _is_url(base):
        raise UsageError(
            "a list without the URL of its files", hint="say where they lie, with `base`"
        )
    base = folder_url(base)
    name = name or folder_name(base)
    if not name:
        raise UsageError("the top of a server has no name", hint="give it one with `name`")
    _check_name(name)
    return CatalogueEntry(name, list=where, base=base, **about)


def _urls(row: dict[str, Any]) -> tuple[str, ...]:
    if "url" in row and "urls" in row:
        raise UsageError("`url` and `urls`", hint="give one of them")
    given = [row["url"]] if "url" in row else row.get("urls", [])
    if not isinstance(given, list) or not all(isinstance(url, str) for url in given):
        raise UsageError("`urls` is no list of URLs")
    if "urls" in row and not 0 < len(given) <= URLS_MAX:
        raise UsageError(f"`urls` has {len(given)} URLs, not 1 to {URLS_MAX}")
    for url in given:
        if not _is_url(url):
            raise UsageError(f"`{printable(url)}`: neither `http://` nor `https://`")
    return tuple(given)


def _is_url(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://"))


def _sum(row: dict[str, Any]) -> bytes | None:
    if "sha256" not in row:
        return None
    if not isinstance(row["sha256"], str) or not _SHA256.match(row["sha256"]):
        raise UsageError("`sha256` is not 64 hexadecimal digits")
    return bytes.fromhex(row["sha256"])


def _date(row: dict[str, Any]) -> int | None:
    given = row.get("date")
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = datetime.datetime.fromisoformat(given)
        except ValueError:
            given = None
    if isinstance(given, datetime.date) and not isinstance(given, datetime.datetime):
        given = datetime.datetime(given.year, given.month, given.day)
    if not isinstance(given, datetime.datetime):
        raise UsageError("`date` is no date", hint="write it as 2026-01-31")
    aware = given if given.tzinfo else given.replace(tzinfo=datetime.timezone.utc)
    return int(aware.timestamp())


def _text(row: dict[str, Any], key: str, most: int) -> str | None:
    given = row.get(key)
    if given is None:
        return None
    if not isinstance(given, str) or not given.strip() or len(given) > most:
        raise UsageError(f"`{key}` is no text of up to {most} characters")
    return given.strip()


def _check_name(name: str) -> None:
    fault = component_fault(name)
    if fault is not None:
        raise UsageError(f"`{printable(name)}`: its name {fault}", hint="give another `name`")
