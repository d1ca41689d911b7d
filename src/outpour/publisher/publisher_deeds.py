"""What an administrator can do with a running publisher."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from outpour.base.errors import UsageError
from outpour.publisher.copy_base import CopyBase
from outpour.publisher.copy_places import CopyPlaces, NamedBase
from outpour.publisher.publish_job import PublisherJob
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.seeder import Seeder
from outpour.publisher.seeder_deeds import SeederDeeds
from outpour.tracker.lists.passkey import format_time
from outpour.tracker.service import TrackerService
from outpour.tracker.verification import Verification


class PublisherDeeds(SeederDeeds):
    """Does with a publisher what an administrator wants.

    Args:
        service: Its tracker.
        options: What it publishes.
        job: Publishes it.
        published: What is published.
        seeder: Seeds it; None where nobody does.
        bases: Where copies of it lie.
    """

    def __init__(
        self,
        service: TrackerService,
        options: PublishOptions,
        job: PublisherJob,
        published: PublishedTorrents,
        seeder: Seeder | None,
        bases: CopyPlaces,
    ) -> None:
        super().__init__(service, seeder)
        self._bases = bases
        self._naming = asyncio.Lock()
        self._options = options
        self._job = job
        self._published = published

    async def publish(self, path: str) -> bytes | None:
        """Publish content of a published folder that is there, and was withdrawn or just came.

        Returns:
            Its infohash, None while it is not published.

        Raises:
            UsageError: It lies elsewhere, or is not there.
        """
        entry = self._entry_of(path)
        for infohash in self._job.look_at(entry):
            await self._service.ruling.drop("denied", infohash)
        publication = self._published.at(entry)
        return None if publication is None else publication.infohash

    def web_seeds(self) -> list[Mapping[str, object]]:
        """Where copies of content lie: of the settings, and named by administrators."""
        given = [_described(base) for base in self._bases.given]
        return given + [_described(one.base, one) for one in self._bases.named.values()]

    async def add_web_seed(self, url: str, where: str | None, who: str) -> tuple[str, bool]:
        """Name a place where copies lie, from now on and over restarts.

        Torrents name it once its copies were found to be good.

        Returns:
            What it is called, and whether it is new.

        Raises:
            UsageError: It is no URL, or one too many.
            WriteError: It cannot be written down, and is not in force.
        """
        base = CopyBase(url, where or None)
        async with self._naming:
            named = self._bases.named
            is_new = base.key not in named and base not in self._bases.given
            if is_new:
                one = NamedBase(base, int(self._service.now()), who)
                await asyncio.to_thread(self._bases.write, {**named, base.key: one})
                await self._job.change_copies()
        return base.key, is_new

    async def drop_web_seed(self, key: str) -> Mapping[str, object] | None:
        """No longer name what an administrator named; None if there is nothing of this key.

        Raises:
            WriteError: It cannot be written down, and is still in force.
        """
        async with self._naming:
            named = dict(self._bases.named)
            one = named.pop(key, None)
            if one is not None:
                await asyncio.to_thread(self._bases.write, named)
                await self._job.change_copies()
        return None if one is None else _described(one.base, one)

    def verify(self, infohash: bytes) -> Verification:
        """Begin to compare content with its torrent; what is wrong is withdrawn.

        Raises:
            UsageError: It is not published here, or too many wait.
        """
        publication = self._publication(infohash)
        if publication.entry.is_remote:
            raise UsageError(f"`{publication.name}`: lies elsewhere, at {publication.entry.where}")
        return self._job.verifications.begin(publication)

    def verification(self, infohash: bytes) -> Verification | None:
        """How the latest comparison goes."""
        return self._job.verifications.of(infohash)

    def _publication(self, infohash: bytes) -> Publication:
        publication = self._published.by_infohash(infohash)
        if publication is None:
            raise UsageError(f"`{infohash.hex()}`: its content is not published here")
        return publication

    def _entry_of(self, text: str) -> Path:
        """The entry of a published folder that a path names, or lies in.

        Only names are compared: what links lead to is the business of whoever looks at it.
        """
        for root in self._options.paths:
            whole = root.absolute()
            asked = Path(os.path.normpath(whole / text))
            if "\0" in text or not asked.is_relative_to(whole):
                continue
            inner = asked.relative_to(whole).parts
            is_one = self._options.as_one or not root.is_dir()
            entry = root if is_one or not inner else root / inner[0]
            if (is_one or inner) and os.path.lexists(entry):
                return entry
        raise UsageError(f"`{text[:200]}`: not there in what is published")


def _described(base: CopyBase, named: NamedBase | None = None) -> Mapping[str, object]:
    return {
        "id": base.key,
        "url": base.text,
        "where": base.where,
        "made": None if named is None else format_time(named.made_at),
        "made_by": None if named is None else named.made_by,
    }
