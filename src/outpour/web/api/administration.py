"""What an administrator may do, as the API asks for it; a tracker does some, a publisher more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from outpour.tracker.lists.admin_rule import AdminRule, RuleKind
from outpour.tracker.lists.passkey import Key
from outpour.tracker.usage_figures import KeyUse
from outpour.tracker.verification import Verification
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
    """What can be done with torrents and rates, and the log of all that is done.

    What a tracker or a publisher cannot do ends with a `UsageError`.
    """

    def log(self, who: str, what: str) -> None:
        """Have it told that an administrator changed something."""

    def key_use(self, key: Key) -> KeyUse | None:
        """How a key was used, None if it never was."""

    def rates(self) -> Mapping[str, int | None]:
        """What is in force, by name; None of what is not there."""

    def settings_rates(self) -> Mapping[str, int | None]:
        """What the settings say, by name; None of what is not there."""

    async def change_rates(self, wishes: Mapping[str, int | None]) -> str:
        """Change some of them for good, all or none; says what is other than before.

        None gives back what the settings say.
        """

    async def add(self, raw: bytes) -> tuple[bytes, bool]:
        """Track a torrent; returns its infohash, and whether it is new."""

    def web_seeds(self) -> Sequence[Mapping[str, object]]:
        """Where copies of content lie."""

    async def add_web_seed(self, url: str, where: str | None, who: str) -> tuple[str, bool]:
        """Name a place where copies lie, for all content or some; its id, and whether it is new."""

    async def drop_web_seed(self, key: str) -> Mapping[str, object] | None:
        """No longer name such a place, None if there is none of this id."""

    async def publish(self, path: str) -> bytes | None:
        """Publish content; returns the infohash, None while there is none."""

    async def reannounce(self, infohash: bytes) -> None:
        """Have the seeder announce a torrent to all of its trackers."""

    def verify(self, infohash: bytes) -> Verification:
        """Begin to compare content with its torrent; what is wrong is withdrawn."""

    def verification(self, infohash: bytes) -> Verification | None:
        """How the latest comparison goes, None if there was none."""


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
