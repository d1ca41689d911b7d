"""Puts an administrator's rules in force, and keeps them over restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from outpour.tracker.lists.admin_rule import (
    KINDS,
    AdminRule,
    RuleKind,
    infohash_of_rule,
    prefix_of_rule,
    range_of_rule,
)
from outpour.tracker.lists.admission import Admission
from outpour.tracker.lists.allowed_set import AllowedChange, AllowedSet
from outpour.tracker.lists.rule_book import RuleBook, Rules, book_path


class Ruling:
    """The rules of a running tracker: written down, and in force when a change returns.

    Args:
        state: The tracker's state file; the rules lie beside it.
        allowed: Is told of torrents.
        admission: Is told of addresses and clients.
        enforce: Tells the core what came of it.

    Raises:
        ReadError: The rules of an earlier run cannot be read.

    Attributes:
        on_change: Called when other rules are in force.
    """

    def __init__(
        self,
        state: Path | None,
        allowed: AllowedSet,
        admission: Admission,
        enforce: Callable[[AllowedChange], None],
    ) -> None:
        self._book = RuleBook(book_path(state))
        self._allowed = allowed
        self._admission = admission
        self._enforce = enforce
        self._turn = asyncio.Lock()
        # What each list says to the core, so that a change does not read ten thousand rules anew.
        self._values: dict[RuleKind, frozenset[Any]] = {
            kind: frozenset(map(_VALUE_OF[kind], self._book.of(kind))) for kind in KINDS
        }
        self.on_change: Callable[[], None] = lambda: None

    def of(self, kind: RuleKind) -> Mapping[str, AdminRule]:
        """The rules of a kind, by subject."""
        return self._book.of(kind)

    def begin(self) -> AllowedChange:
        """Put in force what was ruled in earlier runs, before the core serves."""
        values = self._values
        self._admission.rule(values["banned-addresses"], values["denied-clients"])
        return self._allowed.rule(values["allowed"], values["denied"])

    async def put(self, rule: AdminRule) -> bool:
        """Make a rule, or another in the place of an equal one; says whether it is new.

        Raises:
            UsageError: There are too many.
            WriteError: It cannot be written down, and is not in force.
        """
        async with self._turn:
            is_new = rule.subject not in self.of(rule.kind)
            await self._change(self._book.with_rule(rule), rule, is_there=True)
            return is_new

    async def drop(self, kind: RuleKind, subject: str) -> AdminRule | None:
        """Undo a rule; None if there is none about this.

        Raises:
            WriteError: That cannot be written down, and it is still in force.
        """
        async with self._turn:
            rule = self.of(kind).get(subject)
            if rule is not None:
                await self._change(self._book.without(rule), rule, is_there=False)
            return rule

    async def _change(self, rules: Rules, rule: AdminRule, *, is_there: bool) -> None:
        await asyncio.to_thread(self._book.write, rules)
        self._book.take(rules)
        value = frozenset({_VALUE_OF[rule.kind](rule.subject)})
        before = self._values[rule.kind]
        self._values[rule.kind] = before | value if is_there else before - value
        self._enforce(self.begin())
        self.on_change()


_VALUE_OF: Mapping[RuleKind, Callable[[str], Any]] = {
    "allowed": infohash_of_rule,
    "denied": infohash_of_rule,
    "banned-addresses": range_of_rule,
    "denied-clients": prefix_of_rule,
}
