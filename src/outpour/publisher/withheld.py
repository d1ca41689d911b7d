"""What is denied, and so not published though it is there."""

from __future__ import annotations

from pathlib import Path

from outpour.base.errors import ReadError
from outpour.publisher.entries import PublishEntry
from outpour.publisher.published import Publication
from outpour.tracker.lists.admin_rule import AdminRule
from outpour.tracker.ruling import Ruling

VERIFIER = "verification"
"""Who denies a torrent whose content was found to differ from it."""


class WithheldTorrents:
    """Content that may not be published, by the infohashes that its torrents have.

    Args:
        ruling: Knows what is denied.
    """

    def __init__(self, ruling: Ruling) -> None:
        self._ruling = ruling
        self._denied = frozenset(ruling.of("denied"))
        self._entries: dict[str, PublishEntry] = {}

    async def check(self, publication: Publication, *, is_fresh: bool) -> None:
        """Hold a torrent that was just found or made against what is denied.

        Args:
            publication: The torrent.
            is_fresh: Its content was read anew, so that it is what the torrent says.

        Raises:
            ReadError: It is denied.
        """
        rule = self._rule_of(publication)
        if rule is not None and rule.made_by == VERIFIER and is_fresh:
            await self._ruling.drop("denied", rule.subject)
            rule = self._rule_of(publication)
        if rule is not None:
            raise self.hold(publication)

    def hold(self, publication: Publication) -> ReadError:
        """Remember a torrent that is denied, and say so."""
        for alias in publication.aliases:
            self._entries[alias.hex()] = publication.entry
        rule = self._rule_of(publication)
        path = publication.entry.path
        if rule is not None and rule.made_by == VERIFIER:
            return ReadError(f"`{path}`: {rule.note}", hint="mend it: it is read again then")
        return ReadError(f"`{path}`: withdrawn by an administrator")

    def news(self) -> tuple[frozenset[str], list[Path]]:
        """What is denied since the last call, and the content that may be published again."""
        before, self._denied = self._denied, frozenset(self._ruling.of("denied"))
        gone = [self._entries.pop(one, None) for one in before - self._denied]
        return self._denied - before, [entry.path for entry in gone if entry is not None]

    def at(self, path: Path) -> list[str]:
        """The infohashes that keep this content from being published."""
        return [one for one, entry in self._entries.items() if entry.path == path]

    def _rule_of(self, publication: Publication) -> AdminRule | None:
        rules = self._ruling.of("denied")
        found = (rules.get(alias.hex()) for alias in publication.aliases)
        return next((rule for rule in found if rule is not None), None)
