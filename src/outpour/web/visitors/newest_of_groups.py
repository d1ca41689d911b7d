"""The groups that torrents were found in, each with its newest torrent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outpour.tracker.figures import TorrentRow
from outpour.web.limits import GROUPS_MAX
from outpour.web.page_thread import PageThread
from outpour.web.query import natural


@dataclass(frozen=True, slots=True)
class Group:
    """Torrents of one folder.

    Attributes:
        name: Of the folder.
        count: How many torrents are in it.
        newest: Infohash of the newest of them.
    """

    name: str
    count: int
    newest: bytes


class Groups:
    """The groups of all rows, found anew only when torrents came or went.

    Args:
        thread: Where many rows are looked through.
    """

    def __init__(self, thread: PageThread) -> None:
        self._thread = thread
        self._kept: tuple[object, tuple[Group, ...]] = (None, ())

    async def get(self, rows: Sequence[TorrentRow], revision: object) -> tuple[Group, ...]:
        """The groups, that with the newest torrent first.

        Args:
            rows: All torrents.
            revision: Changes with what is listed.
        """
        if self._kept[0] != revision:
            self._kept = (revision, await self._thread.run(lambda: groups_of(rows)))
        return self._kept[1]


def groups_of(rows: Sequence[TorrentRow]) -> tuple[Group, ...]:
    """Group rows, at most `GROUPS_MAX` times."""
    counts: dict[str, int] = {}
    newest: dict[str, TorrentRow] = {}
    for row in rows:
        if row.group is None:
            continue
        counts[row.group] = counts.get(row.group, 0) + 1
        if row.group not in newest or _age(row) > _age(newest[row.group]):
            newest[row.group] = row
    in_order = sorted(newest, key=lambda name: (_age(newest[name]), name), reverse=True)
    return tuple(Group(name, counts[name], newest[name].infohash) for name in in_order[:GROUPS_MAX])


def _age(row: TorrentRow) -> tuple[object, ...]:
    return row.published_at or 0, natural(row.name or "")
