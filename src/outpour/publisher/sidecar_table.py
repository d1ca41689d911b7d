"""The files that belong to published content: found by each look, read when they changed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from outpour.publisher.checksum_lines import sums_of
from outpour.publisher.sidecar_rule import Belonging

SIDECAR_BYTES_MAX = 8 << 20
"""A larger file is content, whatever its name; one of checksums has room for 50,000 lines."""

Signature = tuple[int, int, int]
Sums = Mapping[str, Mapping[tuple[str, ...], str]]
"""By the name of an entry, and in it by path."""


@dataclass(frozen=True, slots=True)
class SidecarFile:
    """A file that belongs to others.

    Attributes:
        path: Where it is.
        belonging: What it is for.
        signature: The file as it was found: time of change in nanoseconds, size, inode.
        sums: The checksums in it.
    """

    path: Path
    belonging: Belonging
    signature: Signature
    sums: Sums = field(default_factory=dict, repr=False)

    @property
    def length(self) -> int:
        """Bytes."""
        return self.signature[1]

    def is_same(self, status: os.stat_result) -> bool:
        """Whether a file is the one that was found."""
        return _signature(status) == self.signature


class SidecarTable:
    """What was found of these files, by their paths.

    `look` may run in a thread, one at a time; `take` puts what it found in force.

    Attributes:
        revision: Changes with what is in force.
    """

    def __init__(self) -> None:
        self.revision = 0
        self.files: Mapping[Path, SidecarFile] = {}
        self._by_owner: dict[tuple[Path, str | None], list[SidecarFile]] = {}

    def look(
        self, candidates: Mapping[Path, Belonging], is_due: Callable[[Path], bool]
    ) -> dict[Path, SidecarFile]:
        """Look at files anew where they may have changed; those too large are left out.

        Args:
            candidates: All that belong to others by their names.
            is_due: Whether the file at a path may have changed.
        """
        found: dict[Path, SidecarFile] = {}
        for path, belonging in candidates.items():
            kept = self.files.get(path)
            if kept is None or kept.belonging != belonging or is_due(path):
                kept = _read(path, belonging, kept)
            if kept is not None:
                found[path] = kept
        return found

    def take(self, found: Mapping[Path, SidecarFile]) -> None:
        """Put in force what was found."""
        if found == self.files:
            return
        self.files = found
        self.revision += 1
        by_owner: dict[tuple[Path, str | None], list[SidecarFile]] = {}
        for file in found.values():
            for owner in file.belonging.owners or (None,):
                by_owner.setdefault((file.path.parent, owner), []).append(file)
        self._by_owner = by_owner

    def of(self, folder: Path, owner: str | None) -> list[SidecarFile]:
        """The files of an entry, or of a whole folder."""
        return self._by_owner.get((folder, owner), [])

    def sums(self, folder: Path, owner: str) -> Mapping[tuple[str, ...], str]:
        """The checksums of an entry; what is beside it alone counts before those of all."""
        sums: dict[tuple[str, ...], str] = {}
        for file in (*self.of(folder, None), *self.of(folder, owner)):
            sums |= file.sums.get(owner, {})
        return sums


def _read(path: Path, belonging: Belonging, kept: SidecarFile | None) -> SidecarFile | None:
    try:
        status = path.lstat()
        signature = _signature(status)
        if kept is not None and (kept.signature, kept.belonging) == (signature, belonging):
            return kept
        if status.st_size > SIDECAR_BYTES_MAX:
            return None
        sums: Sums = {}
        if belonging.kind == "checksums":
            with path.open("rb") as file:
                sums = _by_entry(sums_of(file.read(SIDECAR_BYTES_MAX)), belonging.owners)
    except OSError:
        # It went away, or may not be read: then it is no file for visitors.
        return None
    return SidecarFile(path, belonging, signature, sums)


def _by_entry(lines: Iterable[tuple[str | None, str]], owners: tuple[str, ...]) -> Sums:
    sums: dict[str, dict[tuple[str, ...], str]] = {}
    for path, digits in _named(lines, owners):
        entry, *inner = path.split("/")
        sums.setdefault(entry, {})[tuple(inner)] = digits
    return sums


def _named(
    lines: Iterable[tuple[str | None, str]], owners: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    for path, digits in lines:
        if path is not None and not owners:
            yield path, digits
        elif owners:
            # A file of one sum is of its owner, whatever it was called when it was made.
            yield owners[0], digits
            return


def _signature(status: os.stat_result) -> Signature:
    return status.st_mtime_ns, status.st_size, status.st_ino
