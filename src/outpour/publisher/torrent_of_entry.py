"""Turn an entry into a torrent: found in the made_torrents, or hashed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from outpour.making.maker import CreateOptions, create_from_tree
from outpour.making.walker import Tree, fingerprint, walk
from outpour.publisher.entries import PublishEntry
from outpour.publisher.made import MadeTorrents
from outpour.publisher.open_writers import is_written_to
from outpour.publisher.public_urls import PublicUrls
from outpour.publisher.publish_options import PublishOptions
from outpour.torrent.editor import Changes, edit
from outpour.torrent.metainfo import Metainfo

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Made:
    """A torrent of an entry.

    Attributes:
        metainfo: With our trackers and web seed in it.
        torrent: Where the .torrent file lies.
        reused: It was in the made_torrents: nothing was hashed.
    """

    metainfo: Metainfo
    torrent: Path
    reused: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """An entry as it was found on disk.

    Attributes:
        tree: Its files.
        fingerprint: Their identity without reading them.
        newest_ns: When one of them was last written, in nanoseconds since 1970.
    """

    tree: Tree
    fingerprint: bytes
    newest_ns: int


def look(entry: PublishEntry, options: PublishOptions) -> Sight:
    """List an entry's files.

    Raises:
        ReadError: Something in it cannot be read or published.
    """
    tree = walk(entry.path, hidden=options.hidden)
    newest = max((file.mtime_ns for file in tree.entries), default=0)
    return Sight(tree, fingerprint(tree), newest)


def make(
    entry: PublishEntry,
    sight: Sight,
    made_torrents: MadeTorrents,
    options: PublishOptions,
    urls: PublicUrls,
    progress: Progress,
) -> Made | None:
    """Find the entry's torrent in the made_torrents, or make it; None while it is written to.

    A torrent that was made for other addresses gets the new ones: they lie outside the info
    dictionary, so its infohash stays and nothing is hashed.

    Raises:
        ReadError: The content cannot be read, or changed while it was hashed.
        WriteError: The .torrent file cannot be written.
    """
    choices = options.info_digest()
    found = made_torrents.find(entry.path, sight.fingerprint, choices)
    if found is None and is_written_to(sight.tree):
        return None
    if found is None:
        metainfo = create_from_tree(
            sight.tree,
            CreateOptions(
                trackers=_tiers(options, urls),
                web_seeds=(urls.web_seed(entry.name, is_folder=sight.tree.is_folder),),
                comment=options.comment,
                private=options.private,
                source=options.source,
                piece_length=options.piece_length,
                format=options.format,
            ),
            progress,
        )
    else:
        metainfo = readdress(found, options, urls)
    if metainfo is found:
        return Made(found, made_torrents.torrent_path(entry.path), reused=True)
    torrent = made_torrents.keep(entry.path, sight.fingerprint, choices, metainfo)
    return Made(metainfo, torrent, reused=found is not None)


def readdress(metainfo: Metainfo, options: PublishOptions, urls: PublicUrls) -> Metainfo:
    """Give a torrent the addresses and the comment of this publication."""
    tiers = _tiers(options, urls)
    return edit(
        metainfo,
        Changes(
            announce=tiers[0][0],
            announce_list=tiers if len(tiers) > 1 else None,
            web_seeds=(urls.web_seed(metainfo.info.name, is_folder=metainfo.info.is_folder),),
            comment=options.comment,
        ),
    )


def _tiers(options: PublishOptions, urls: PublicUrls) -> tuple[tuple[str, ...], ...]:
    return (*urls.tiers, *((url,) for url in options.extra_trackers))
