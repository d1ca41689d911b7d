"""Compares published content with its torrents when an administrator asks, one after the other."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from outpour.base.errors import OutpourError, UsageError
from outpour.making.verifier import Report, verify
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.seeder import Seeder
from outpour.publisher.torrent_of_entry import Torrents
from outpour.publisher.withheld import VERIFIER
from outpour.tracker.lists.admin_rule import AdminRule
from outpour.tracker.ruling import Ruling
from outpour.tracker.verification import Verification

WAITING_MAX = 1000
KEPT_MAX = 2000
"""Results of which somebody may still want to know."""


class _GivenUpError(Exception):
    """Raised inside a comparison to end it."""


class Verifications:
    """Reads content against its torrent, off the event loop, and withdraws what differs.

    A torrent is not seeded and its content not served meanwhile. One whose content differs is
    denied until the content was read anew and is right, or until somebody undoes that: it is not
    published by a restart either.

    Args:
        torrents: Have the metainfo.
        seeder: Stops seeding meanwhile.
        published: Stops serving meanwhile.
        ruling: Denies what differs.
        clock: Unix time in seconds.
        note: Told how each ended.
    """

    def __init__(
        self,
        torrents: Torrents,
        seeder: Seeder | None,
        published: PublishedTorrents,
        ruling: Ruling,
        clock: Callable[[], float],
        note: Callable[[str], None],
    ) -> None:
        self._torrents = torrents
        self._seeder = seeder
        self._published = published
        self._ruling = ruling
        self._clock = clock
        self._note = note
        self._found: OrderedDict[bytes, Verification] = OrderedDict()
        self._waiting: asyncio.Queue[Publication] = asyncio.Queue(WAITING_MAX)
        self._is_over = False

    def begin(self, publication: Publication) -> Verification:
        """Have content compared; one that waits or is being compared goes on.

        Raises:
            UsageError: Too many wait.
        """
        found = self._found.get(publication.infohash)
        if found is not None and found.ended_at is None:
            return found
        try:
            self._waiting.put_nowait(publication)
        except asyncio.QueueFull:
            raise UsageError(f"{WAITING_MAX} torrents wait to be verified") from None
        now = int(self._clock())
        found = Verification(publication.infohash, "waiting", now, total=publication.length)
        return self._keep(found)

    def of(self, infohash: bytes) -> Verification | None:
        """How the latest comparison goes."""
        return self._found.get(infohash)

    async def run(self) -> None:
        """Compare what is asked for, until cancelled; what is read then is given up."""
        try:
            while True:
                await self._compare(await self._waiting.get())
        finally:
            self._is_over = True

    async def _compare(self, publication: Publication) -> None:
        infohash = publication.infohash
        self._keep(replace(self._found[infohash], state="verifying"))
        self._published.rest(infohash)
        if self._seeder is not None:
            self._seeder.rest(infohash)
        try:
            report = await asyncio.to_thread(self._verify, publication)
        except OutpourError as error:
            self._end(infohash, "failed", error.message)
        else:
            if report.ok:
                self._end(infohash, "right", None)
            else:
                why = _said(report)
                now = int(self._clock())
                rule = AdminRule("denied", infohash.hex(), now, VERIFIER, why)
                await self._ruling.put(rule)
                self._end(infohash, "wrong", why)
        finally:
            self._published.go_on(infohash)
            if self._seeder is not None:
                self._seeder.go_on(infohash)
        self._note(f"verified `{publication.name}`: {self._found[infohash].state}")

    def _verify(self, publication: Publication) -> Report:
        metainfo = self._torrents.made_of(publication.entry)

        def progress(done: int, total: int) -> None:
            if self._is_over:
                raise _GivenUpError
            found = self._found[publication.infohash]
            self._found[publication.infohash] = replace(found, done=done, total=total)

        return verify(metainfo, publication.entry.path, progress=progress)

    def _end(self, infohash: bytes, state: str, message: str | None) -> None:
        found = self._found[infohash]
        done = found.total if state == "right" else found.done
        now = int(self._clock())
        self._keep(replace(found, state=state, ended_at=now, done=done, message=message))  # type: ignore[arg-type]

    def _keep(self, found: Verification) -> Verification:
        self._found[found.infohash] = found
        self._found.move_to_end(found.infohash)
        ended = [one for one, other in self._found.items() if other.ended_at is not None]
        for old in ended[: max(0, len(self._found) - KEPT_MAX)]:
            del self._found[old]
        return found


def _said(report: Report) -> str:
    missing = sum(file.status == "missing" for file in report.files)
    if missing:
        return f"differs from its torrent: {missing} of {len(report.files)} files are missing"
    bad, all_pieces = len(report.bad_pieces), report.piece_count
    return f"differs from its torrent: {bad} of {all_pieces} pieces are wrong"
