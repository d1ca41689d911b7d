"""The keys of a running tracker: changed in their file, and in force when the change returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from outpour.base.errors import UsageError
from outpour.tracker.lists.key_list import KeyFile
from outpour.tracker.lists.passkey import Key


class Keyring:
    """A key list and the tracker that follows it.

    Args:
        path: The key list.
        refresh: Makes the tracker read it, and returns once it counts.
        clock: Unix time in seconds.
    """

    def __init__(
        self, path: Path, refresh: Callable[[], Awaitable[None]], clock: Callable[[], float]
    ) -> None:
        self._file = KeyFile(path)
        self._refresh = refresh
        self._clock = clock

    async def keys(self) -> tuple[Key, ...]:
        """All keys, expired ones included.

        Raises:
            ReadError: The list cannot be read.
        """
        return await asyncio.to_thread(self._file.keys)

    async def make(self, label: str, expires_at: int | None) -> Key:
        """Make a key.

        Raises:
            ReadError, WriteError: The list cannot be changed.
        """
        key = Key.random(label, int(self._clock()), expires_at)
        await asyncio.to_thread(self._file.add, [key])
        await self._refresh()
        return key

    async def revoke(self, key_id: str) -> Key | None:
        """Revoke a key; None if there is none of this id.

        Raises:
            ReadError, WriteError: The list cannot be changed.
        """
        if key_id not in {key.id for key in await self.keys()}:
            return None
        try:
            (key,) = await asyncio.to_thread(self._file.revoke, [key_id])
        except UsageError:
            # Somebody else was quicker.
            return None
        await self._refresh()
        return key
