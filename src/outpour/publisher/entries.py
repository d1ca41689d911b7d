"""What the published paths hold: entries that each become one torrent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from outpour.base.errors import ReadError, UsageError, reason
from outpour.base.text import printable
from outpour.making.globs import PathTest, matcher
from outpour.making.symlinks import check_link
from outpour.making.walker import is_left_out
from outpour.publisher.catalogue_file import CatalogueEntry
from outpour.publisher.publish_options import PublishOptions
from outpour.publisher.sidecar_rule import Belonging, belongings

# Names that say "not finished yet" or "not content" in tools that copy and download.
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".aria2", ".!qB")


@dataclass(frozen=True, slots=True)
class PublishEntry:
    """A file or folder that becomes one torrent.

    Attributes:
        path: Where it is; its last component is the torrent's name.
        folder: The published folder that it was found in, None if it was named itself.
        is_link: It is a symbolic link.
        listed: What a catalogue says of it, None if it is in none.
    """

    path: Path
    folder: Path | None = None
    is_link: bool = False
    listed: CatalogueEntry | None = None

    @property
    def is_remote(self) -> bool:
        """Whether its content lies on servers, and nothing is at its path."""
        return self.listed is not None and self.listed.is_remote

    @property
    def name(self) -> str:
        """The torrent's name."""
        return self.path.name

    @property
    def where(self) -> str:
        """Where its content lies: a path, or a URL."""
        if self.listed is not None and self.listed.is_remote:
            return self.listed.where
        return str(self.path.absolute())

    def check_link(self, options: PublishOptions) -> None:
        """Hold a link in a published folder against the rule that `create` has for links.

        Raises:
            ReadError: It is one that may not be followed.
        """
        if self.folder is None or not self.is_link:
            return
        if options.symlinks == "keep":
            raise ReadError(
                f"`{printable(str(self.path))}`: a link, which is no torrent by itself",
                hint="choose with `--symlinks` what becomes of links",
            )
        check_link(str(self.path), os.path.realpath(self.folder), options.symlinks)


@dataclass(frozen=True, slots=True)
class Listed:
    """What one published path holds.

    Attributes:
        entries: In the order of names; what belongs to others is among them.
        belongings: By path, what belongs to others by its name.
    """

    entries: tuple[PublishEntry, ...]
    belongings: Mapping[Path, Belonging]


def entries(path: Path, options: PublishOptions) -> Listed:
    """List what one published path holds.

    Raises:
        ReadError: It is missing or cannot be listed.
    """
    try:
        if options.as_one or not path.is_dir():
            path.stat()
            return Listed((PublishEntry(path),), {})
        excluded = matcher(options.exclude)
        with os.scandir(path) as listing:
            items = [item for item in listing if _is_content(item, options, excluded)]
        items.sort(key=lambda item: os.fsencode(item.name))
        found = tuple(PublishEntry(path / item.name, path, item.is_symlink()) for item in items)
        files = [item.name for item in items if item.is_file(follow_symlinks=False)]
        belonging = belongings({item.name for item in items}, files)
        return Listed(found, {path / name: one for name, one in belonging.items()})
    except OSError as error:
        raise ReadError(
            f"`{path}`: {reason(error)}", hint="name a folder or file that you can read"
        ) from None


def check_apart(options: PublishOptions) -> None:
    """Refuse what is never to be published, where it would be.

    In a published folder itself it is left out, so that `publish . --state state` works.

    Raises:
        UsageError: One is published itself, or lies deeper within what is.
    """
    excluded = matcher(options.exclude)
    for path, apart in ((path, apart) for path in options.paths for apart in options.apart):
        whole = path.resolve()
        if apart != whole and whole not in apart.parents:
            continue
        parts = apart.relative_to(whole).parts
        is_left = len(parts) == 1 and not options.as_one
        if not is_left and not any(
            is_left_out(parts[: count + 1], options.hidden, False, excluded)
            for count in range(len(parts))
        ):
            raise UsageError(
                f"`{printable(str(apart))}`: would be published with `{printable(str(path))}`",
                hint="state, keys, tokens and logs are for you alone: keep them elsewhere",
            )


def _is_apart(item: os.DirEntry[str], options: PublishOptions) -> bool:
    if not item.is_symlink() and all(item.name != apart.name for apart in options.apart):
        return False
    return Path(item.path).resolve() in options.apart


def _is_content(item: os.DirEntry[str], options: PublishOptions, excluded: PathTest | None) -> bool:
    name = item.name
    if _is_apart(item, options):
        return False
    if is_left_out((name,), options.hidden, False, excluded) or name.endswith(_UNFINISHED):
        return False
    if name.endswith(".torrent") and not item.is_dir():
        return False
    if item.is_symlink():
        # One that may not be followed is said, not passed over.
        return options.symlinks != "skip"
    return item.is_file() or item.is_dir()
