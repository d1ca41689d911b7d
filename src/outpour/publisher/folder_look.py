"""What the published folders hold, looked at in threads: all of it now and then, else the changes.

Listing names is cheap. Looking at what each name stands for is not, so of that only is done what
may have changed; notifications can be lost, so all of it is done sometimes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from outpour.base.errors import OutpourError, ReadError
from outpour.publisher.catalogue import Catalogues
from outpour.publisher.catalogue_file import CatalogueEntry
from outpour.publisher.entries import PublishEntry, entries
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.remote_looks import RemoteLooks
from outpour.publisher.sidecar_rule import Belonging
from outpour.publisher.sidecar_table import SidecarFile, SidecarTable
from outpour.publisher.sight import Sight, look

# Network file systems and containers lose notifications.
RESCAN_S = 30.0
# Looking through everything may take this part of the time, whatever it costs.
COST_FACTOR = 50


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look found.

    Attributes:
        entries: What is to be looked at more closely, in the order of names.
        present: The path of every entry that is there.
        faults: Given paths that could not be listed.
        replaced: Given paths that are not the folders of the look before: another disk, or none.
        beside: Files that belong to entries and are none themselves.
    """

    entries: tuple[PublishEntry, ...]
    present: frozenset[Path]
    faults: tuple[tuple[PublishEntry, OutpourError], ...]
    replaced: frozenset[Path]
    beside: Mapping[Path, SidecarFile]


class FolderLook:
    """Looks at the published paths.

    Args:
        options: Which, and what of them counts.
        sidecars: What is known of files that belong to entries.
        elsewhere: What is known of entries that lie on servers; None where there can be none.
    """

    def __init__(
        self,
        options: PublishOptions,
        sidecars: SidecarTable,
        elsewhere: RemoteLooks | None = None,
    ) -> None:
        self._options = options
        self._sidecars = sidecars
        self._elsewhere = elsewhere
        self._catalogues = Catalogues(options.catalogues)
        self._listed: dict[Path, CatalogueEntry | None] = {}
        self._began = float("-inf")
        self._cost_s = 0.0
        self._identities: dict[Path, tuple[int, int] | None] = {}
        # A notification names a path as the folder was given, or as the system knows it.
        self._roots = {
            name: path
            for path in (*options.paths, *options.catalogues)
            for name in (os.path.realpath(path), str(path.absolute()), str(path))
        }

    def rest_s(self) -> float:
        """How long until everything is to be looked at again, in seconds."""
        interval_s = max(RESCAN_S, self._cost_s * COST_FACTOR)
        return self._began + interval_s - time.monotonic()

    def everything(self, *, must_be_there: bool = False) -> Callable[[], Seen]:
        """Make a look at all entries, to be called in a thread.

        Args:
            must_be_there: A path that cannot be listed is an error, not a fault.
        """
        self._began = time.monotonic()
        self._cost_s = 0.0
        return lambda: self._list(lambda entry: True, must_be_there=must_be_there)

    def at(self, changed: Iterable[Path], is_known: Callable[[Path], bool]) -> Callable[[], Seen]:
        """Make a look at what changed and what is new, to be called in a thread."""
        due = frozenset(self._entries_of(changed))

        def is_due(entry: PublishEntry) -> bool:
            # What a link leads to can change without any notification of the link.
            return entry.is_link or entry.path in due or not is_known(entry.path)

        return lambda: self._list(is_due, must_be_there=False)

    def sights(self, some: Sequence[PublishEntry]) -> list[Sight | OutpourError | None]:
        """Look closely at entries, in a thread; None of one whose servers did not answer yet."""
        began = time.monotonic()
        sights = [self._sight(entry) for entry in some]
        self._cost_s += time.monotonic() - began
        return sights

    def _sight(self, entry: PublishEntry) -> Sight | OutpourError | None:
        if entry.is_remote:
            return self._elsewhere.sight(entry) if self._elsewhere else None
        try:
            return look(entry, self._options)
        except OutpourError as error:
            return error

    def _list(self, is_due: Callable[[PublishEntry], bool], *, must_be_there: bool) -> Seen:
        found: dict[Path, PublishEntry] = {}
        candidates: dict[Path, Belonging] = {}
        faults: list[tuple[PublishEntry, OutpourError]] = []
        for path in self._options.paths:
            try:
                listed = entries(path, self._options)
                for entry in listed.entries:
                    found.setdefault(entry.path, entry)
                candidates |= listed.belongings
            except ReadError as error:
                if must_be_there:
                    raise
                faults.append((PublishEntry(path), error))
        catalogued = self._catalogues.look(must_be_there=must_be_there)
        faults += catalogued.faults
        changed = self._take_catalogued(catalogued.entries, found)
        beside = self._sidecars.look(candidates, lambda path: is_due(found[path]))
        for path in beside:
            del found[path]
        replaced = frozenset(path for path in self._options.paths if self._is_replaced(path))
        due = [entry for entry in found.values() if entry.path in changed or is_due(entry)]
        some = sorted(due, key=lambda entry: os.fsencode(entry.name))
        return Seen(tuple(some), frozenset(found), tuple(faults), replaced, beside)

    def _take_catalogued(
        self, entries: Iterable[PublishEntry], found: dict[Path, PublishEntry]
    ) -> set[Path]:
        """Join what catalogues list with what was found; returns where they say something new."""
        listed: dict[Path, CatalogueEntry | None] = {}
        for entry in entries:
            if entry.path not in listed:
                listed[entry.path] = entry.listed
                known = found.get(entry.path, entry)
                found[entry.path] = replace(known, listed=entry.listed)
        before, self._listed = self._listed, listed
        if self._elsewhere is not None:
            self._elsewhere.keep(listed)
        both = before.keys() | listed.keys()
        return {path for path in both if before.get(path) != listed.get(path)}

    def _is_replaced(self, path: Path) -> bool:
        try:
            status = path.stat()
            identity = status.st_dev, status.st_ino
        except OSError:
            identity = None
        before = self._identities.get(path, identity)
        self._identities[path] = identity
        return identity is None or identity != before

    def _entries_of(self, changed: Iterable[Path]) -> Iterator[Path]:
        for path in changed:
            yield path
            text = str(path)
            for name, root in self._roots.items():
                if text == name:
                    yield root
                elif text.startswith(f"{name}/"):
                    yield root
                    yield root / text[len(name) + 1 :].partition("/")[0]
