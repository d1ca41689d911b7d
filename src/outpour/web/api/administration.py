"""What an administrator may do, as the API asks for it; a tracker does some, a publisher more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from outpour.tracker.lists.admin_rule import AdminRule, RuleKind
from outpour.tracker.lists.passkey import Key, KeyUse
from outpour.web.api.who_asks import WhoAsks


class Keys(Protocol):
    """The keys of a private tracker; `keys_in_force.Keyring` is one."""

    async def keys(self) -> Sequence[Key]:
        """All keys, expired ones included."""

    async def make(self, label: str, expires_at: int | None) -> Key:
        """Make a key that counts when this returns."""

    async def revoke(self, key_id: str) -> Key | None:
        """Revoke a key, None if there is none of this id; it counts no more when this returns."""


class Rules(Protocol):
    """What is allowed, denied and banned by hand; `ruling.Ruling` is one."""

    def of(self, kind: RuleKind) -> Mapping[str, AdminRule]:
        """The rules of a kind, by subject."""

    async def put(self, rule: AdminRule) -> bool:
        """Make a rule that holds when this returns; says whether it is new."""

    async def drop(self, kind: RuleKind, subject: str) -> AdminRule | None:
        """Undo a rule, None if there is none; it holds no more when this returns."""


class Deeds(Protocol):
    """What can be done with torrents and rates, and the log of all that is done."""

    def log(self, who: str, what: str) -> None:
        """Have it told that an administrator changed something."""

    def key_uses(self) -> Mapping[str, KeyUse]:
        """How keys were used since the start, by the keys themselves; empty if not counted."""


@dataclass(frozen=True, slots=True)
class Admin:
    """What an administrator may do, and how one is known.

    Attributes:
        asks: Tells administrators from others.
        keys: None where the tracker asks for no keys.
        rules: What is allowed, denied and banned by hand.
        deeds: Everything else.
    """

    asks: WhoAsks
    keys: Keys | None
    rules: Rules
    deeds: Deeds
