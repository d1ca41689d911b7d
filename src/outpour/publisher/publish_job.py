"""The whole job: folders in; torrents, tracker, seeder, page and web seed out, until told to stop.

All state changes happen on one event loop. Hashing and listing run in threads and return values;
what they found is published here, so that tracker, seeder and page always agree.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

from outpour.base.errors import OutpourError, ReadError
from outpour.base.event import Event
from outpour.base.text import printable
from outpour.base.together import together
from outpour.publisher import publish_events
from outpour.publisher.all_copies import AllCopies
from outpour.publisher.entries import PublishEntry
from outpour.publisher.folder_changes import Watch
from outpour.publisher.folder_look import FolderLook, Seen
from outpour.publisher.hooks import Hooks
from outpour.publisher.introductions import Introductions
from outpour.publisher.making_lanes import MakingLanes, Task
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.registered_mirrors import RegisteredMirrors
from outpour.publisher.remote_looks import RemoteLooks
from outpour.publisher.seeder import Seeder
from outpour.publisher.self_listing import SelfListing
from outpour.publisher.sidecar_table import SidecarTable
from outpour.publisher.sight import Sight
from outpour.publisher.skipped import SkippedEntries
from outpour.publisher.torrent_of_entry import TorrentOfEntry, Torrents
from outpour.publisher.unwritten import Unwritten
from outpour.publisher.verification_queue import Verifications
from outpour.publisher.withheld import WithheldTorrents
from outpour.torrent.metainfo import Metainfo
from outpour.tracker.lists.listed_torrent import Given
from outpour.tracker.service import TrackerService

# Content that was written to a moment ago is probably still being written to.
SETTLE_S = 2.0
# How often progress is told, and what is alike put together.
TURN_S = 1.0
# Where something is always being written, the start is over all the same.
SETTLING_MAX_S = 10.0
# Torrents whose copies are thought of in one go: some milliseconds.
CHANGED_AT_ONCE = 100
# When content elsewhere is asked about again that could not be read.
RETRY_S = 30.0
# Entries looked at in one go of a thread: what comes of them is published before the next.
LOOKED_AT_ONCE = 500

GONE = "its content is gone"

Tell = Callable[[Event], None]
Found = tuple[Task, "TorrentOfEntry | OutpourError | None"]


class _StoppedError(Exception):
    """Raised inside a hashing run to end it."""


class PublisherJob:
    """Keeps the published paths and the published the same.

    Args:
        options: What to publish, and how.
        torrents: Makes them.
        tracker: Tracks what is published.
        seeder: Seeds what is published, closed at the end; None leaves that to the web seed.
        listing: Keeps the seeder in the swarms of the tracker.
        published: What is published; the page reads it too.
        sidecars: The files that belong to it; the page reads them too.
        tell: Takes events, on the event loop.
        mirrors: Those that registered; None where none may.

    Attributes:
        copies: What is published and lies on other servers too.
        verifications: Comparisons of content with its torrents.
    """

    def __init__(
        self,
        options: PublishOptions,
        torrents: Torrents,
        tracker: TrackerService,
        seeder: Seeder | None,
        listing: SelfListing | None,
        published: PublishedTorrents,
        sidecars: SidecarTable,
        tell: Tell,
        mirrors: RegisteredMirrors | None = None,
    ) -> None:
        self._options = options
        self._torrents = torrents
        self._tracker = tracker
        self._seeder = seeder
        self._listing = listing
        self._hooks = Hooks(options, self._note)
        self._published = published
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._lanes = MakingLanes(self._make)
        self._sidecars = sidecars
        self._watch = Watch((*options.paths, *options.catalogues), self._note)
        self._elsewhere = RemoteLooks(torrents.made_before, self._watch.look_at)
        self._look = FolderLook(options, sidecars, self._elsewhere)
        self._skipped = SkippedEntries(tell)
        self._unwritten = Unwritten(torrents)
        self.copies = AllCopies(torrents, tracker, published, self._renew, tell, mirrors)
        self._introductions = Introductions(tracker, seeder, published)
        self._withheld = WithheldTorrents(tracker.ruling)
        self.verifications = Verifications(
            torrents, seeder, published, tracker.ruling, tracker.now, self._note
        )
        tracker.ruling.on_change = self._obey
        # What has to hold still for a while, with the state it was last seen in and since when.
        self._unsettled: dict[Path, tuple[bytes, float]] = {}
        # A name is published once: by the path that had it first.
        self._names: dict[str, Path] = {}
        self._expected = 0
        self._started = self._loop.time()
        self._is_looked_through = False
        self._is_starting = True

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            ReadError: A given path cannot be listed at the start.
        """
        works = [
            self._lanes.run,
            self._follow,
            self._turns,
            self._watch.run,
            self._hooks.run,
            self.verifications.run,
            self.copies.run,
        ]
        if self._options.catalogues:
            works.append(self._elsewhere.run)
        try:
            await together(works)
        finally:
            if self._listing is not None:
                self._listing.close()
            if self._seeder is not None:
                await asyncio.to_thread(self._seeder.close)
            # There may be room by now, and the next start has less to hash.
            await asyncio.to_thread(self._unwritten.write)

    async def _follow(self) -> None:
        await self._look_through(self._look.everything(must_be_there=True))
        self._is_looked_through = True
        while True:
            wait_s = SETTLE_S if self._unsettled else self._look.rest_s()
            changed = await self._watch.wait(wait_s)
            if changed is None or self._look.rest_s() <= 0:
                await self._write_later()
                await self._look_through(self._look.everything())
            else:
                due = {*changed, *self._unsettled}
                await self._look_through(self._look.at(due, self._is_known))

    def _is_known(self, path: Path) -> bool:
        is_entry = self._published.at(path) is not None or path in self._skipped
        return is_entry or path in self._sidecars.files

    async def _look_through(self, seen: Callable[[], Seen]) -> None:
        """Look at entries in a thread, and bring what is published in line."""
        found = await asyncio.to_thread(seen)
        self._sidecars.take(found.beside)
        gone = self._forget_gone(found)
        if not self._is_looked_through:
            await asyncio.to_thread(
                self._torrents.forget_missing,
                (*self._options.paths, *self._options.catalogues),
                found.present,
            )
        elif gone:
            await asyncio.to_thread(self._torrents.forget, gone)
        self._expected = max(self._expected, len(found.present))
        for at in range(0, len(found.entries), LOOKED_AT_ONCE):
            some = found.entries[at : at + LOOKED_AT_ONCE]
            sights = await asyncio.to_thread(self._look.sights, some)
            tasks = []
            for entry, sight in zip(some, sights, strict=True):
                task = self._consider(entry, sight)
                if task is not None:
                    tasks.append(task)
            await self._lanes.put(tasks)

    def _forget_gone(self, found: Seen) -> list[Path]:
        """Withdraw what is no longer there; says what of it was deleted, not only taken away."""
        for entry, error in found.faults:
            self._skipped.add(entry, error)
        faulty = {entry.path for entry, _ in found.faults}
        for path in self._options.paths:
            if path not in faulty and path not in found.present:
                self._skipped.pop(path)
        known = {*self._names.values(), *self._unsettled, *self._skipped}
        deleted = []
        given = {*self._options.paths}
        for path in known - found.present - (faulty - given):
            if path not in self._options.paths:
                self._skipped.pop(path)
                if path.parent not in found.replaced and not os.path.lexists(path):
                    deleted.append(path)
            self._drop(path)
            if self._published.at(path) is not None:
                is_beside = path in found.beside
                self._withdraw(path, "it belongs to other content now" if is_beside else GONE)
        return deleted

    def _drop(self, path: Path) -> None:
        """Let go of whatever was begun with content."""
        self._lanes.drop(path)
        self._unsettled.pop(path, None)
        if self._names.get(path.name) == path:
            del self._names[path.name]
            # Another of the same name may have it now.
            self._watch.look_at(self._skipped.forgive_others(path))

    def _consider(self, entry: PublishEntry, sight: Sight | OutpourError | None) -> Task | None:
        """Withdraw what has changed at once; the task of what is to be made into a torrent."""
        path = entry.path
        current = self._published.at(path)
        if sight is None:
            return None
        if isinstance(sight, OutpourError):
            if current is not None:
                self._withdraw(path, "its content cannot be read")
            self._drop(path)
            self._skipped.add(entry, sight)
            return None
        is_same = current is not None and current.fingerprint == sight.fingerprint
        if current is not None and is_same and current.entry.listed == entry.listed:
            return None
        if current is not None and not is_same:
            self._withdraw(path, "its content changed")
        making = self._lanes.at(path)
        if making is not None and making.sight.fingerprint == sight.fingerprint:
            return None
        self._lanes.drop(path)
        if not self._is_settled(path, sight) or self._skipped.waits(path, sight.fingerprint):
            return None
        first = self._names.setdefault(entry.name, path)
        if first != path:
            self._skipped.add(entry, _same_name(path, first), sight.fingerprint)
            return None
        return Task(entry, sight)

    def _is_settled(self, path: Path, sight: Sight) -> bool:
        now = time.time()
        if 0 <= now - sight.newest_ns / 1e9 < SETTLE_S or sight.newest_ns / 1e9 > now:
            # Written to just now, or by a clock ahead of ours: it has to hold still for a while.
            kept, since = self._unsettled.get(path, (b"", now))
            if kept != sight.fingerprint:
                self._unsettled[path] = (sight.fingerprint, now)
                return False
            if now - since < SETTLE_S:
                return False
        self._unsettled.pop(path, None)
        return True

    def _make(self, tasks: Sequence[Task]) -> Callable[[], Awaitable[None]]:
        """Make torrents, in a thread."""
        found: list[Found] = []
        for task in tasks:
            began = time.monotonic()
            try:
                if not task.is_dropped:
                    progress = partial(self._progress, task)
                    found.append((task, self._torrents.of(task.entry, task.sight, progress)))
            except _StoppedError:
                continue
            except OutpourError as error:
                task.spent_s = time.monotonic() - began
                found.append((task, error))
        return lambda: self._publish(found)

    def _progress(self, task: Task, done: int, total: int) -> None:
        if task.is_dropped:
            raise _StoppedError
        event = publish_events.Hashing(task.entry.name, done, total)
        self._loop.call_soon_threadsafe(self._tell, event)

    async def _publish(self, found: Sequence[Found]) -> None:
        """Publish what was made, and say what could not be."""
        fresh: list[tuple[Task, TorrentOfEntry, Publication]] = []
        for task, made in found:
            if task.is_dropped:
                continue
            if made is None:
                self._skipped.add(task.entry, _unfinished(task.entry))
                self._loop.call_later(SETTLE_S, self._watch.look_at, [task.entry.path])
                continue
            try:
                fresh.append(await self._publishable(task, made))
            except OutpourError as error:
                self._drop(task.entry.path)
                self._skipped.add(task.entry, error, task.sight.fingerprint, task.spent_s)
                if task.entry.is_remote:
                    self._elsewhere.again(task.entry.path, RETRY_S)
        self._tracker.allow_all(
            self._given(publication, made.metainfo, made.torrent) for _, made, publication in fresh
        )
        for task, made, publication in fresh:
            self._skipped.pop(task.entry.path)
            for note in made.notes:
                self._note(note)
            self._hooks.published(publication, made.torrent, reused=made.reused)
            seeds = self._seeds_of(publication)
            self.copies.add(publication, seeds, made.metainfo.web_seeds)
            if made.fault is not None:
                self._note(f"{made.fault.message}; published all the same, and written later")
                self._unwritten.put(task.entry, task.sight.fingerprint, made.metainfo)
            self._tell(
                publish_events.Published(
                    publication.name,
                    publication.length,
                    publication.file_count,
                    publication.infohash,
                    made.reused,
                )
            )
        await self._seed([(made, publication) for _, made, publication in fresh])

    async def _publishable(
        self, task: Task, made: TorrentOfEntry | OutpourError
    ) -> tuple[Task, TorrentOfEntry, Publication]:
        entry = task.entry
        if isinstance(made, OutpourError):
            raise made
        publication = Publication.of(entry, task.sight, made.metainfo, made.checksums)
        twin = self._published.by_infohash(publication.infohash)
        if twin is not None and twin.entry.path == entry.path:
            # It is only told of otherwise.
            self._published.take(entry.path)
            self.copies.remove(twin.infohash)
        elif twin is not None:
            raise ReadError(f"`{entry.path}`: the same torrent as `{twin.entry.path}`")
        await self._withheld.check(publication, is_fresh=not made.reused)
        self._published.put(publication)
        return task, made, publication

    def _given(self, publication: Publication, metainfo: Metainfo, torrent: Path | None) -> Given:
        folder = publication.entry.folder
        is_one_of_some = len(self._options.paths) > 1 and folder is not None
        group = printable(folder.name) if folder is not None and is_one_of_some else None
        listed = publication.entry.listed
        if listed is not None:
            group = listed.group or group
        licence = listed.licence if listed is not None else None
        # Where no server says, it is the date of the torrent.
        date, tag = publication.modified_at or None, publication.about_tag
        return Given(metainfo, torrent, group, date, licence, tag)

    def _renew(self, publication: Publication, metainfo: Metainfo, torrent: Path) -> None:
        self._tracker.allow_all([self._given(publication, metainfo, torrent)])

    async def _seed(self, fresh: Sequence[tuple[TorrentOfEntry, Publication]]) -> None:
        seeder = self._seeder
        if seeder is None:
            return
        # What lies elsewhere is sent from there.
        fresh = [
            (made, one)
            for made, one in fresh
            if not one.entry.is_remote and one.infohash not in seeder
        ]
        torrents = [(made.metainfo, publication.entry.path) for made, publication in fresh]
        refused = await asyncio.to_thread(seeder.add_all, torrents)
        for trouble in refused:
            self._note(trouble)
        for _, publication in fresh:
            # Withdrawn while it was added.
            if self._published.by_infohash(publication.infohash) is None:
                seeder.remove(publication.infohash)
            elif publication.infohash in seeder:
                self._introductions.add(publication)
                if self._listing is not None:
                    self._listing.add(publication)

    def _seeds_of(self, publication: Publication) -> tuple[str, ...]:
        entry, is_folder = publication.entry, publication.is_folder
        return self._torrents.seeds_of_copies(entry, publication.name, is_folder)

    async def change_copies(self) -> int:
        """Look after other copies, their places having changed; of how many torrents."""
        changed = 0
        for number, publication in enumerate(self._published.all()):
            if number % CHANGED_AT_ONCE == 0:
                await asyncio.sleep(0)
            if self._published.by_infohash(publication.infohash) is publication:
                changed += self.copies.change(publication, self._seeds_of(publication))
        return changed

    def look_at(self, path: Path) -> list[str]:
        """Have content looked at now; returns the infohashes that keep it from being published."""
        self._skipped.pop(path)
        self._watch.look_at([path])
        return self._withheld.at(path)

    def _obey(self) -> None:
        """Withdraw what was denied, and look again at what is so no more."""
        denied, released = self._withheld.news()
        for publication in self._published.all() if denied else ():
            if not denied.isdisjoint(alias.hex() for alias in publication.aliases):
                path, error = publication.entry.path, self._withheld.hold(publication)
                self._withdraw(path, error.message.removeprefix(f"`{path}`: "))
                self._drop(path)
                self._skipped.add(publication.entry, error, publication.fingerprint)
        for path in released:
            self.look_at(path)

    def _withdraw(self, path: Path, why: str) -> None:
        publication = self._published.take(path)
        self._tracker.withdraw(publication.infohash)
        if self._seeder is not None:
            self._seeder.remove(publication.infohash)
        if self._listing is not None:
            self._listing.remove(publication)
        self.copies.remove(publication.infohash)
        self._hooks.withdrawn(publication, why)
        self._unwritten.drop(path)
        self._tell(publish_events.Withdrawn(publication.name, publication.infohash, why))

    async def _write_later(self) -> None:
        for path, metainfo, torrent in await asyncio.to_thread(self._unwritten.write):
            publication = self._published.at(path)
            if publication is not None:
                self._renew(publication, metainfo, torrent)
                self._note(f"`{torrent}`: written now")

    async def _turns(self) -> None:
        """Each turn: introduce new leechers to the seeder, and tell how far things are."""
        while True:
            await asyncio.sleep(TURN_S)
            self._watch.look_at(self._introductions.turn())
            self._hear_seeder()
            if self._listing is not None:
                self._listing.turn()
            self._tell_start()
            self._tell(publish_events.Turned())

    def _hear_seeder(self) -> None:
        if self._seeder is None:
            return
        notes, faults = self._seeder.news()
        for note in notes:
            self._note(note)
        for infohash, why in faults.items():
            publication = self._published.by_infohash(infohash)
            if publication is not None:
                self._withdraw(publication.entry.path, "its content cannot be read")
                self._drop(publication.entry.path)
                self._skipped.add(publication.entry, ReadError(why), publication.fingerprint)

    def _tell_start(self) -> None:
        """Tell how far the first look through the folders is, and once when it is over."""
        if not self._is_starting:
            return
        published = len(self._published)
        if self._lanes or not self._is_looked_through:
            self._tell(publish_events.Waiting(published, self._expected))
        elif not self._unsettled or self._loop.time() - self._started > SETTLING_MAX_S:
            self._is_starting = False
            length = self._published.length
            self._tell(publish_events.Settled(published, length, len(self._skipped)))

    def _note(self, message: str) -> None:
        self._tell(publish_events.Noted(message))


def _same_name(path: Path, first: Path) -> ReadError:
    return ReadError(
        f"`{path}`: `{first}` has the same name",
        hint="rename one of them: a name is published once",
    )


def _unfinished(entry: PublishEntry) -> ReadError:
    return ReadError(
        f"`{entry.path}`: still open for writing",
        hint="it is published when the program that writes to it closes it",
    )
