"""A publisher that is followed by its API: its events say when to look, its list what to mirror.

While nothing changes, nothing is asked. After a change the newest are looked at, which is mostly
all there is; the whole list is walked through where the numbers say that more happened, and once
when it is quiet again, since a busy server may show a list that is some seconds old.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from contextlib import suppress

from outpour.base.errors import NetworkError, OutpourError
from outpour.base.http_fetch import fetch
from outpour.base.http_route import Route
from outpour.base.text import is_utf8
from outpour.client import Client, ListedSidecar, ListedTorrent, ProblemAnswered
from outpour.mirror.listing_source import Complain, Tell
from outpour.mirror.offer import Listing, Offer, OfferedFile
from outpour.mirror.told_table import DIGEST_BYTES, ToldWords
from outpour.torrent.bencode import LIMITS
from outpour.torrent.metainfo import Metainfo

FIELDS = (
    "name", "length", "created", "group", "torrent_url", "torrent_tag", "licence", "about_tag",
)  # fmt: skip
TOLD_FIELDS = ("about_tag", "description", "description_from", "files")
LINE_MAX, TEXT_MAX = 200, 4000
"""Letters of a licence or group, and of a description; a catalogue has no longer ones."""
TAG_MAX = 100
NEWEST = 100
OFFERS_MAX = 200_000
"""More than one machine seeds; the rest is left out, and told."""
FILES_MAX = 10_000
FILE_BYTES_MAX, FILE_S = 8 << 20, 60.0
WALKS_MAX = 3
"""In a row, where the list changes while it is walked through."""
PACE_S = 0.5
"""Between looks at a list that changes without end."""
AGAIN_S = 2.0
QUIET_S = 15.0
PAUSE_S, PAUSE_S_MAX = 1.0, 30.0
TORRENT_S = 60.0
NOBODY = "0" * 40
"""An infohash that no torrent has: of the events only those are wanted that concern the list."""


class PublisherSource:
    """An outpour publisher or tracker.

    Args:
        url: Of its page.
        route: By which way.
    """

    withdraws = True

    def __init__(self, url: str, route: Route) -> None:
        self._base = url.partition("?")[0].partition("#")[0].rstrip("/") + "/"
        self._route = route
        self._client = Client(url, route=route)
        self._known: dict[str, Offer] = {}
        self._revision: str | None = None
        self._left_out = 0
        self._beside_tag: str | None = None

    def follow(self, tell: Tell, complain: Complain, ended: threading.Event) -> None:
        """Tell what is listed, at once and whenever it changes, until `ended` is set."""
        pause_s = PAUSE_S
        stream: _Stream | None = None
        while not ended.is_set():
            began = time.monotonic()
            try:
                if stream is None or stream.is_over:
                    # Whatever changes from here on is heard of. One that still lives while all
                    # else fails goes on, or each try would leave one behind.
                    stream = _Stream(self._client, ended)
                    stream.start()
                self._look(tell)
                self._look_beside(tell)
                self._keep_up(stream, tell, ended)
            except OutpourError as error:
                complain(error)
            # A stream that lasted was cut by a restart; one that never began may not be had.
            lasted = time.monotonic() - began > PAUSE_S_MAX
            pause_s = PAUSE_S if lasted else min(pause_s * 2, PAUSE_S_MAX)
            ended.wait(pause_s)

    def metainfo(self, offer: Offer) -> Metainfo:
        """Fetch the .torrent of an offer, from the publisher itself and nowhere else."""
        url = f"{self._base}torrents/{offer.key}.torrent"
        answer = fetch(url, bytes_max=LIMITS.length, timeout_s=TORRENT_S, route=self._route)
        metainfo = Metainfo.parse(answer.body, origin=f"`{url}`")
        if metainfo.info.infohash_hex != offer.key:
            raise NetworkError(f"`{url}`: not the torrent that the page lists")
        return metainfo

    def told(self, infohash: bytes, file_count: int) -> ToldWords:
        """Ask what is told of a torrent beside its .torrent and files."""
        found = self._client.torrent(infohash.hex(), fields=TOLD_FIELDS)
        if found.infohash != infohash.hex():
            raise NetworkError(f"`{self._base}`: tells of another torrent than was asked for")
        text = found.description if found.description_from == "catalogue" else None
        sums = [_digest(file.sha256) for file in found.files or ()]
        is_known = len(sums) == file_count and any(map(any, sums))
        return ToldWords(
            _told_text(found.about_tag, TAG_MAX) or "",
            _told_text(text, TEXT_MAX),
            b"".join(sums) if is_known else b"",
        )

    def file(self, offered: OfferedFile) -> bytes:
        """Fetch a file beside content, from the publisher itself and nowhere else."""
        url = f"{self._base}content/{offered.path}"
        return fetch(url, bytes_max=FILE_BYTES_MAX, timeout_s=FILE_S, route=self._route).body

    def _keep_up(self, stream: _Stream, tell: Tell, ended: threading.Event) -> None:
        """Look whenever something changed, until the stream breaks."""
        again_at: float | None = time.monotonic() + AGAIN_S
        quiet_at: float | None = time.monotonic() + QUIET_S
        while not ended.is_set():
            due = [at for at in (again_at, quiet_at) if at is not None]
            wait_s = max(0.0, min(due) - time.monotonic()) if due else None
            is_news = stream.wait(wait_s)
            if stream.is_over:
                return
            now = time.monotonic()
            if is_news:
                again_at, quiet_at = now + AGAIN_S, now + QUIET_S
                self._look(tell, is_sure=True)
                self._look_beside(tell)
                ended.wait(PACE_S)
            elif quiet_at is not None and now >= quiet_at:
                again_at = quiet_at = None
                self._walk(tell)
            elif again_at is not None and now >= again_at:
                again_at = None
                self._look(tell, is_sure=True)

    def _look(self, tell: Tell, *, is_sure: bool = False) -> None:
        """Look at the newest; through all where that does not explain the number of torrents.

        Args:
            tell: Takes what is found.
            is_sure: Something changed, so that the same revision is no news.
        """
        if not self._known:
            self._walk(tell)
            return
        page = self._client.page(sort="published", limit=NEWEST, fields=FIELDS)
        assert page is not None
        if page.revision is not None and page.revision == self._revision and not is_sure:
            return
        newest = {one.key: one for one in _offers(page.torrents)}
        fresh = newest.keys() - self._known.keys()
        if page.matched != len(self._known) + self._left_out + len(fresh):
            self._walk(tell)
            return
        changed = {key: one for key, one in newest.items() if self._known.get(key) != one}
        self._known.update(changed)
        if changed:
            tell(Listing(changed, is_whole=False))

    def _look_beside(self, tell: Tell) -> None:
        """Look at the files beside content; a tracker alone has none."""
        try:
            found = self._client.sidecars(held=self._beside_tag)
        except ProblemAnswered as error:
            if error.status not in (401, 403, 404):
                raise
            return
        if found is None:
            return
        rows, self._beside_tag = found
        files = [_offered_file(row) for row in rows[:FILES_MAX]]
        tell(Listing({}, is_whole=False, is_cut=len(rows) > FILES_MAX, beside=files))

    def _walk(self, tell: Tell) -> None:
        for _ in range(WALKS_MAX):
            found: dict[str, Offer] = {}
            revisions: set[str | None] = set()
            left_out = 0
            for page in self._client.walk(fields=FIELDS):
                revisions.add(page.revision)
                for offer in _offers(page.torrents):
                    if len(found) < OFFERS_MAX or offer.key in found:
                        found[offer.key] = offer
                    else:
                        left_out += 1
            if len(revisions) == 1:
                break
        # Of a list that never held still nothing can be told to be gone.
        is_whole = len(revisions) == 1
        self._known = found if is_whole else {**self._known, **found}
        self._revision = revisions.pop() if is_whole else None
        self._left_out = left_out
        tell(Listing(dict(self._known), is_whole=is_whole, is_cut=left_out > 0))


class _Stream:
    """Reads the events of a publisher on a thread of its own, as reading blocks."""

    def __init__(self, client: Client, ended: threading.Event) -> None:
        self._client = client
        self._ended = ended
        self._condition = threading.Condition()
        self._is_news = False
        self.is_over = False

    def start(self) -> None:
        threading.Thread(target=self._read, name="outpour-events", daemon=True).start()

    def wait(self, seconds: float | None) -> bool:
        """Wait for news or the end; says whether there are news."""
        until = None if seconds is None else time.monotonic() + seconds
        with self._condition:
            while not (self._is_news or self.is_over or self._ended.is_set()):
                rest = 1.0 if until is None else until - time.monotonic()
                if rest <= 0:
                    break
                self._condition.wait(min(rest, 1.0))
            is_news, self._is_news = self._is_news, False
            return is_news

    def _read(self) -> None:
        try:
            for numbers in self._client.follow([NOBODY]):
                if self._ended.is_set():
                    break
                if numbers.is_listing:
                    with self._condition:
                        self._is_news = True
                        self._condition.notify_all()
        except OutpourError:
            # The next look, which is due now, says what is wrong.
            pass
        finally:
            with self._condition:
                self.is_over = True
                self._condition.notify_all()


def _offered_file(row: ListedSidecar) -> OfferedFile:
    group = _group(row.group)
    path = row.url.partition("?")[0].rpartition("/")[2]
    tag = _told_text(row.tag, TAG_MAX) or ""
    return OfferedFile(row.name, row.length, tag, path, group, row.modified)


def _offers(rows: Iterable[ListedTorrent]) -> Iterable[Offer]:
    for row in rows:
        yield Offer(
            row.infohash, row.name or row.infohash, row.length, row.created,
            _group(row.group),
            row.torrent_url, _told_text(row.torrent_tag, TAG_MAX),
            _told_text(row.licence, LINE_MAX),
            _told_text(row.about_tag, TAG_MAX),
        )  # fmt: skip


def _group(text: str | None) -> str | None:
    # Files beside content go by its group too, so that both are cut alike.
    return _told_text(text, LINE_MAX) if text and is_utf8(text) else None


def _told_text(text: str | None, most: int) -> str | None:
    """What a stranger wrote, at most so many letters of it that can be written down."""
    if text is None:
        return None
    cut = text if len(text) <= most else f"{text[: most - 1]}…"
    return cut.encode("utf-8", "replace").decode()


def _digest(sha256: str | None) -> bytes:
    found = b""
    if sha256 is not None and len(sha256) == 2 * DIGEST_BYTES:
        with suppress(ValueError):
            found = bytes.fromhex(sha256)
    return found if len(found) == DIGEST_BYTES else bytes(DIGEST_BYTES)
