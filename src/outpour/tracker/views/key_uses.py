"""How the keys of a private tracker were used: counted by the core, and kept over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from outpour.base.errors import WriteError
from outpour.tracker.lists.passkey import Key
from outpour.tracker.state.key_use_file import KeyUseFile
from outpour.tracker.usage_figures import KeyUse

KEYS_MAX = 200_000
"""Keys whose use is remembered; beyond it those that were not used for longest are forgotten."""
SAVE_S = 60.0


class KeyUseSource(Protocol):
    """What counts: `_core.Tracker` is one."""

    def take_key_uses(self) -> list[tuple[str, int, int]]:
        """Keys that were announced with since they were last taken."""


class KeyUses:
    """How keys were used, ever.

    Args:
        core: Counts.
        clock: Unix time in seconds.
        file: Keeps it; None forgets it at the end.
    """

    def __init__(
        self, core: KeyUseSource, clock: Callable[[], float], file: KeyUseFile | None = None
    ) -> None:
        self._core = core
        self._clock = clock
        self._file = file
        # In this run by the keys themselves: an id is worked out for those that are looked at.
        self._now: dict[str, KeyUse] = {}
        self._before: dict[str, KeyUse] = {}
        self._unsaved: set[str] = set()
        self.trouble: str | None = None
        try:
            if file is not None:
                self._before = file.load()
        except WriteError as error:
            self.trouble = error.message

    def take(self) -> None:
        """Take what the core counted since the last time."""
        now = self._clock()
        for key, announces, ago_s in self._core.take_key_uses():
            before = self._now.pop(key, None)
            # Those used last stand last.
            self._now[key] = KeyUse(
                announces + (before.announces if before else 0), round(now - ago_s, 1)
            )
            if self._file is not None:
                self._unsaved.add(key)
        for key in list(self._now)[: max(0, len(self._now) - KEYS_MAX)]:
            del self._now[key]
            self._unsaved.discard(key)

    def of(self, key: Key) -> KeyUse | None:
        """How a key was used, None if it never was."""
        self.take()
        return self._joined(key.id, key.secret)

    async def keep_up(self) -> None:
        """Keep what changed each minute, until cancelled."""
        while True:
            await asyncio.sleep(SAVE_S)
            self.take()
            if self._unsaved:
                changed, self._unsaved = self._unsaved, set()
                if not await asyncio.to_thread(self._save, changed):
                    self._unsaved |= changed

    def finish(self) -> None:
        """Keep all, at the end."""
        self.take()
        if self._unsaved:
            self._save(self._unsaved)

    def _save(self, changed: set[str]) -> bool:
        assert self._file is not None
        now = {secret: Key(secret).id for secret in changed if secret in self._now}

        def everything() -> dict[str, KeyUse]:
            ids = {secret: Key(secret).id for secret in tuple(self._now)}
            return {**self._before, **self._uses(ids)}

        try:
            self._file.keep(self._uses(now), everything)
        except WriteError:
            # The state lies in the same folder, and says that it cannot be saved.
            return False
        return True

    def _uses(self, ids: dict[str, str]) -> dict[str, KeyUse]:
        found = ((key_id, self._joined(key_id, secret)) for secret, key_id in ids.items())
        return {key_id: use for key_id, use in found if use is not None}

    def _joined(self, key_id: str, secret: str) -> KeyUse | None:
        now, before = self._now.get(secret), self._before.get(key_id)
        if now is None or before is None:
            return now or before
        return KeyUse(now.announces + before.announces, now.seen_at)
