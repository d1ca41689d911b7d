"""What a publisher says while it works: frozen values, one a line for whoever prints them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from outpour.base.event import Event


@dataclass(frozen=True, slots=True)
class Serving(Event):
    """The page, the tracker and the web seed answer at these addresses.

    Attributes:
        url: Address of the page, as the public sees it.
        local_url: Address of the page on this machine.
        state: Folder that holds everything the next start needs.
        peer_port: Port of the peer engine, None without one.
    """

    url: str
    local_url: str
    state: Path
    peer_port: int | None


@dataclass(frozen=True, slots=True)
class Hashing(Event):
    """An entry is being hashed: `done` of `total` bytes."""

    name: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Published(Event):
    """A torrent is tracked and served from now on.

    Attributes:
        name: Name of the torrent.
        length: Size of its content in bytes.
        files: Number of its files.
        infohash: The 20 bytes that peers announce.
        reused: The content had not changed: nothing was hashed.
    """

    name: str
    length: int
    files: int
    infohash: bytes
    reused: bool


@dataclass(frozen=True, slots=True)
class Withdrawn(Event):
    """A torrent is no longer tracked, because its content went away or changed."""

    kind = "torrents"

    name: str
    infohash: bytes
    why: str

    def __str__(self) -> str:
        return f"withdrawn `{self.name}`: {self.why}"


@dataclass(frozen=True, slots=True)
class Skipped(Event):
    """An entry cannot be published as it is; it is tried again when it changes."""

    is_trouble = True
    kind = "torrents"

    name: str
    message: str
    hint: str | None

    def __str__(self) -> str:
        return f"skipped `{self.name}`: {self.message}"


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """Something an operator should know, though all goes on."""

    kind = "publishing"

    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class CopyFound(Event):
    """A copy on another server is good, and its torrent names it from now on.

    Attributes:
        name: Name of the torrent.
        seed: The web seed (BEP 19).
    """

    kind = "copy"

    name: str
    seed: str

    def __str__(self) -> str:
        return f"`{self.name}`: its copy at {self.seed} is good, and named as web seed"


@dataclass(frozen=True, slots=True)
class CopyMissing(Event):
    """A copy is not there, or not yet; it is looked for again.

    Attributes:
        name, seed: As in `CopyFound`.
        why: What the server said.
        was_good: It was there and good before.
    """

    is_trouble = True
    kind = "copy"

    name: str
    seed: str
    why: str
    was_good: bool = False

    def __str__(self) -> str:
        return (
            f"`{self.name}`: {'its copy is gone' if self.was_good else 'no copy yet'}: {self.why}"
        )


@dataclass(frozen=True, slots=True)
class CopyLies(Event):
    """A copy differs from what is published, and is named no longer; attributes as before."""

    is_trouble = True
    kind = "copy"

    name: str
    seed: str
    why: str

    def __str__(self) -> str:
        return f"`{self.name}`: its copy is another file: {self.why}"


@dataclass(frozen=True, slots=True)
class MirrorCounted(Event):
    """A mirror has registered, and a copy of it was found to be right.

    Attributes:
        name: By which it is known here.
        url: Of its page.
    """

    kind = "mirror"

    name: str
    url: str

    def __str__(self) -> str:
        return f"mirror `{self.name}` is counted: {self.url}"


@dataclass(frozen=True, slots=True)
class MirrorDropped(Event):
    """A mirror is counted no longer: it is gone, or gives other bytes; attributes as before."""

    is_trouble = True
    kind = "mirror"

    name: str
    url: str
    why: str

    def __str__(self) -> str:
        return f"mirror `{self.name}` at {self.url} is dropped: {self.why}"


@dataclass(frozen=True, slots=True)
class Waiting(Event):
    """Many entries are still to be published: `published` of `total` are."""

    published: int
    total: int


@dataclass(frozen=True, slots=True)
class Settled(Event):
    """Everything that was there at the start is published or skipped.

    Attributes:
        published: Number of torrents.
        length: Bytes of their content.
        skipped: Entries that cannot be published, or not yet.
    """

    published: int
    length: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Turned(Event):
    """A second is over: a listener that puts together what is alike may say it now."""


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """The publisher has ended, everything saved."""
