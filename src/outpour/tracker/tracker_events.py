"""What happened in the tracker, as frozen values; `str(event)` is the line for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from outpour.base.event import Event


@dataclass(frozen=True, slots=True)
class Allowed(Event):
    """Torrents joined the allowed set."""

    kind = "torrents"

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"tracking {_listed(self.names)}"


@dataclass(frozen=True, slots=True)
class Withdrawn(Event):
    """Torrents left the allowed set."""

    kind = "torrents"

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"no longer tracking {_listed(self.names)}"


@dataclass(frozen=True, slots=True)
class Completed(Event):
    """Peers reported complete downloads."""

    kind = "downloads"

    infohash: bytes
    name: str | None
    count: int

    def __str__(self) -> str:
        times = "" if self.count == 1 else f", {self.count} times"
        return f"downloaded `{self.name or self.infohash.hex()}`{times}"


@dataclass(frozen=True, slots=True)
class MoreCompleted(Event):
    """Further complete downloads were reported at the same time: counted, and not told singly."""

    kind = "downloads"

    count: int

    def __str__(self) -> str:
        return f"and {self.count} more downloads"


@dataclass(frozen=True, slots=True)
class FileSkipped(Event):
    """A .torrent file or a line of a list is not usable; the others are."""

    is_trouble = True
    kind = "lists"

    path: Path
    why: str

    def __str__(self) -> str:
        return f"skipped `{self.path}`: {self.why}"


@dataclass(frozen=True, slots=True)
class ListChanged(Event):
    """A list holds other items than before."""

    kind = "lists"

    path: Path
    joined: int
    left: int
    held: int

    def __str__(self) -> str:
        changes = [f"{self.joined} more"] * bool(self.joined) + [f"{self.left} less"] * bool(
            self.left
        )
        return f"`{self.path}`: read again, {' and '.join(changes)}, {self.held} now"


@dataclass(frozen=True, slots=True)
class DuplicateSkipped(Event):
    """Two files are the same torrent; the first one counts."""

    kind = "lists"

    path: Path
    kept: Path

    def __str__(self) -> str:
        return f"skipped `{self.path}`: the same torrent as `{self.kept}`"


@dataclass(frozen=True, slots=True)
class SourceUnreadable(Event):
    """A folder or list cannot be read now; what it last held stays in force."""

    is_trouble = True
    kind = "lists"

    path: Path
    why: str

    def __str__(self) -> str:
        return f"`{self.path}`: {self.why}; what it last held stays in force"


@dataclass(frozen=True, slots=True)
class SourceReadable(Event):
    """A folder or list can be read again."""

    kind = "lists"

    path: Path

    def __str__(self) -> str:
        return f"`{self.path}`: readable again"


FEW_CONNECTIONS = 1000


@dataclass(frozen=True, slots=True)
class ConnectionsAllowed(Event):
    """How many connections are kept at once, as the limit of open files allows."""

    kind = "network"

    connections: int
    open_files: int

    def __str__(self) -> str:
        text = f"up to {self.connections} connections at once, {self.open_files} open files"
        if self.connections >= FEW_CONNECTIONS:
            return text
        return f"{text}; `ulimit -Hn` or `LimitNOFILE=` of the service allow more"


@dataclass(frozen=True, slots=True)
class NotificationLost(Event):
    """The system no longer tells of changes; folder and lists are looked through instead."""

    is_trouble = True
    kind = "lists"

    paths: tuple[Path, ...]
    why: str
    rescan_s: float

    def __str__(self) -> str:
        where = ", ".join(f"`{path}`" for path in self.paths)
        return (
            f"{where}: changes are not notified ({self.why}); looking every {self.rescan_s:g} s "
            "until they are"
        )


@dataclass(frozen=True, slots=True)
class NotificationBack(Event):
    """The system tells of changes again."""

    kind = "lists"

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return f"{', '.join(f'`{path}`' for path in self.paths)}: changes are notified again"


@dataclass(frozen=True, slots=True)
class ProxyNotTrusted(Event):
    """Somebody passes on the requests of others, and is not trusted with it; told once."""

    is_trouble = True
    kind = "network"

    host: str

    def __str__(self) -> str:
        return (
            f"`{self.host}`: sends `X-Forwarded-For` and is no trusted proxy, so all who ask "
            f"through it count as one; if it is yours, `--trusted-proxies {self.host}` names it"
        )


@dataclass(frozen=True, slots=True)
class StateDamaged(Event):
    """The state file was damaged and is set aside; a new one is in its place.

    Attributes:
        saved: What could be taken over into the new one, empty if that is not known.
    """

    is_trouble = True
    kind = "state"

    path: Path
    aside: Path
    why: str
    saved: str = ""

    def __str__(self) -> str:
        text = f"`{self.path}`: damaged ({self.why}); set aside as `{self.aside.name}`"
        return f"{text}; {self.saved}" if self.saved else text


@dataclass(frozen=True, slots=True)
class StateLost(Event):
    """The state file is sound, and what was to be added to it is lost."""

    is_trouble = True
    kind = "state"

    path: Path
    why: str

    def __str__(self) -> str:
        return f"`{self.path}`: {self.why}"


@dataclass(frozen=True, slots=True)
class StateGone(Event):
    """The state file was removed or replaced while it was in use; it is written anew."""

    is_trouble = True
    kind = "state"

    path: Path

    def __str__(self) -> str:
        return f"`{self.path}`: was removed or replaced; written again with all counters"


@dataclass(frozen=True, slots=True)
class HistoryDamaged(Event):
    """Points of history were not as they were written, and are taken out."""

    is_trouble = True
    kind = "state"

    path: Path
    points: int

    def __str__(self) -> str:
        return f"`{self.path}`: left out {self.points} damaged points of history"


@dataclass(frozen=True, slots=True)
class StateRestored(Event):
    """Swarms are back as they were."""

    kind = "state"

    peers: int
    age_s: int

    def __str__(self) -> str:
        return f"restored {self.peers} peers, {self.age_s} s old"


@dataclass(frozen=True, slots=True)
class SnapshotRefused(Event):
    """The kept swarms cannot be read; peers will announce again on their own."""

    is_trouble = True
    kind = "state"

    why: str

    def __str__(self) -> str:
        return f"kept swarms not restored: {self.why}; peers come back as they announce"


@dataclass(frozen=True, slots=True)
class SavingFailed(Event):
    """State cannot be saved now; it is kept in memory and tried again."""

    is_trouble = True
    kind = "state"

    path: Path
    why: str

    def __str__(self) -> str:
        return f"`{self.path}`: {self.why}; serving on, and trying to save again"


@dataclass(frozen=True, slots=True)
class SavingResumed(Event):
    """State is saved again, nothing counted meanwhile is lost."""

    kind = "state"

    path: Path

    def __str__(self) -> str:
        return f"`{self.path}`: saved again"


@dataclass(frozen=True, slots=True)
class KeyUsesLost(Event):
    """How often keys were used in earlier runs cannot be read.

    Attributes:
        why: What is wrong, and what became of it.
    """

    is_trouble = True
    kind = "state"

    why: str

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True, slots=True)
class RatesRecalled(Event):
    """Rates that an administrator changed in an earlier run are in force again.

    Attributes:
        what: Each with the value of the settings, and its own.
    """

    kind = "administrator"

    what: str

    def __str__(self) -> str:
        return f"rates as an administrator changed them: {self.what}"


@dataclass(frozen=True, slots=True)
class RatesLost(Event):
    """Rates that an administrator changed cannot be had again; the settings count.

    Attributes:
        why: What is wrong with them.
    """

    is_trouble = True
    kind = "administrator"

    why: str

    def __str__(self) -> str:
        return f"{self.why}; the rates of the settings are in force"


@dataclass(frozen=True, slots=True)
class Administered(Event):
    """Somebody with an administrator's rights changed something.

    Attributes:
        at: Unix time in seconds.
        who: How the administrator was known, and from where.
        what: The change, as a sentence without its subject: `banned `192.0.2.7``.
    """

    kind = "administrator"

    at: int
    who: str
    what: str

    def __str__(self) -> str:
        return f"administrator ({self.who}): {self.what}"


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
