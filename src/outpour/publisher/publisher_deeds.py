"""What an administrator can do with a running publisher."""

from __future__ import annotations

import os
from pathlib import Path

from outpour.base.errors import UsageError
from outpour.publisher.publish_job import PublisherJob
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.seeder import Seeder
from outpour.publisher.seeder_deeds import SeederDeeds
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
    """

    def __init__(
        self,
        service: TrackerService,
        options: PublishOptions,
        job: PublisherJob,
        published: PublishedTorrents,
        seeder: Seeder | None,
    ) -> None:
        super().__init__(service, seeder)
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
