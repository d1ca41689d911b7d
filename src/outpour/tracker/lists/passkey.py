"""Keys of a private tracker as frozen values, and the lines they are in a key list.

    KEY [expires=TIME] [made=TIME] [# LABEL]

A KEY is what stands in `/KEY/announce`; times are ISO 8601 in UTC. A file of keys alone is one.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass, field
from datetime import datetime, timezone

SECRET_LENGTH = 32
"""190 bits: nobody finds one by trying."""
LABEL_MAX = 200
ID_LENGTH = 12
TIME_MAX_S = 253_402_300_799
"""The last second of the year 9999, where ISO 8601 ends."""

_ALPHABET = string.ascii_letters + string.digits
_SECRET = re.compile(r"[0-9A-Za-z_-]{1,64}\Z")


@dataclass(frozen=True, slots=True)
class Key:
    """One key.

    Attributes:
        secret: What peers announce with; it is shown only where somebody asks for it.
        label: Who has it, in the operator's words.
        made_at: Unix time in seconds, None if the list does not say.
        expires_at: Unix time in seconds from which on it counts no more, None if never.
    """

    secret: str = field(repr=False)
    label: str = ""
    made_at: int | None = None
    expires_at: int | None = None

    @classmethod
    def random(cls, label: str, made_at: int, expires_at: int | None = None) -> Key:
        """Make a key that nobody can guess."""
        secret = "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_LENGTH))
        return cls(secret, label, made_at, expires_at)

    @property
    def id(self) -> str:
        """A name that tells nothing of the key: the beginning of its SHA-256."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:ID_LENGTH]

    def is_active(self, now: float) -> bool:
        """Whether it counts at this Unix time."""
        return self.expires_at is None or now < self.expires_at

    def describe(self, now: float, *, with_secret: bool = False) -> dict[str, object]:
        """Tell programs of it: `--json` and the API say the same."""
        return {
            "id": self.id,
            **({"key": self.secret} if with_secret else {}),
            "label": self.label,
            "made": None if self.made_at is None else format_time(self.made_at),
            "expires": None if self.expires_at is None else format_time(self.expires_at),
            "active": self.is_active(now),
        }

    @property
    def line(self) -> str:
        """The line of a key list that says this."""
        words = [self.secret]
        if self.expires_at is not None:
            words.append(f"expires={format_time(self.expires_at)}")
        if self.made_at is not None:
            words.append(f"made={format_time(self.made_at)}")
        return " ".join(words) + (f"  # {self.label}" if self.label else "")


def read_line(line: str) -> Key | None:
    """Read a line of a key list.

    Raises:
        ValueError: It says something, and that is no key.
    """
    said, _, label = line.partition("#")
    words = said.split()
    if not words:
        return None
    given: dict[str, int] = {}
    for word in words[1:]:
        name, _, value = word.partition("=")
        if name not in ("expires", "made"):
            raise ValueError("not a key list")
        given[name] = read_time(value)
    if not is_secret(words[0]):
        raise ValueError("not a key")
    return Key(words[0], clean_label(label), given.get("made"), given.get("expires"))


def is_secret(text: str) -> bool:
    """Whether a text can be a key."""
    return _SECRET.match(text) is not None


def parse_keys(raw: bytes) -> tuple[frozenset[Key], list[str]]:
    """Read a key list; faults tell the numbers of bad lines and nothing of what is in them."""
    keys: dict[str, Key] = {}
    faults = []
    for number, line in enumerate(raw.decode("utf-8", "replace").splitlines(), 1):
        try:
            key = read_line(line)
        except ValueError:
            faults.append(
                f"line {number} is not a key of at most 64 letters, digits, `-` and `_` with "
                "`expires=TIME` or `made=TIME`"
            )
        else:
            if key is not None:
                keys[key.secret] = key
    return frozenset(keys.values()), faults


def clean_label(label: str) -> str:
    """Bring a label into the form in which a line can hold it."""
    return " ".join("".join(c if c.isprintable() else " " for c in label).split())[:LABEL_MAX]


def read_time(text: str) -> int:
    """Read ISO 8601, in UTC unless it has an offset, as Unix seconds; a date is its beginning.

    Raises:
        ValueError: It is none, or not within the years 1970 to 9999.
    """
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return checked_time(int(moment.timestamp()))


def checked_time(seconds: int) -> int:
    """Return Unix seconds that ISO 8601 can write.

    Raises:
        ValueError: They are not within the years 1970 to 9999.
    """
    if not 0 <= seconds <= TIME_MAX_S:
        raise ValueError("not within the years 1970 to 9999")
    return seconds


def format_time(seconds: int) -> str:
    """Write Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
