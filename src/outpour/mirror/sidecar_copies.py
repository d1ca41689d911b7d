"""Copies of what a publisher puts beside content: checksums, signatures, README and descriptions.

They are no torrents and have no hashes, so they come from the publisher alone, over HTTP. By their
names alone it is decided here, as there, what belongs to what; a file that belongs to nothing that
is held is left out, however it is called.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from outpour.base.daemon_call import in_daemon
from outpour.base.errors import FormatError, OutpourError, WriteError, reason
from outpour.base.event import Event
from outpour.base.files import write_atomically
from outpour.base.text import is_utf8, printable
from outpour.mirror.complaints import Complaints
from outpour.mirror.grace import Grace
from outpour.mirror.held_torrents import HeldTorrents
from outpour.mirror.holdings import Held, HeldFile, Holdings, folder_of
from outpour.mirror.offer import OfferedFile
from outpour.mirror.put_off import PutOff
from outpour.publisher.publish_events import Noted
from outpour.publisher.sidecar_rule import Belonging, belongings
from outpour.publisher.sidecar_table import SIDECAR_BYTES_MAX, SidecarTable
from outpour.torrent.disk_names import safe_name
from outpour.torrent.paths import component_fault

AT_ONCE = 4
ALL_BYTES_MAX = 1 << 30
"""Of all of them together; whoever publishes more of them means content."""
TURN_S = 1.0
LOOK_S = 30.0
"""Between two looks at the files, which somebody may have changed or deleted."""

Place = tuple[str, str]
"""The folder below that of the mirror, and the name."""


@dataclass(frozen=True, slots=True)
class Beside:
    """What is shown of the copies.

    Attributes:
        table: The files.
        folders: The folders that they lie in; changed in place.
    """

    table: SidecarTable
    folders: list[Path]


class SidecarCopies:
    """Keeps them as the publisher has them.

    Args:
        folder: The mirror's folder.
        holdings: Remember which files are ours.
        held: The torrents that they belong to.
        grace_s: For so many seconds the publisher has to list one no longer.
        shown: Takes what is here.
        tell: Takes events, on the event loop.
        delete: Delete what is let go of.
    """

    def __init__(
        self,
        folder: Path,
        holdings: Holdings,
        held: HeldTorrents,
        grace_s: float,
        shown: Beside,
        tell: Callable[[Event], None],
        *,
        delete: bool,
    ) -> None:
        self._folder = folder
        self._holdings = holdings
        self._held = held
        self._grace = Grace(grace_s)
        self._shown = shown
        self._tell = tell
        self._delete = delete
        self._fetch: Callable[[OfferedFile], bytes] | None = None
        self._heard: Sequence[OfferedFile] | None = None
        self._offered: dict[Place, OfferedFile] = {}
        self._files: dict[Place, HeldFile] = {}
        self._put_off = PutOff[Place]()
        self._complaints = Complaints[Place]()
        self._is_due = True
        self._revision = -1
        self.is_in_touch = False

    def hear(
        self,
        offered: Sequence[OfferedFile],
        fetch: Callable[[OfferedFile], bytes],
        *,
        is_empty: bool,
    ) -> None:
        """Take note of all that the publisher has beside its content now.

        Args:
            offered: The files.
            fetch: Gets one of them; blocks.
            is_empty: It lists no torrents at all, which may be an accident.
        """
        self._fetch = fetch
        self._heard = [one for one in offered if _fault(one) is None]
        # Nor are names that no file may have a word on those that there are no longer.
        self._grace.hear(is_empty=is_empty or (bool(offered) and not self._heard))
        self._put_off.clear()
        self._is_due = True

    async def run(self) -> None:
        """Follow, until cancelled."""
        rows = await asyncio.to_thread(self._holdings.files)
        self._files = {(one.folder, one.name): one for one in rows}
        for one in rows:
            if one.missing_s is not None:
                self._grace.begin(_key(one.folder, one.name), one.missing_s)
        looked_at = before = time.monotonic()
        while True:
            try:
                now = time.monotonic()
                is_late = now - looked_at >= LOOK_S
                if self._is_due or is_late or self._revision != self._held.revision:
                    self._is_due, self._revision, looked_at = False, self._held.revision, now
                    await self._work()
                await self._pass_by(now - before, is_late=is_late)
                before = now
            except WriteError as error:
                self._complain(("", ""), error)
            await asyncio.sleep(TURN_S)

    async def _work(self) -> None:
        """Fetch what lacks, let go of what is wanted no longer, and show what is here."""
        held = tuple(self._held.values())
        torrents = [(one.folder, one.name) for one in held]
        if self._heard is not None:
            self._offered = await asyncio.to_thread(_spread, self._heard, held)
            wanted = await asyncio.to_thread(_belonging, torrents, [*self._offered])
            await self._drop_unwanted(wanted)
            await self._fetch_some({place: self._offered[place] for place in wanted})
        mine = await asyncio.to_thread(_belonging, torrents, [*self._files])
        await self._show(mine, {folder for folder, _ in torrents})

    async def _fetch_some(self, wanted: Mapping[Place, OfferedFile]) -> None:
        lacking = await asyncio.to_thread(
            lambda: [(place, one) for place, one in wanted.items() if self._lacks(place, one)]
        )
        room = ALL_BYTES_MAX - sum(one.length for one in self._files.values())
        waiting = iter(lacking)

        async def lane() -> None:
            nonlocal room
            for place, one in waiting:
                if one.length > min(room, SIDECAR_BYTES_MAX):
                    text = f"`{printable(one.name)}`: too large for a file beside content"
                    self._complain(place, FormatError(text))
                    continue
                room -= one.length
                await self._take(place, one)

        await asyncio.gather(*(lane() for _ in range(min(AT_ONCE, len(lacking)))))

    def _lacks(self, place: Place, one: OfferedFile) -> bool:
        """Whether a file is to be fetched; in a thread."""
        if self._put_off.waits(place):
            return False
        mine = self._files.get(place)
        is_known = mine is not None and mine.tag == one.tag
        return not is_known or mine is None or _state_of(self._path(place)) != mine.state

    async def _take(self, place: Place, one: OfferedFile) -> None:
        fetch = self._fetch
        assert fetch is not None
        try:
            raw = await in_daemon(lambda: fetch(one), "outpour-sidecar")
            if len(raw) != one.length:
                # The page of a server that has no such file would take the place of one that is.
                raise FormatError(
                    f"`{printable(one.name)}`: has {len(raw)} bytes and is listed with {one.length}"
                )
            mine = await asyncio.to_thread(self._write, place, one, raw)
        except OutpourError as error:
            self._complain(place, error)
            self._put_off.fail(place)
            self._is_due = True
            return
        self._files[place] = mine
        self._complaints.forget(place)

    def _write(self, place: Place, one: OfferedFile, raw: bytes) -> HeldFile:
        """Put a file in its place, and remember that it is ours; in a thread.

        Raises:
            WriteError: It cannot be written, or another's lies there.
        """
        path = self._path(place)
        if place not in self._files and os.path.lexists(path) and not _is_same(path, raw):
            raise WriteError(f"`{path}`: is there already, and not from the publisher")
        if self._held.is_taken(*place):
            raise WriteError(f"`{path}`: the place of a torrent that is mirrored")
        if not _is_same(path, raw):
            try:
                path.parent.mkdir(exist_ok=True)
            except OSError as error:
                raise WriteError(f"`{path.parent}`: {reason(error)}") from None
            write_atomically(path, raw, is_durable=False)
            if one.modified is not None:
                with suppress(OSError):
                    os.utime(path, (one.modified, one.modified))
        mine = HeldFile(*place, one.tag, len(raw), _state_of(path))
        self._holdings.put_files([mine])
        return mine

    async def _drop_unwanted(self, wanted: dict[Place, Belonging]) -> None:
        offered = self._offered
        changed = []
        for place, mine in tuple(self._files.items()):
            key = _key(*place)
            if place in wanted:
                if self._grace.forget(key):
                    changed.append(replace(mine, missing_s=None))
            elif place in offered:
                # What it belongs to is not held any more.
                await self._drop(place)
            elif key not in self._grace:
                self._grace.begin(key)
                changed.append(replace(mine, missing_s=0.0))
        await self._keep(changed)

    async def _pass_by(self, seconds: float, *, is_late: bool) -> None:
        if not (self.is_in_touch and len(self._grace)):
            return
        gone = frozenset(self._grace.pass_by(seconds))
        for place in [one for one in self._files if gone and _key(*one) in gone]:
            await self._drop(place)
            self._is_due = True
        if is_late:
            missing = [
                replace(mine, missing_s=self._grace.of(_key(*place)))
                for place, mine in self._files.items()
                if _key(*place) in self._grace
            ]
            await self._keep(missing)

    async def _keep(self, changed: Sequence[HeldFile]) -> None:
        for one in changed:
            self._files[one.folder, one.name] = one
        if changed:
            await asyncio.to_thread(self._holdings.put_files, changed)

    async def _drop(self, place: Place) -> None:
        mine = self._files.pop(place)
        self._grace.forget(_key(*place))
        await asyncio.to_thread(self._holdings.end_file, *place)
        path = self._path(place)

        def delete() -> None:
            # One that somebody changed since is theirs.
            if _state_of(path) == mine.state and not self._held.is_taken(*place):
                with suppress(OSError):
                    path.unlink()

        if self._delete:
            await asyncio.to_thread(delete)

    async def _show(self, belonging: dict[Place, Belonging], groups: set[str]) -> None:
        shown = self._shown
        found = {self._path(place): one for place, one in belonging.items()}
        seen = await asyncio.to_thread(shown.table.look, found, lambda _: True)
        shown.folders[:] = sorted({self._path((folder, "x")).parent for folder in groups})
        shown.table.take(seen)

    def _path(self, place: Place) -> Path:
        folder, name = place
        return self._folder / folder / name if folder else self._folder / name

    def _complain(self, place: Place, error: OutpourError) -> None:
        if self._complaints.is_new(place, error):
            self._tell(Noted(error.message))


def _spread(heard: Sequence[OfferedFile], held: Sequence[Held]) -> dict[Place, OfferedFile]:
    """Where files may belong: a torrent keeps its folder where its group has another name by now.

    In a thread.
    """
    others: dict[str | None, set[str]] = {}
    for torrent in held:
        if torrent.folder != folder_of(torrent.group):
            others.setdefault(torrent.group, set()).add(torrent.folder)
    found = {_place_of(one): one for one in heard}
    for one in heard if others else ():
        for folder in others.get(one.group, ()):
            found.setdefault((folder, one.name), one)
    return found


def _place_of(one: OfferedFile) -> Place:
    return folder_of(one.group), one.name


def _key(folder: str, name: str) -> bytes:
    return f"{folder}/{name}".encode("utf-8", "surrogateescape")


def _fault(one: OfferedFile) -> str | None:
    """Why a file of this name is not taken, None if it may be."""
    for name in (one.name, _place_of(one)[0]):
        if name and (not is_utf8(name) or name.startswith(".") or safe_name(name) != name):
            return "is no name that a file may have everywhere"
        if name and (fault := component_fault(name)) is not None:
            return fault
    return None if one.name else "has no name"


def _belonging(torrents: Sequence[Place], files: Sequence[Place]) -> dict[Place, Belonging]:
    """Which of the files belong to a torrent, or to a folder that has one; in a thread."""
    names: dict[str, set[str]] = {}
    for folder, name in torrents:
        names.setdefault(folder, set()).add(name)
    beside: dict[str, list[str]] = {}
    for folder, name in files:
        if folder in names and name not in names[folder]:
            beside.setdefault(folder, []).append(name)
    found: dict[Place, Belonging] = {}
    for folder, some in beside.items():
        for name, one in belongings({*names[folder], *some}, some).items():
            if not one.owners or not names[folder].isdisjoint(one.owners):
                found[folder, name] = one
    return found


def _state_of(path: Path) -> str | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return f"{status.st_mtime_ns} {status.st_size} {status.st_ino}"


def _is_same(path: Path, raw: bytes) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.read_bytes() == raw
    except OSError:
        return False
