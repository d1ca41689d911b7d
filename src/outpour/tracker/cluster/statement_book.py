"""The shared map at this node: own sources make statements of it, and what it says is in force.

What is new in it waits here to be told to the others, and to be kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from outpour.tracker.cluster.shared_lists import Origin, SharedLists
from outpour.tracker.cluster.shared_map import SharedMap, Statement
from outpour.tracker.cluster.stream_link import ServerTime

AT_ONCE = 500
"""Some milliseconds of the event loop."""


class StatementBook:
    """Keeps statements, own sources and what is in force the same.

    Args:
        node: The 8 bytes of this node.
        time: The server's clock.

    Attributes:
        map: All statements.
        lists: What is in force.
    """

    def __init__(self, node: bytes, time: ServerTime) -> None:
        self.map = SharedMap(node)
        self._time = time
        self._unsent: dict[bytes, int] = {}
        self._unsaved: dict[bytes, int] = {}
        self._unsaved_said: dict[bytes, bool] = {}
        self._is_settled = self._is_missing_told = False

    def begin(
        self,
        lists: SharedLists,
        kept: Iterable[Sequence[Statement]],
        *,
        is_first: bool,
        is_given: bool,
    ) -> None:
        """Put in force what is kept of the last run, and state what own sources say otherwise.

        Args:
            lists: Of this node.
            kept: The map, a page at a time.
            is_first: The node was none of the cluster before.
            is_given: Torrents of before are given again, until `settle`.
        """
        self.lists = lists
        for page in kept:
            self.map.merge(page)
        lists.enforce(self.map.scores.items())
        self._state(lists.begin(is_given=is_given), is_first=is_first)

    @property
    def refused(self) -> int:
        """Statements that were refused."""
        return self.map.refused + self.lists.refused

    def set_origins(self, origins: Sequence[Origin]) -> None:
        """State that these are given first in every answer, and no others of this node."""
        self._state(self.lists.set_own_origins(origins))

    def settle(self, *, is_for_all: bool) -> None:
        """From the next turn on, what was not given again is removed: for all, or here alone."""
        self._is_settled, self._is_missing_told = True, is_for_all

    def forget(self, infohashes: Iterable[bytes]) -> None:
        """State nothing of torrents that own sources allow no longer."""
        self._unsaved_said.update(dict.fromkeys(self.lists.forget(infohashes), False))

    async def turn(self) -> None:
        """State what own sources say otherwise by now."""
        while said := self.lists.take_own(AT_ONCE):
            self._state(said)
            await asyncio.sleep(0)
        while self._is_settled and (gone := self.lists.take_missing(AT_ONCE)):
            if self._is_missing_told:
                self._state(gone)
            else:
                self._unsaved_said.update(gone)
            await asyncio.sleep(0)

    async def hear(self, statements: Sequence[Statement]) -> None:
        """Put in force what others state, where it is later than what is known."""
        for at in range(0, len(statements), AT_ONCE):
            later = self.map.merge(statements[at : at + AT_ONCE])
            self._unsaved.update(later)
            self.lists.enforce(later)
            # Others are to have their turn.
            await asyncio.sleep(0)

    def take_unsent(self, limit: int) -> list[Statement]:
        """Take up to `limit` statements that are to be told."""
        some = [*self._unsent][:limit]
        return [(member, self._unsent.pop(member)) for member in some]

    def put_back(self, statements: Iterable[Statement]) -> None:
        """Have them told later."""
        for member, score in statements:
            self._unsent.setdefault(member, score)

    def take_unsaved(self) -> tuple[Mapping[bytes, int], Mapping[bytes, bool]]:
        """Take what is to be kept: statements, and what own sources say."""
        statements, self._unsaved = self._unsaved, {}
        said, self._unsaved_said = self._unsaved_said, {}
        return statements, said

    def put_back_unsaved(self, statements: Mapping[bytes, int], said: Mapping[bytes, bool]) -> None:
        """Have them kept later."""
        self._unsaved = {**statements, **self._unsaved}
        self._unsaved_said = {**said, **self._unsaved_said}

    def _state(self, said: Sequence[tuple[bytes, bool]], *, is_first: bool = False) -> None:
        """Make statements of what own sources say."""
        if not said:
            return
        made = self.map.state(said, self._time.ms, is_first=is_first)
        self._unsaved_said.update(one for one in said if one[0][:1] != b"n")
        self._unsent.update(made)
        self._unsaved.update(made)
        self.lists.enforce(made)
