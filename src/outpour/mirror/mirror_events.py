"""What a mirror says while it works, beside what it shares with a publisher."""

from __future__ import annotations

from dataclasses import dataclass

from outpour.base.event import Event


@dataclass(frozen=True, slots=True)
class Followed(Event):
    """The publisher answers, and this is what it lists.

    Attributes:
        url: Of the publisher.
        listed: Torrents that it lists.
        wanted: Those of them that are mirrored.
    """

    kind = "mirror"

    url: str
    listed: int
    wanted: int

    def __str__(self) -> str:
        from outpour.base.units import count

        some = "" if self.wanted == self.listed else f", {self.wanted} of them to be mirrored"
        return f"following {self.url}: {count(self.listed, 'torrent')}{some}"


@dataclass(frozen=True, slots=True)
class SourceFailed(Event):
    """The publisher does not answer, or not as one does; what is mirrored stays.

    Attributes:
        why: In a sentence that names it.
        hint: What mends it, None where nothing is known to.
    """

    is_trouble = True
    kind = "mirror"

    why: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.why}; what is mirrored stays, trying again"


@dataclass(frozen=True, slots=True)
class Disbelieved(Event):
    """The publisher lists much less than before, which may be an accident.

    Attributes:
        url: Of the publisher.
        listed: Torrents that it lists.
        missing: Mirrored ones that it lists no longer.
        grace_s: How long that has to last before it is believed.
    """

    is_trouble = True
    kind = "mirror"

    url: str
    listed: int
    missing: int
    grace_s: float

    def __str__(self) -> str:
        from outpour.base.units import count, format_duration

        return (
            f"{self.url}: lists {count(self.listed, 'torrent')}, and {self.missing} that are "
            f"mirrored no longer; they stay unless that lasts for {format_duration(self.grace_s)}"
        )


@dataclass(frozen=True, slots=True)
class Begun(Event):
    """A torrent of the publisher is known and tracked, and its content is being fetched.

    Attributes:
        name: Of the torrent.
        length: Bytes of its content.
        infohash: The 20 bytes that peers announce.
    """

    name: str
    length: int
    infohash: bytes


@dataclass(frozen=True, slots=True)
class Mirrored(Event):
    """The content of a torrent is whole and in its place, and is served from there.

    Attributes:
        name: Of the torrent.
        length: Bytes of its content.
        infohash: The 20 bytes that peers announce.
        fetched: It was fetched in this run; else it was here before.
    """

    kind = "torrents"

    name: str
    length: int
    infohash: bytes
    fetched: bool

    def __str__(self) -> str:
        return f"mirrored `{self.name}`"


@dataclass(frozen=True, slots=True)
class Renewed(Event):
    """The publisher names other trackers or web seeds in a .torrent, and so does this mirror.

    Attributes:
        name: Of the torrent.
        infohash: The 20 bytes that peers announce, which stay.
    """

    kind = "torrents"

    name: str
    infohash: bytes

    def __str__(self) -> str:
        return f"took over the new .torrent of `{self.name}`"


@dataclass(frozen=True, slots=True)
class Fetching(Event):
    """How far all fetching is: `done` of `total` bytes of so many torrents, at a rate a second."""

    torrents: int
    done: int
    total: int
    rate: int


@dataclass(frozen=True, slots=True)
class RegistrationChanged(Event):
    """The publisher counts this as one of its mirrors, or does so no longer.

    Attributes:
        is_counted: Which of both.
        why: What it said, empty for nothing.
    """

    kind = "mirror"

    is_counted: bool
    why: str = ""

    def __str__(self) -> str:
        if self.is_counted:
            return "registered: the publisher counts this mirror"
        return f"not registered: {self.why or 'the publisher does not say why'}"
