"""The whole job: folders in; torrents, tracker, seeder, page and web seed out, until told to stop.

All state changes happen on one event loop. Hashing and listing run in a thread and return values;
what they found is put on the published here, so that tracker, seeder and page always agree.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from outpour.base.errors import OutpourError, ReadError
from outpour.base.event import Event
from outpour.publisher import publish_events
from outpour.publisher.entries import PublishEntry, entries
from outpour.publisher.folder_changes import RESCAN_S, Watch
from outpour.publisher.made import MadeTorrents
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.seeder import Seeder
from outpour.publisher.torrent_of_entry import Made, Sight, look, make
from outpour.tracker.service import TrackerService

# Content that was written to a moment ago is probably still being written to.
SETTLE_S = 2.0
# Introducing new leechers to the seeder at this pace costs nothing and feels instant.
TURN_S = 1.0
# More leechers than this in one swarm feed each other.
PEERS_MAX = 500

Tell = Callable[[Event], None]


class _StoppedError(Exception):
    """Raised inside a hashing run to end it."""


class PublisherJob:
    """Keeps the published paths and the published the same.

    Args:
        options: What to publish, and how.
        urls: What goes into the torrents.
        made_torrents: Torrents made before.
        tracker: Tracks what is on the published.
        seeder: Seeds what is on the published, closed at the end; None leaves that to the web seed.
        published: What is published; the page reads it too.
        tell: Takes events, on the event loop.
    """

    def __init__(
        self,
        options: PublishOptions,
        urls: PublicUrls,
        made_torrents: MadeTorrents,
        tracker: TrackerService,
        seeder: Seeder | None,
        published: PublishedTorrents,
        tell: Tell,
    ) -> None:
        self._options = options
        self._urls = urls
        self._made_torrents = made_torrents
        self._tracker = tracker
        self._seeder = seeder
        self._published = published
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._stopping = False
        self._seen: dict[Path, tuple[bytes, float]] = {}
        self._skipped: dict[Path, str] = {}

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            ReadError: A given path cannot be listed at the start.
        """
        wanted = entries(self._options.paths, as_one=self._options.as_one, hidden=self._hidden)
        watch = Watch(self._options.paths)
        introducing = asyncio.create_task(self._introduce())
        try:
            unsettled = await self._update(wanted)
            watch.start()
            while True:
                await watch.wait(SETTLE_S if unsettled else RESCAN_S)
                unsettled = await self._update(await asyncio.to_thread(self._list))
        finally:
            self._stopping = True
            introducing.cancel()
            await watch.stop()
            await asyncio.gather(introducing, return_exceptions=True)
            if self._seeder is not None:
                # While the tracker still answers, so that the seeder leaves its swarms at once.
                await asyncio.to_thread(self._seeder.close)

    @property
    def _hidden(self) -> bool:
        return self._options.hidden

    def _list(self) -> tuple[PublishEntry, ...]:
        found: list[PublishEntry] = []
        for path in self._options.paths:
            try:
                found += entries((path,), as_one=self._options.as_one, hidden=self._hidden)
            except ReadError as error:
                self._loop.call_soon_threadsafe(self._skip, PublishEntry(path), error)
        return tuple(found)

    async def _update(self, wanted: tuple[PublishEntry, ...]) -> bool:
        """Bring the published in line; True when something is still being written."""
        present = {entry.path for entry in wanted}
        for path in self._published.paths():
            if path not in present:
                self._withdraw(path, "its content is gone")
        for path in (*self._seen, *self._skipped):
            if path not in present and path not in self._options.paths:
                self._seen.pop(path, None)
                self._skipped.pop(path, None)
        unsettled = False
        for entry in wanted:
            try:
                unsettled |= not await self._consider(entry)
            except OutpourError as error:
                if self._published.at(entry.path) is not None:
                    self._withdraw(entry.path, "its content cannot be read")
                self._skip(entry, error)
        return unsettled

    async def _consider(self, entry: PublishEntry) -> bool:
        """Publish an entry if it is new or has changed; False when it must settle first."""
        sight = await asyncio.to_thread(look, entry, self._options)
        current = self._published.at(entry.path)
        if current is not None and current.fingerprint == sight.fingerprint:
            return True
        if current is not None:
            self._withdraw(entry.path, "its content changed")
        if not self._is_settled(entry.path, sight):
            return False
        twin = self._published.named(entry.name)
        if twin is not None:
            raise ReadError(
                f"`{entry.path}`: `{twin.entry.path}` has the same name",
                hint="rename one of them: a name is published once",
            )
        made = await self._make(entry, sight)
        if made is None:
            self._skip(entry, _unfinished(entry))
            return False
        self._publish(entry, sight, made)
        return True

    def _is_settled(self, path: Path, sight: Sight) -> bool:
        now = time.time()
        if 0 <= now - sight.newest_ns / 1e9 < SETTLE_S or sight.newest_ns / 1e9 > now:
            # Written to just now, or by a clock ahead of ours: it has to hold still for a while.
            kept, since = self._seen.get(path, (b"", now))
            if kept != sight.fingerprint:
                self._seen[path] = (sight.fingerprint, now)
                return False
            if now - since < SETTLE_S:
                return False
        self._seen.pop(path, None)
        return True

    async def _make(self, entry: PublishEntry, sight: Sight) -> Made | None:
        def progress(done: int, total: int) -> None:
            if self._stopping:
                raise _StoppedError
            self._loop.call_soon_threadsafe(
                self._tell, publish_events.Hashing(entry.name, done, total)
            )

        try:
            return await asyncio.to_thread(
                make, entry, sight, self._made_torrents, self._options, self._urls, progress
            )
        except _StoppedError:
            raise asyncio.CancelledError from None

    def _publish(self, entry: PublishEntry, sight: Sight, made: Made) -> None:
        metainfo = made.metainfo
        publication = Publication.of(entry, sight.fingerprint, metainfo)
        twin = self._published.by_infohash(publication.infohash)
        if twin is not None:
            raise ReadError(f"`{entry.path}`: the same torrent as `{twin.entry.path}`")
        self._tracker.allow(metainfo, path=made.torrent)
        self._published.put(publication)
        if self._seeder is not None:
            self._seeder.add(metainfo, entry.path)
        self._skipped.pop(entry.path, None)
        info = metainfo.info
        self._tell(
            publish_events.Published(
                info.name, info.length, len(info.files), publication.infohash, made.reused
            )
        )

    def _withdraw(self, path: Path, why: str) -> None:
        publication = self._published.take(path)
        self._tracker.withdraw(publication.infohash)
        if self._seeder is not None:
            self._seeder.remove(publication.infohash)
        self._tell(publish_events.Withdrawn(publication.name, publication.infohash, why))

    def _skip(self, entry: PublishEntry, error: OutpourError) -> None:
        # Looked at every few seconds, said once.
        if self._skipped.get(entry.path) != error.message:
            self._skipped[entry.path] = error.message
            self._tell(publish_events.Skipped(entry.name, error.message, error.hint))

    async def _introduce(self) -> None:
        """Introduce new leechers to the seeder, each turn."""
        while self._seeder is not None:
            await asyncio.sleep(TURN_S)
            for row in self._tracker.rows():
                if row.downloading:
                    self._seeder.call(row.infohash, self._tracker.peers(row.infohash, PEERS_MAX))
            for trouble in self._seeder.troubles():
                self._tell(publish_events.Noted(trouble))


def _unfinished(entry: PublishEntry) -> ReadError:
    return ReadError(
        f"`{entry.path}`: still open for writing",
        hint="it is published when the program that writes to it closes it",
    )
