"""Keeps of a job's torrents what its next run needs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from outpour.base.errors import WriteError
from outpour.downloader.download_item import DownloadItem
from outpour.downloader.outcome import Note
from outpour.downloader.present_files import ranges
from outpour.engine import Engine, Resume, ResumeStore

SAVE_EVERY_S = 5.0


class KeptDownloads:
    """Saves resume data now and then.

    Args:
        engine: Has the torrents.
        store: Takes what is kept, None to keep nothing.
        items: The torrents.
        notes: Takes what went wrong, once.
    """

    def __init__(
        self,
        engine: Engine,
        store: ResumeStore | None,
        items: Mapping[bytes, DownloadItem],
        notes: list[Note],
    ) -> None:
        self.store = store
        self._engine = engine
        self._items = items
        self._notes = notes
        self._cannot_save = False
        self._kept: set[bytes] = set()
        self._saved_at = time.monotonic()

    def turn(self) -> None:
        """Save what has changed, if it is time."""
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self.save(changed_only=True)
            self._saved_at = time.monotonic()

    def save(self, keys: Sequence[bytes] | None = None, *, changed_only: bool = False) -> None:
        """Save torrents, None for all."""
        if self.store is None:
            return
        chosen = self._items if keys is None else keys
        saved = self._engine.save_resume(chosen, changed_only=changed_only)
        for key, data in saved.items():
            item = self._items.get(key)
            # Of files that are not ours nothing is kept, or the next run would take them for it.
            if item is not None and not item.suspects:
                self._store_one(key, item, data)

    def finish(self) -> None:
        """Save what has changed, and what never was."""
        # The engine says of a torrent that was just begun that nothing has changed.
        self.save([key for key in self._items if key not in self._kept])
        self.save(changed_only=True)

    def own(self, key: bytes, item: DownloadItem) -> None:
        """Take the files for ours, so that the next run knows them, however this one ends."""
        owned = {*item.writes}
        if item.kept is not None and all(item.kept.owns(index) for index in owned):
            return
        before = item.kept.owned if item.kept else ()
        owned.update(index for first, last in before for index in range(first, last + 1))
        data = item.kept.data if item.kept else None
        item.kept = Resume(data, True, tuple(ranges(sorted(owned))))
        self._store_one(key, item, data)

    def _store_one(self, key: bytes, item: DownloadItem, data: bytes | None) -> None:
        if self.store is None:
            return
        self._kept.add(key)
        try:
            self.store.save(
                key, item.folder, data, root_name=item.root_name, files=item.as_completed,
                owned=item.kept.owned if item.kept else (),
            )  # fmt: skip
        except WriteError as error:
            if not self._cannot_save:
                self._cannot_save = True
                text = f"{error.message}; the next run has to check what is there"
                self._notes.append(Note(key, item.name, text))
