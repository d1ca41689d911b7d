"""All copies of what is published: those on other servers, and those on mirrors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from outpour.base.event import Event
from outpour.base.together import together
from outpour.publisher.copies import Copies, Renew
from outpour.publisher.mirror_copies import MirrorCopies
from outpour.publisher.published import Publication, PublishedTorrents
from outpour.publisher.registered_mirrors import RegisteredMirrors
from outpour.publisher.torrent_of_entry import Torrents
from outpour.tracker.service import TrackerService
from outpour.web.content_copy import ContentCopy


class AllCopies:
    """Keeps all copies in view; the arguments are those of `Copies`.

    Args:
        mirrors: Those that registered; None where none may.
    """

    def __init__(
        self,
        torrents: Torrents,
        tracker: TrackerService,
        published: PublishedTorrents,
        renew: Renew,
        tell: Callable[[Event], None],
        mirrors: RegisteredMirrors | None,
    ) -> None:
        self._mirrors = mirrors
        self._on_mirrors: MirrorCopies | None = None
        self._elsewhere = Copies(
            torrents, tracker, published, renew, tell,
            others=lambda infohash: self._on_mirrors.good(infohash) if self._on_mirrors else (),
        )  # fmt: skip
        if mirrors is not None:
            self._on_mirrors = MirrorCopies(
                torrents, tracker, published, renew, others=self._elsewhere.good,
                on_good=mirrors.was_good, on_lie=mirrors.lied,
            )  # fmt: skip
            mirrors.look_with(self._on_mirrors)

    async def run(self) -> None:
        """Look at what is due, until cancelled."""
        works: list[Callable[[], Awaitable[None]]] = [self._elsewhere.run]
        if self._mirrors is not None and self._on_mirrors is not None:
            works += [self._mirrors.run, self._on_mirrors.run]
        await together(works)

    def add(self, publication: Publication, seeds: Sequence[str], named: Sequence[str]) -> None:
        """Look after the copies of what was just published; see `Copies.add`."""
        self._elsewhere.add(publication, seeds, named)
        if self._mirrors is not None:
            self._mirrors.published_one(publication.aliases)

    def change(self, publication: Publication, seeds: Sequence[str]) -> bool:
        """Look after other copies on other servers; says if there are others than before."""
        return self._elsewhere.change(publication, seeds)

    def remove(self, infohash: bytes) -> None:
        """Forget the copies of what was withdrawn."""
        self._elsewhere.remove(infohash)
        if self._on_mirrors is not None:
            self._on_mirrors.remove(infohash)

    def of(self, infohash: bytes) -> tuple[ContentCopy, ...]:
        """The copies of a torrent, whatever their state."""
        on_mirrors = self._on_mirrors.of(infohash) if self._on_mirrors is not None else ()
        return (*self._elsewhere.of(infohash), *on_mirrors)

    def is_own(self, url: str) -> bool:
        """Whether a web seed leads to this publisher."""
        return self._elsewhere.is_own(url)
