"""The mirrors that registered: which are counted, named and pinned, and why others are not.

A mirror is believed no more than a peer. It names its own address by asking from it, and web
servers that all the world reaches; what it serves is compared with what was published, before it
is named and again and again.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from outpour.base.daemon_call import in_daemon
from outpour.base.errors import OutpourError, UsageError
from outpour.base.event import Event
from outpour.base.files import write_atomically
from outpour.base.public_address import is_public
from outpour.publisher.copy_base import PATH, CopyBase
from outpour.publisher.mirror_copies import MirrorBase, MirrorCopies
from outpour.publisher.mirror_tokens import MirrorTokens
from outpour.publisher.publish_events import MirrorCounted, MirrorDropped, Noted
from outpour.publisher.published import PublishedTorrents
from outpour.publisher.self_listing import PeerAddress
from outpour.web.mirror_list import ListedMirror, MirrorState

TURN_S = 5.0
GONE_S = 180.0
"""Without a word for so long, a mirror is gone; it speaks each half a minute."""
SAMPLE_S = 60.0
LIES_S = 86_400.0
"""For so long, a mirror that lied is not wanted."""
CLAIMS_MAX = 200_000
URL_MAX = 500
PINNED_MAX = 8
"""More first peers than this would leave no room for others in an answer."""
WHOLE_PARTS = 10
"""A mirror is pinned that lacks no more than one of so many torrents."""
CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class _Record:
    url: str
    address: str
    peer_port: int
    state: MirrorState
    since: int
    seen: int
    why: str = ""


@dataclass(slots=True)
class _Now:
    """What is known of a mirror since the start only."""

    claims: set[bytes] = field(default_factory=set)
    is_reachable: bool = False
    looked_at: float = float("-inf")
    is_pinned: bool = False


class RegisteredMirrors:
    """Keeps the mirrors of a publisher; `web.mirror_list.MirrorRegistry` is what the web sees.

    Args:
        tokens: Say who comes.
        file: Remembers them.
        published: What there is to mirror.
        pin: Puts addresses among the first peers that everyone is told of.
        is_near: The publisher itself is on a private network, where private addresses are of use.
        clock: Unix time in seconds.
        tell: Takes events, on the event loop.
    """

    def __init__(
        self,
        tokens: MirrorTokens,
        file: Path,
        published: PublishedTorrents,
        pin: Callable[[Sequence[PeerAddress]], None],
        *,
        is_near: bool,
        clock: Callable[[], float],
        tell: Callable[[Event], None],
    ) -> None:
        self._tokens = tokens
        self._file = file
        self._published = published
        self._pin = pin
        self._is_near = is_near
        self._clock = clock
        self._tell = tell
        self._records: dict[str, _Record] = _load(file)
        self._now: dict[str, _Now] = {}
        self._copies: MirrorCopies | None = None
        self._dropping: asyncio.Queue[MirrorBase] = asyncio.Queue()
        self._is_changed = False
        self._saving = asyncio.Lock()

    def look_with(self, copies: MirrorCopies) -> None:
        """Take who looks at the copies; to be called before `run`."""
        self._copies = copies

    def bases(self) -> list[CopyBase]:
        """Where copies lie that may stay named until they are looked at."""
        good = [one for one in self._records.values() if one.state == "counted"]
        return [_base(one.url) for one in good]

    def name_of(self, token: str) -> str | None:
        """Whose token this is, None of nobody's."""
        return self._tokens.name_of(token)

    def register(
        self,
        name: str,
        address: str,
        url: str,
        peer_port: int,
        complete: Sequence[bytes],
        gone: Sequence[bytes],
    ) -> ListedMirror:
        """Take note that a mirror is there.

        Raises:
            UsageError: The URL cannot be one, or the mirror lied lately.
        """
        url, now = checked_url(url), int(self._clock())
        known = self._records.get(name)
        if known is not None and known.state == "lies" and now - known.since < LIES_S:
            raise UsageError(f"it gave other bytes than were published: {known.why}")
        place = (url, address, peer_port)
        is_same = known is not None and (known.url, known.address, known.peer_port) == place
        if known is None or not is_same or known.state in ("gone", "lies"):
            if known is not None:
                self._drop(name, known)
            known = _Record(*place, state="checking", since=now, seen=now)
        self._records[name] = replace(known, seen=now)
        self._is_changed = True
        self._hear(name, complete, gone)
        return self._listed(name)

    def listed(self) -> Sequence[ListedMirror]:
        """All that ever registered and were not forgotten, by name."""
        return [self._listed(name) for name in sorted(self._records)]

    def forget(self, name: str) -> bool:
        """Forget a mirror, so that it may register anew; says whether it was known."""
        record = self._records.pop(name, None)
        if record is None:
            return False
        self._drop(name, record)
        return True

    def published_one(self, aliases: Sequence[bytes]) -> None:
        """Hear that something is published, which a mirror may have claimed before."""
        for name, state in self._now.items():
            for alias in aliases:
                if alias in state.claims and self._copies is not None:
                    self._copies.claim(self._mirror(name), alias)

    def numbers(self) -> tuple[dict[str, float], dict[str, float]]:
        """How many mirrors are counted, for operators."""
        counted = sum(one.state == "counted" for one in self._records.values())
        return {}, {"mirrors": counted}

    async def was_good(self, name: str) -> None:
        """Hear that one of a mirror's copies was found to be right.

        What torrents are to name is remembered before: whatever is named after a crash and belongs
        to no mirror that is known would be taken out.
        """
        record = self._records.get(name)
        if record is not None and record.state == "checking":
            now = int(self._clock())
            self._records[name] = replace(record, state="counted", since=now, why="")
            self._is_changed = True
            self._tell(MirrorCounted(name, record.url))
            await self._save()

    def lied(self, name: str, why: str) -> None:
        """Hear that a mirror gave other bytes than were published."""
        record = self._records.get(name)
        if record is not None and record.state != "lies":
            self._end(name, record, "lies", why)

    async def run(self) -> None:
        """Look after all mirrors, until cancelled."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        while True:
            await asyncio.sleep(TURN_S)
            now = int(self._clock())
            for name, record in list(self._records.items()):
                is_here = record.state in ("checking", "counted")
                # After a start they get their time to ask again.
                is_silent = now - record.seen > GONE_S and loop.time() - started > GONE_S
                if name not in self._tokens.names() and record.state != "gone":
                    self._end(name, record, "gone", "it has no token any more")
                elif is_here and is_silent:
                    self._end(name, record, "gone", "it asks no more")
            await self._sample(loop.time())
            # What others are told of is remembered before.
            await self._save()
            self._pin_whole()
            while not self._dropping.empty():
                assert self._copies is not None
                await self._copies.unname(self._dropping.get_nowait())

    def _hear(self, name: str, complete: Sequence[bytes], gone: Sequence[bytes]) -> None:
        copies = self._copies
        state = self._now.setdefault(name, _Now())
        mirror = self._mirror(name)
        for infohash in complete:
            if len(state.claims) < CLAIMS_MAX and infohash not in state.claims:
                state.claims.add(infohash)
                if copies is not None:
                    copies.claim(mirror, infohash)
        for infohash in gone:
            if infohash in state.claims:
                state.claims.discard(infohash)
                if copies is not None:
                    copies.unclaim(name, infohash)

    async def _sample(self, now: float) -> None:
        for name, record in list(self._records.items()):
            if record.state != "counted" or self._copies is None:
                continue
            state = self._now.setdefault(name, _Now())
            if now - state.looked_at < SAMPLE_S:
                continue
            state.looked_at = now
            self._copies.sample(name)
            place = (record.address, record.peer_port)
            state.is_reachable = await in_daemon(lambda: _connects(*place), "outpour-mirror")  # noqa: B023

    def _pin_whole(self) -> None:
        """Tell everyone first of those who have nearly everything, and can be connected to."""
        wanted: list[str] = []
        for name, record in self._records.items():
            state = self._now.setdefault(name, _Now())
            state.is_pinned = False
            is_of_use = self._is_near or is_public(record.address)
            if record.state == "counted" and state.is_reachable and is_of_use:
                lacking = len(self._published) - len(state.claims)
                if lacking * WHOLE_PARTS <= len(self._published):
                    wanted.append(name)
        places = []
        for name in sorted(wanted, key=lambda one: self._records[one].since)[:PINNED_MAX]:
            self._now[name].is_pinned = True
            places.append((self._records[name].address, self._records[name].peer_port))
        self._pin(places)

    def _end(self, name: str, record: _Record, state: MirrorState, why: str) -> None:
        was_counted = record.state in ("checking", "counted")
        now = int(self._clock())
        self._records[name] = replace(record, state=state, since=now, why=why)
        self._drop(name, record)
        if was_counted:
            self._tell(MirrorDropped(name, record.url, why))

    def _drop(self, name: str, record: _Record) -> None:
        self._is_changed = True
        self._now.pop(name, None)
        if self._copies is not None:
            self._copies.forget(name)
        self._dropping.put_nowait(MirrorBase(name, _base(record.url), is_public))

    def _mirror(self, name: str) -> MirrorBase:
        record = self._records[name]
        address = record.address

        def may_reach(one: str) -> bool:
            # On a private network a mirror names itself, and nobody else.
            return is_public(one) or one == address

        return MirrorBase(name, _base(record.url), may_reach)

    def _listed(self, name: str) -> ListedMirror:
        record, state = self._records[name], self._now.get(name, _Now())
        good = self._copies.good_at(name) if self._copies is not None else 0
        return ListedMirror(
            name, record.url, record.state, record.since, record.seen, len(state.claims), good,
            state.is_pinned, record.why,
        )  # fmt: skip

    async def _save(self) -> None:
        # One at a time, or an older list might be written last.
        async with self._saving:
            if not self._is_changed:
                return
            self._is_changed = False
            raw = json.dumps({name: asdict(one) for name, one in self._records.items()}).encode()
            try:
                await asyncio.to_thread(
                    write_atomically, self._file, raw, is_private=True, is_durable=False
                )
            except OutpourError as error:
                self._tell(Noted(error.message))


def checked_url(url: str) -> str:
    """The URL of a mirror's page in its only spelling, with a slash at the end.

    Raises:
        UsageError: It cannot be one.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), 0
    is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
    is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0
    is_text = url.isascii() and url.isprintable() and " " not in url and PATH not in url
    if not (is_plain and is_url and is_text and len(url) <= URL_MAX):
        raise UsageError(f"`{url[:100]!a}`: not the address of a mirror's page")
    return f"{url.rstrip('/')}/"


def _base(url: str) -> CopyBase:
    return CopyBase(f"{url}content/")


def _connects(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port), CONNECT_S):
        return True
    return False


def _load(file: Path) -> dict[str, _Record]:
    """Read what is remembered; nothing where it is damaged, as mirrors register anew."""
    try:
        found = json.loads(file.read_bytes())
        return {name: _Record(**record) for name, record in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
