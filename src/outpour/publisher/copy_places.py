"""All places where copies lie: those of flags and settings, and those an administrator named."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import FormatError, ReadError, UsageError, reason
from outpour.base.files import write_atomically
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.entries import PublishEntry

BASES_MAX = 1000
BYTES_MAX = 16 << 20


@dataclass(frozen=True, slots=True)
class NamedBase:
    """A base that an administrator named.

    Attributes:
        base: It.
        made_at: Unix second.
        made_by: Who did.
    """

    base: CopyBase
    made_at: int
    made_by: str


class CopyPlaces:
    """The bases in force.

    Args:
        given: Those of flags and settings.
        file: Keeps those that an administrator named.

    Raises:
        ReadError: The file cannot be read.
        FormatError: It is none of ours.
    """

    def __init__(self, given: Sequence[CopyBase], file: Path) -> None:
        self.given = tuple(given)
        self._file = file
        self.named = _read(file)

    def seeds(self, entry: PublishEntry, name: str, *, is_folder: bool) -> list[str]:
        """The web seeds of a torrent, in the order in which the bases were given."""
        bases = (*self.given, *(one.base for one in self.named.values()))
        found = (base.seed_of(name, is_folder=is_folder) for base in bases if base.holds(entry))
        return [seed for seed in found if seed is not None]

    def write(self, named: dict[str, NamedBase]) -> None:
        """Put other named ones in force, and write them down; this waits for the disk.

        Raises:
            UsageError: They are too many.
            WriteError: All is as it was.
        """
        if len(named) > BASES_MAX:
            raise UsageError(f"over {BASES_MAX} web seeds by hand: name them with patterns")
        records = [
            {
                "base": one.base.text,
                "where": one.base.where,
                "made_at": one.made_at,
                "made_by": one.made_by,
            }
            for one in named.values()
        ]
        raw = json.dumps({"web_seeds": records}, ensure_ascii=False, indent=1) + "\n"
        write_atomically(self._file, raw.encode("utf-8", "replace"), is_private=True)
        self.named = named


def _read(file: Path) -> dict[str, NamedBase]:
    try:
        with file.open("rb") as stream:
            raw = stream.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ReadError(f"`{file}`: {reason(error)}", hint="check who owns the file") from None
    try:
        if len(raw) > BYTES_MAX:
            raise ValueError
        found = [_named(record) for record in json.loads(raw)["web_seeds"]]
        return {one.base.key: one for one in found}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, UsageError):
        raise FormatError(
            f"`{file}`: not the web seeds of an administrator",
            hint="mend it, or remove it and with it the web seeds that were named by hand",
        ) from None


def _named(record: dict[str, object]) -> NamedBase:
    text, where, at, by = (record[name] for name in ("base", "where", "made_at", "made_by"))
    if not (isinstance(text, str) and isinstance(at, int) and isinstance(by, str)):
        raise TypeError
    if not (where is None or isinstance(where, str)):
        raise TypeError
    return NamedBase(CopyBase(text, where), at, by)
