"""The catalogues that are published, followed while they change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import OutpourError, ReadError, reason
from outpour.publisher.catalogue_file import CatalogueEntry, read_catalogue
from outpour.publisher.entries import PublishEntry
from outpour.tracker.lists.listed_torrent import Signature, signature_of


@dataclass(frozen=True, slots=True)
class _Read:
    signature: Signature
    entries: tuple[CatalogueEntry, ...]
    faults: tuple[tuple[PublishEntry, OutpourError], ...]


@dataclass(frozen=True, slots=True)
class Catalogued:
    """What the catalogues say.

    Attributes:
        entries: Of all of them, in their order.
        faults: Entries and catalogues that are wrong.
    """

    entries: tuple[PublishEntry, ...]
    faults: tuple[tuple[PublishEntry, OutpourError], ...]


class Catalogues:
    """Reads catalogues, each again when it changed.

    What was read stays in force while a catalogue is gone, damaged or half written.

    Args:
        files: The catalogues.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._read: dict[Path, _Read] = {}

    def look(self, *, must_be_there: bool) -> Catalogued:
        """Read what changed.

        Args:
            must_be_there: One that cannot be read is an error, not a fault.

        Raises:
            ReadError, SettingsError: One cannot be read.
        """
        entries: list[PublishEntry] = []
        faults: list[tuple[PublishEntry, OutpourError]] = []
        for file in self._files:
            try:
                self._look_at(file)
            except OutpourError as error:
                if must_be_there:
                    raise
                faults.append((PublishEntry(file), error))
            read = self._read.get(file)
            if read is not None:
                entries += _published(file, read.entries)
                faults += read.faults
        return Catalogued(tuple(entries), tuple(faults))

    def _look_at(self, file: Path) -> None:
        try:
            signature = signature_of(file.stat())
        except OSError as error:
            raise ReadError(
                f"`{file}`: {reason(error)}", hint="name a catalogue that you can read"
            ) from None
        read = self._read.get(file)
        if read is None or read.signature != signature:
            entries, faults = read_catalogue(file)
            self._read[file] = _Read(
                signature,
                tuple(entries),
                tuple((PublishEntry(file / called), error) for called, error in faults),
            )


def _published(file: Path, entries: Sequence[CatalogueEntry]) -> Iterator[PublishEntry]:
    for entry in entries:
        # Nothing lies below a file, so the path of what is elsewhere is that of nothing else.
        yield PublishEntry(entry.path or file / entry.name, listed=entry)
