"""What a publisher put beside its content: descriptions, checksums and signatures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from outpour.web.contract import ContentRoot


@dataclass(frozen=True, slots=True)
class Writing:
    """What a publisher wrote beside the content.

    Attributes:
        text: As it stands in the file.
        is_markdown: To be shown as Markdown; else as it stands.
        folder: Where its relative links lead from, as a path below `/content/`.
        is_in_file: It stands in a file; else in the publisher's catalogue.
    """

    text: str
    is_markdown: bool
    folder: tuple[str, ...] = ()
    is_in_file: bool = True


SidecarKind = Literal["checksums", "description", "readme", "signature"]


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A file that belongs to content and is no torrent of its own.

    Attributes:
        name: What it is called below `/content/`.
        label: The name of the file.
        kind: What it is for.
        length: Bytes.
        modified_ns: When it was last written to, in nanoseconds.
    """

    name: str
    label: str
    kind: SidecarKind
    length: int
    modified_ns: int = 0

    @property
    def tag(self) -> str:
        """Changes with the file."""
        return f"{self.modified_ns:x}-{self.length:x}"


@dataclass(frozen=True, slots=True)
class About:
    """What is said of a torrent, or of a folder of them.

    Attributes:
        writing: Its description, None if there is none.
        sidecars: The files that belong to it.
    """

    writing: Writing | None = None
    sidecars: tuple[Sidecar, ...] = ()


class Beside(Protocol):
    """The files of a publisher that are no torrents, as the web sees them."""

    def revision(self) -> object:
        """Changes whenever one of them comes, goes or changes."""

    async def about(self, infohash: bytes) -> About:
        """What is said of a torrent: its description, and the files that belong to it."""

    async def about_group(self, group: str | None) -> About:
        """The same of the folder of a group; of the only one, or of none, for None."""

    def checksums(self, infohash: bytes) -> Mapping[tuple[str, ...], str]:
        """The SHA-256 that are known of a torrent's files, in hexadecimal, by path.

        The only file of a torrent that is no folder has the empty path. From any thread.
        """

    def sidecars(self) -> Mapping[str, Sidecar]:
        """All files that belong to content, by what they are called below `/content/`."""

    def group_of(self, name: str) -> str | None:
        """The group of what one of them belongs to, None without one."""

    def root(self, name: str) -> ContentRoot | None:
        """Where one of them lies; from any thread. None if there is none of this name."""


class NothingBeside:
    """Of a tracker alone, which has no files."""

    def revision(self) -> object:
        """Always the same."""
        return 0

    async def about(self, infohash: bytes) -> About:
        """Nothing."""
        del infohash
        return About()

    async def about_group(self, group: str | None) -> About:
        """Nothing."""
        del group
        return About()

    def checksums(self, infohash: bytes) -> Mapping[tuple[str, ...], str]:
        """None."""
        del infohash
        return {}

    def sidecars(self) -> Mapping[str, Sidecar]:
        """None."""
        return {}

    def group_of(self, name: str) -> str | None:
        """None."""
        del name
        return None

    def root(self, name: str) -> ContentRoot | None:
        """None."""
        del name
        return None
